//! How much of a conflating lane may be on its way: old values mustn't lie in buffers in front of
//! new ones.
//!
//! The peer's consumption is measured with marks that travel behind the data and come back. The
//! window is what the peer consumed in the last quarter of a second: that much is delivered within a
//! quarter of a second, however slow the link is. Where the way itself is longer, twice the round
//! trip takes its place, so that a long way isn't taken for a narrow one.
//!
//! A client that takes part in credit tells by itself what it has consumed, so that a slow program
//! is taken for a slow link. Marks come back as soon as they are read: one behind the first packet,
//! and one in each probe, tell how long the way is.
//!
//! The round trip can be seen only while little else is on its way: behind the first packet of a
//! lane, and then in a *probe*, for which the window is made small now and then (the idea of BBR,
//! Cardwell et al. 2016).

use std::collections::VecDeque;
use std::time::Duration;

/// The least that may be on its way, in bytes; one message at least.
const LEAST_BYTES: u64 = 8 << 10;
/// What may be on its way before anything was measured, in bytes.
const START_BYTES: u64 = 64 << 10;
/// The most that may be on its way, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// Over which time consumption is measured, at least and at most.
const MEASURED_OVER: Duration = Duration::from_millis(250);
const MEASURED_OVER_MAX: Duration = Duration::from_secs(1);
/// How old the round trip may be while the lane waits.
const TRIP_AGE_MAX: Duration = Duration::from_secs(10);
/// A mark is due for each such part of the window.
const MARKS_IN_A_WINDOW: u64 = 4;
/// The lane's number takes so many bits of a mark.
const LANE_BITS: u32 = 4;

/// How much of one lane may be on its way.
#[derive(Debug)]
pub(crate) struct Window {
    size: u64,
    /// The most that it may be.
    most: u64,
    /// Whether the peer tells by itself what it has consumed.
    of_credit: bool,
    /// Bytes handed to the link since it began, and those of them that the peer has consumed.
    sent: u64,
    consumed: u64,
    /// Where the last mark stands.
    marked: u64,
    /// Marks on their way, oldest first.
    marks: VecDeque<Mark>,
    /// The shortest round trip since it was last looked for.
    trip: Option<Duration>,
    trip_at: Duration,
    /// While the round trip is looked for.
    probe: Option<Probe>,
    /// What the peer consumed when the lane last waited, in bytes a second.
    rate: Option<f64>,
    /// When the measurement began, and what had been consumed by then.
    since: Duration,
    base: u64,
    /// Whether the lane has waited ever since.
    waited: bool,
}

/// A look for the round trip.
#[derive(Debug, Clone, Copy)]
struct Probe {
    /// Marks behind this byte count.
    from: u64,
    /// The window meanwhile put aside.
    size: u64,
    /// The round trip that was known before.
    known: Option<Duration>,
}

/// A mark on its way.
#[derive(Debug, Clone, Copy)]
struct Mark {
    place: u64,
    /// Its number among the marks of all lanes that share the link.
    serial: u64,
    sent_at: Duration,
    /// What was on its way in front of it, in bytes.
    ahead: u64,
}

