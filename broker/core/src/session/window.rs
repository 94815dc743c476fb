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

mod marks;

use std::collections::VecDeque;
use std::time::Duration;

pub(crate) use marks::lane_of;
use marks::{Mark, Probe};

use super::credit::Credit;

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
/// How many times as long as on the empty link a mark takes where something waits in front of it, and the
/// least that counts for a time on the empty link.
const QUEUED_TIMES: u32 = 2;
const SHORTEST_TRIP: Duration = Duration::from_millis(1);

/// How much of one lane may be on its way.
#[derive(Debug)]
pub(crate) struct Window {
    size: u64,
    /// The most that it may be.
    most: u64,
    /// Whether the peer tells by itself what it has consumed.
    of_credit: bool,
    /// Whether this bounds what may be on its way; of what is kept whole it doesn't.
    bounds: bool,
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
    /// How long the newest mark took that has come back, if any has.
    took: Option<Duration>,
    /// Up to where what was sent has arrived, and since when: what wasn't consumed since.
    arrivals: VecDeque<(u64, Duration)>,
    /// Up to where it arrived so long ago that a program which keeps up had consumed it.
    lies: u64,
    /// When the oldest mark was sent that never came back and was sent again, since one came back.
    reminded: Option<Duration>,
    /// Since when a channel refuses that would have to take the next mark, while none is on its way.
    stuck: Option<Duration>,
    /// Whether a mark that is on its way should have come back by now.
    late: bool,
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

impl Window {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            size: START_BYTES,
            most: MOST_BYTES,
            of_credit: false,
            bounds: true,
            sent: 0,
            consumed: 0,
            marked: 0,
            marks: VecDeque::new(),
            took: None,
            arrivals: VecDeque::new(),
            lies: 0,
            reminded: None,
            stuck: None,
            late: false,
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

    /// For a lane that is kept whole: what may be on its way says its `credit` alone, if there is any, and
    /// what has arrived is measured.
    pub(crate) fn of_what_is_kept(now: Duration, credit: Option<&Credit>) -> Self {
        let most = credit.map_or(MOST_BYTES, Credit::window);
        let totals = credit.map_or((0, 0), Credit::totals);
        let of_credit = Self::of_credit(now, most, totals);
        Self { size: most, most, bounds: false, ..of_credit }
    }

    /// Whether it bounds what may be on its way.
    pub(crate) fn bounds(&self) -> bool {
        self.bounds
    }

    /// How many bytes more may be sent; more than 0 allow one message at least.
    pub(crate) fn room(&self) -> u64 {
        match self.bounds {
            true => self.size.saturating_sub(self.sent - self.consumed),
            false => u64::MAX,
        }
    }

    /// How much may be on its way, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether what may be on its way is what the link takes, as far as marks tell: they come back, and in
    /// time. Where something else bounds it, the link may just be long: then marks come back as soon as the
    /// `shortest` on this link did, or nearly.
    pub(crate) fn follows_its_link(&self, shortest: Duration) -> bool {
        let is_queued = |took| took > QUEUED_TIMES * shortest.max(SHORTEST_TRIP);
        let follows = |took| self.size < self.most || is_queued(took);
        !self.late && self.took.is_some_and(follows)
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

    /// The peer told that it has consumed so many bytes since the link began.
    pub(crate) fn told(&mut self, bytes: u64, now: Duration, waits: bool) {
        let before = std::mem::replace(&mut self.consumed, bytes.min(self.sent));
        while self.arrivals.pop_front_if(|(place, _)| *place <= bytes).is_some() {}
        if self.consumed != before {
            self.waited &= waits;
            if self.probe.is_none() && self.bounds {
                self.measure(now, waits);
            }
        }
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

#[cfg(test)]
mod tests;
