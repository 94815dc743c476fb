//! Marks that travel behind the data and come back: what was consumed, and how long the way is.

use std::time::Duration;

use super::Window;

/// A mark is due for each such part of the window.
const MARKS_IN_A_WINDOW: u64 = 4;
/// So many are on their way at most, to who tells by itself what was consumed.
pub(super) const MARKS_MAX: usize = 64;
/// Of what is kept whole one is due for so many bytes at most.
pub(super) const UNMARKED_BYTES_MAX: u64 = 64 << 10;
/// After how long others no longer wait for a lane of which a mark hasn't come back: longer than what
/// buffers hold, 256 KiB, takes over 10 KB/s.
const LATE_AFTER: Duration = Duration::from_secs(30);
/// After how long what has arrived and isn't consumed waits for its program: the SDK tells within 10 ms of
/// what was.
const LIES_AFTER: Duration = Duration::from_millis(100);
/// The lane's number takes so many bits of a mark.
pub(super) const LANE_BITS: u32 = 4;

/// A look for the round trip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    /// Marks behind this byte count.
    pub(super) from: u64,
    /// The window meanwhile put aside.
    pub(super) size: u64,
    /// The round trip that was known before.
    pub(super) known: Option<Duration>,
}

/// A mark on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    place: u64,
    /// Its number among the marks of all lanes that share the link.
    serial: u64,
    sent_at: Duration,
    /// What was on its way in front of it, in bytes.
    ahead: u64,
}

impl Window {
    /// The mark that is to be sent behind what was sent so far, if one is due. `is_full` says whether no more
    /// may be sent, and `beside` whether another lane has something to send: then it matters what a full
    /// lane waits for.
    pub(crate) fn due_mark(
        &self,
        lane: u8,
        is_full: bool,
        beside: impl FnOnce() -> bool,
    ) -> Option<u64> {
        if self.of_credit {
            let unmarked = self.sent - self.marked;
            // Of what is kept whole, much may be on its way before it is full.
            let much =
                !self.bounds && unmarked >= (self.size / MARKS_IN_A_WINDOW).min(UNMARKED_BYTES_MAX);
            let may_tell = (is_full && unmarked > 0 || much) && self.marks.len() < MARKS_MAX;
            let due = self.wants_trip() || may_tell && beside();
            return due.then_some(self.sent << LANE_BITS | u64::from(lane));
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

    /// The number of a mark that is on its way.
    pub(crate) fn serial_of(&self, mark: u64) -> Option<u64> {
        let place = mark >> LANE_BITS;
        self.marks.iter().find(|mark| mark.place == place).map(|mark| mark.serial)
    }

    /// How long the mark took that came back last, if one has.
    pub(crate) fn took(&self) -> Option<Duration> {
        self.took
    }

    /// The newest mark that is on its way, and its number.
    pub(crate) fn newest_mark(&self, lane: u8) -> Option<(u64, u64)> {
        let newest = self.marks.back()?;
        Some((newest.serial, newest.place << LANE_BITS | u64::from(lane)))
    }

    /// Whether a mark that is on its way should have come back long ago: the oldest, and of what is kept whole
    /// the newest, since there much may lie in front of it.
    pub(crate) fn is_overdue(&self, now: Duration, after: Duration) -> bool {
        let mark = if self.bounds { self.marks.front() } else { self.marks.back() };
        mark.is_some_and(|mark| now.saturating_sub(mark.sent_at) >= after)
    }

    /// Whether most of what may be on its way hasn't arrived, or anything of what a link `refused` to take
    /// more of. What has arrived, lies there and isn't consumed waits for its program, not for the link.
    pub(crate) fn is_under_way(&self, refused: bool) -> bool {
        let under_way = self.sent - self.consumed.max(self.lies);
        2 * under_way > self.size || refused && under_way > 0
    }

    /// Notes what lies there by now.
    pub(crate) fn note_what_lies(&mut self, now: Duration) {
        let since = |at: &Duration| now.saturating_sub(*at) >= LIES_AFTER;
        while let Some((place, _)) = self.arrivals.pop_front_if(|(_, at)| since(at)) {
            self.lies = place;
        }
    }

    /// When more will lie there, unless it is consumed.
    pub(crate) fn lies_at(&self) -> Option<Duration> {
        self.arrivals.front().map(|(_, at)| *at + LIES_AFTER)
    }

    fn arrived(&mut self, place: u64, now: Duration) {
        match self.arrivals.back_mut() {
            // Few are enough to tell the time.
            Some((last, at)) if now.saturating_sub(*at) < LIES_AFTER / 4 => *last = place,
            _ => self.arrivals.push_back((place, now)),
        }
    }

    /// Notes whether the oldest mark that hasn't come back should have by now, however often it was sent
    /// again. A channel that `refused` takes no mark either: then what stands behind the last one counts
    /// as one from here on. Returns whether that is new.
    pub(crate) fn note_late(&mut self, now: Duration, refused: bool) -> bool {
        let is_stuck = refused && self.marks.is_empty() && self.sent > self.marked;
        self.stuck = is_stuck.then(|| self.stuck.unwrap_or(now));
        let oldest = self.marks.front().map(|mark| mark.sent_at);
        let oldest = self.reminded.or(oldest).or(self.stuck);
        let is_late = oldest.is_some_and(|sent_at| now.saturating_sub(sent_at) >= LATE_AFTER);
        is_late && !std::mem::replace(&mut self.late, true)
    }

    /// Has a mark sent again, as if some of what was sent were behind the last one.
    pub(crate) fn remind(&mut self) {
        if self.of_credit && (self.bounds || self.marks.len() == MARKS_MAX) {
            self.reminded = self.reminded.or_else(|| self.marks.front().map(|mark| mark.sent_at));
            self.marks.clear();
            self.marked = self.probe.map_or(self.marked, |probe| self.marked.min(probe.from));
        }
        self.marked = self.marked.min(self.sent.saturating_sub(1));
    }

    /// The mark of this number came back: all in front of it, and of earlier ones, was consumed.
    /// `waits` says whether the lane waits.
    pub(crate) fn returned(&mut self, serial: u64, now: Duration, waits: bool) {
        let before = self.consumed;
        (self.late, self.reminded) = (false, None);
        while let Some(mark) = self.marks.pop_front_if(|mark| mark.serial <= serial) {
            self.took = Some(now.saturating_sub(mark.sent_at));
            match self.of_credit {
                true if mark.place > self.consumed => self.arrived(mark.place, now),
                true => {}
                false => self.consumed = mark.place,
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
}

/// The lane of a mark.
pub(crate) fn lane_of(mark: u64) -> u8 {
    (mark & ((1 << LANE_BITS) - 1)) as u8
}