impl Window {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            size: START_BYTES,
            most: MOST_BYTES,
            of_credit: false,
            sent: 0,
            consumed: 0,
            marked: 0,
            marks: VecDeque::new(),
            trip: None,
            trip_at: now,
            probe: None,
            rate: None,
            since: now,
            base: 0,
            waited: false,
        }
    }

    /// For a peer that tells what it has consumed, of which so much was sent and consumed so far.
    pub(crate) fn of_credit(now: Duration, most: u64, (sent, consumed): (u64, u64)) -> Self {
        let (most, marked, base) = (most.min(MOST_BYTES), sent, consumed);
        let size = START_BYTES.min(most);
        Self { size, most, of_credit: true, sent, consumed, marked, base, ..Self::new(now) }
    }

    /// How many bytes more may be sent; more than 0 allow one message at least.
    pub(crate) fn room(&self) -> u64 {
        self.size.saturating_sub(self.sent - self.consumed)
    }

    /// So many bytes were handed to the link.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// The lane begins to wait: what is consumed from here on is what its peer can do.
    pub(crate) fn begins_to_wait(&mut self, now: Duration) {
        (self.since, self.base, self.waited) = (now, self.consumed, true);
    }

    /// Nothing waits in the lane: what is consumed from here on says little of its peer.
    pub(crate) fn fell_idle(&mut self) {
        self.waited = false;
    }

    /// The mark that is to be sent behind what was sent so far, if one is due.
    pub(crate) fn due_mark(&self, lane: u8) -> Option<u64> {
        if self.of_credit {
            return self.wants_trip().then_some(self.sent << LANE_BITS | u64::from(lane));
        }
        let unmarked = self.sent - self.marked;
        let soon = self.room() == 0 || self.marked == 0 || self.probe.is_some();
        let due = unmarked >= self.size / MARKS_IN_A_WINDOW || unmarked > 0 && soon;
        due.then_some(self.sent << LANE_BITS | u64::from(lane))
    }

    /// Whether a mark is to tell how long the way is, to who tells by itself what was consumed.
    fn wants_trip(&self) -> bool {
        self.sent > self.marked
            && match self.probe {
                Some(probe) => self.sent > probe.from && self.marked <= probe.from,
                None => self.trip.is_none() && self.marks.is_empty(),
            }
    }

    /// The due mark was sent, with this number among those of all lanes that share the link.
    pub(crate) fn sent_mark(&mut self, now: Duration, serial: u64) {
        let ahead = self.sent - self.consumed;
        self.marked = self.sent;
        self.marks.push_back(Mark { place: self.sent, serial, sent_at: now, ahead });
    }

    /// The peer told that it has consumed so many bytes since the link began.
    pub(crate) fn told(&mut self, bytes: u64, now: Duration, waits: bool) {
        let before = std::mem::replace(&mut self.consumed, bytes.min(self.sent));
        if self.consumed != before {
            self.waited &= waits;
            if self.probe.is_none() {
                self.measure(now, waits);
            }
        }
    }

    /// The number of a mark that is on its way.
    pub(crate) fn serial_of(&self, mark: u64) -> Option<u64> {
        let place = mark >> LANE_BITS;
        self.marks.iter().find(|mark| mark.place == place).map(|mark| mark.serial)
    }

    /// The newest mark that is on its way, and its number.
    pub(crate) fn newest_mark(&self, lane: u8) -> Option<(u64, u64)> {
        let newest = self.marks.back()?;
        Some((newest.serial, newest.place << LANE_BITS | u64::from(lane)))
    }

    /// Whether the oldest mark that is on its way should have come back long ago.
    pub(crate) fn is_overdue(&self, now: Duration, after: Duration) -> bool {
        self.marks.front().is_some_and(|mark| now.saturating_sub(mark.sent_at) >= after)
    }

    /// Has a mark sent again, as if some of what was sent were behind the last one.
    pub(crate) fn remind(&mut self) {
        if self.of_credit {
            self.marks.clear();
            self.marked = self.probe.map_or(self.marked, |probe| self.marked.min(probe.from));
        }
        self.marked = self.marked.min(self.sent.saturating_sub(1));
    }

    /// The mark of this number came back: all in front of it, and of earlier ones, was consumed.
    /// `waits` says whether the lane waits.
    pub(crate) fn returned(&mut self, serial: u64, now: Duration, waits: bool) {
        let before = self.consumed;
        while let Some(mark) = self.marks.pop_front_if(|mark| mark.serial <= serial) {
            if !self.of_credit {
                self.consumed = mark.place;
            }
            self.note_trip(mark, now);
        }
        if self.consumed == before && !self.of_credit {
            return;
        }
        self.waited &= waits;
        match self.probe {
            Some(probe) if self.trip.is_some() => {
                (self.probe, self.size, self.trip_at) = (None, probe.size, now);
                (self.since, self.base, self.waited) = (now, self.consumed, waits);
            }
            None if !self.of_credit => self.measure(now, waits),
            _ => {}
        }
    }

    /// Sees how long the way is by a mark that came back: what was in front of it needed its time.
    fn note_trip(&mut self, mark: Mark, now: Duration) {
        if self.probe.is_some_and(|probe| mark.place <= probe.from) {
            return;
        }
        let seen = now.saturating_sub(mark.sent_at);
        let trip = match self.probe.zip(self.rate) {
            Some((probe, rate)) => {
                let needed = Duration::from_secs_f64(mark.ahead as f64 / rate);
                // What is slow may be behind the way: that doesn't make the way shorter.
                let known = probe.known.filter(|_| self.of_credit).unwrap_or_default();
                seen.saturating_sub(needed).max(known.min(seen))
            }
            None => seen,
        };
        self.trip = Some(self.trip.map_or(trip, |known| known.min(trip)));
    }

    fn measure(&mut self, now: Duration, waits: bool) {
        let over = (2 * self.trip.unwrap_or_default()).clamp(MEASURED_OVER, MEASURED_OVER_MAX);
        let elapsed = now.saturating_sub(self.since);
        if elapsed < over {
            return;
        }
        let rate = ((self.consumed - self.base).max(1)) as f64 / elapsed.as_secs_f64();
        let measured = (rate * over.as_secs_f64()) as u64;
        let measured = measured.clamp(LEAST_BYTES.min(self.most), self.most);
        if self.waited {
            (self.rate, self.size) = (Some(rate), measured);
        } else {
            self.size = self.size.max(measured);
        }
        (self.since, self.base) = (now, self.consumed);
        if self.waited && now.saturating_sub(self.trip_at) >= TRIP_AGE_MAX {
            let known = self.trip.take();
            self.probe = Some(Probe { from: self.sent, size: self.size, known });
            self.size = LEAST_BYTES.min(self.most);
        }
        self.waited = waits;
    }
}

/// The lane of a mark.
pub(crate) fn lane_of(mark: u64) -> u8 {
    (mark & ((1 << LANE_BITS) - 1)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn give_back(window: &mut Window, mark: u64, now: Duration, waits: bool) {
        let serial = window.serial_of(mark).expect("it is on its way");
        window.returned(serial, now, waits);
    }

    /// What became of a lane in the last ten of sixty seconds.
    #[derive(Debug)]
    struct Seen {
        /// The most that was on its way to the peer or waited there.
        most: u64,
        /// What the peer consumed.
        consumed: u64,
    }

    /// A lane that always waits, in front of a peer that consumes so many bytes in a millisecond and
    /// whose answers need so many milliseconds more; that to the first mark needs `first`.
    fn after_a_minute(rate: u64, trip: u32, first: u32) -> Seen {
        let mut window = Window::new(Duration::ZERO);
        let (mut consumed, mut before, mut most, mut serial) = (0, 0, 0, 1);
        let (mut way, mut returning) = (VecDeque::new(), VecDeque::new());
        window.sent(1);
        window.sent_mark(Duration::ZERO, 1);
        returning.push_back((1 << LANE_BITS, MILLISECOND * first));
        window.begins_to_wait(Duration::ZERO);
        for step in 0..60_000 {
            let now = MILLISECOND * step;
            while window.room() > 0 {
                window.sent(1000.min(window.room()) as usize);
                if let Some(mark) = window.due_mark(3) {
                    serial += 1;
                    window.sent_mark(now, serial);
                    way.push_back(mark);
                }
            }
            consumed = window.sent.min(consumed + rate);
            while let Some(mark) = way.pop_front_if(|mark| *mark >> LANE_BITS <= consumed) {
                returning.push_back((mark, now + MILLISECOND * trip));
            }
            while let Some((mark, _)) = returning.pop_front_if(|(_, at)| *at <= now) {
                give_back(&mut window, mark, now, true);
            }
            match step {
                49_999 => before = consumed,
                50_000.. => most = most.max(window.sent - consumed),
                _ => {}
            }
        }
        Seen { most, consumed: consumed - before }
    }

    /// The same for a peer that tells by itself, in steps of a quarter of the least window, and reads
    /// marks at once.
    fn told_for_a_minute(rate: u64, trip: u32) -> Seen {
        let mut window = Window::of_credit(Duration::ZERO, MOST_BYTES, (0, 0));
        let (mut consumed, mut told, mut before, mut most) = (0, 0, 0, 0);
        let (mut returning, mut marks, mut serial) = (VecDeque::new(), VecDeque::new(), 0);
        window.begins_to_wait(Duration::ZERO);
        for step in 0..60_000 {
            let now = MILLISECOND * step;
            while window.room() > 0 {
                window.sent(1000.min(window.room()) as usize);
                if window.due_mark(3).is_some() {
                    serial += 1;
                    window.sent_mark(now, serial);
                    marks.push_back((serial, now + MILLISECOND * trip));
                }
            }
            while let Some((serial, _)) = marks.pop_front_if(|(_, at)| *at <= now) {
                window.returned(serial, now, true);
            }
            consumed = window.sent.min(consumed + rate);
            if consumed - told >= LEAST_BYTES / 4 {
                told = consumed;
                returning.push_back((told, now + MILLISECOND * trip));
            }
            while let Some((told, _)) = returning.pop_front_if(|(_, at)| *at <= now) {
                window.told(told, now, true);
            }
            match step {
                49_999 => before = consumed,
                50_000.. => most = most.max(window.sent - consumed),
                _ => {}
            }
        }
        Seen { most, consumed: consumed - before }
    }

    #[test]
    fn a_slow_peer_that_tells_is_busy_and_has_a_quarter_of_a_second_on_its_way() {
        let seen = told_for_a_minute(100, 0);
        assert!(seen.most <= 32_000 && seen.consumed >= 950_000, "{seen:?}");
    }

    #[test]
    fn a_long_way_is_not_taken_for_a_narrow_one_where_the_peer_tells() {
        let seen = told_for_a_minute(100, 400);
        assert!(seen.consumed >= 850_000, "{seen:?}");
        assert!(seen.most <= 115_000, "{seen:?}");
    }

    #[test]
    fn a_fast_peer_that_tells_is_not_held_up_and_a_very_slow_one_has_the_least_on_its_way() {
        let seen = told_for_a_minute(100_000, 1);
        assert!(seen.consumed >= 900_000_000, "{seen:?}");
        let seen = told_for_a_minute(2, 0);
        assert!(seen.most <= LEAST_BYTES + 1_000 && seen.consumed >= 18_000, "{seen:?}");
    }

    #[test]
    fn a_slow_peer_is_busy_and_has_a_quarter_of_a_second_on_its_way() {
        let seen = after_a_minute(100, 0, 0);
        assert!(seen.most <= 30_000 && seen.consumed >= 950_000, "{seen:?}");
    }

    #[test]
    fn a_round_trip_that_was_seen_on_a_full_link_is_soon_forgotten() {
        let seen = after_a_minute(100, 0, 5_000);
        assert!(seen.most <= 30_000 && seen.consumed >= 950_000, "{seen:?}");
    }

    #[test]
    fn a_long_way_is_not_taken_for_a_narrow_one() {
        let seen = after_a_minute(100, 400, 400);
        assert!(seen.consumed >= 850_000, "{seen:?}");
        assert!(seen.most <= 110_000, "{seen:?}");
    }

    #[test]
    fn a_very_slow_peer_has_the_least_on_its_way() {
        let seen = after_a_minute(2, 0, 10);
        assert!(seen.most <= LEAST_BYTES + 1_000 && seen.consumed >= 18_000, "{seen:?}");
    }

    #[test]
    fn a_fast_peer_is_not_held_up() {
        let seen = after_a_minute(100_000, 1, 1);
        assert!(seen.consumed >= 900_000_000, "{seen:?}");
        assert!(seen.most <= MOST_BYTES, "{seen:?}");
    }

    #[test]
    fn a_peer_that_keeps_up_never_loses_any_of_it() {
        let mut window = Window::new(Duration::ZERO);
        for step in 1..1000 {
            window.sent(20_000);
            let mark = window.due_mark(0).expect("each is more than a quarter");
            window.sent_mark(MILLISECOND * 1000 * step, u64::from(step));
            window.fell_idle();
            give_back(&mut window, mark, MILLISECOND * 1000 * step, false);
            assert!(window.size >= START_BYTES);
        }
    }

    #[test]
    fn a_mark_is_always_on_its_way_when_there_is_no_room() {
        let mut window = Window::new(Duration::ZERO);
        window.sent(1);
        assert!(window.due_mark(0).is_some(), "the first packet is marked");
        window.sent_mark(Duration::ZERO, 1);
        window.sent(START_BYTES as usize / 8);
        assert_eq!(window.due_mark(0), None);
        window.size = LEAST_BYTES;
        assert_eq!(window.room(), 0);
        assert!(window.due_mark(0).is_some());
    }

    #[test]
    fn a_mark_that_was_never_sent_says_nothing() {
        let mut window = Window::new(Duration::ZERO);
        window.sent(START_BYTES as usize);
        window.sent_mark(Duration::ZERO, 1);
        assert_eq!((window.serial_of(u64::MAX), window.serial_of(5 << LANE_BITS)), (None, None));
        window.returned(0, MILLISECOND, true);
        assert_eq!(window.room(), 0);
    }
}
