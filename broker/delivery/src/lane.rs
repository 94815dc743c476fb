//! The lane: one independently ordered channel of a session, and what waits in it.
//!
//! A lane holds *references* to entries of a log, never bytes: what waits is a list of extents,
//! and for a lane that keeps up a delivery is the extension of the last one. Bounds, overflow and
//! the books are kept here; the bytes are the log's affair, reached through [`Entries`].
//!
//! *Waiting* begins when the link refuses ([`Lane::block`]) and ends when nothing is left: only
//! then the bound applies, and [conflation](Lane::conflate). What one turn gathers for a ready link
//! is never dropped and never conflated.
//!
//! Invariant: per topic, what was delivered plus what gaps told plus what waits is what was pushed.

mod books;
mod conflate;
mod ending;
mod entries;
mod expiry;
mod item;
mod kept;
mod ledger;
mod newest;
mod options;
mod overflow;
mod paced;
mod pacing;
mod push;
mod room;
mod sent;
mod unreliable;
mod walked;
mod wanted;

pub use books::Books;
pub use conflate::Key;
pub use entries::{Entries, FoldedEntry};
pub use item::{Extent, Frame, Item};
pub use kept::{AsTheyAre, Departure, NoWayBack};
pub use ledger::{Gap, GapReason, Ledger, Missing};
pub use newest::{Newest, Skipped};
pub use options::{Bound, Keep, LaneOptions, OptionsError, Overflow, PRIORITY_MAX};
pub use overflow::{Overflowed, Pushed};
pub use room::Room;
pub use sent::Sent;

use std::collections::VecDeque;

use kept::Kept;
use walked::Walked;

/// One independently ordered channel of a session.
#[derive(Debug)]
pub struct Lane<F> {
    items: VecDeque<Item<F>>,
    /// What stands in front of `items` and isn't messages, once some were dropped there: so that
    /// dropping the next one moves nothing. Never empty.
    #[expect(clippy::box_collection, reason = "few lanes have it, and there are many lanes")]
    passed: Option<Box<VecDeque<Item<F>>>>,
    /// How far what waits was conflated, while anything waits.
    walked: Option<Box<Walked>>,
    messages: u32,
    bytes: u64,
    gap_bytes: u64,
    waiting: bool,
    /// Whether what is sent is kept.
    keeps: bool,
    /// Whether its client is away, or has come back and isn't up to date yet: then it isn't ended for
    /// being behind.
    lenient: bool,
    /// Whether what is pushed is discarded, since a [resync](Overflow::Resync) has begun.
    discarding: bool,
    /// Whether it was said that a walk is due.
    due: bool,
    options: LaneOptions,
    /// Frames handed to the link since the lane's start.
    frames: u64,
    /// What was sent last, of what is kept, and its bytes.
    recent: Extent,
    recent_bytes: u32,
    kept: Option<Box<Kept<F>>>,
    /// What of `kept` is asked with each packet: its bytes, and whether what is too much is let go at once.
    kept_bytes: u64,
    kept_at_once: bool,
    books: Books,
}

impl<F: Frame> Lane<F> {
    /// An empty lane.
    pub fn new(options: LaneOptions) -> Self {
        let mut lane = Self::keeping_up(options);
        lane.set_pace();
        lane
    }

    fn keeping_up(options: LaneOptions) -> Self {
        Self {
            items: VecDeque::new(),
            passed: None,
            walked: None,
            messages: 0,
            bytes: 0,
            gap_bytes: 0,
            waiting: false,
            keeps: false,
            lenient: false,
            discarding: false,
            due: false,
            options,
            frames: 0,
            recent: Extent::default(),
            recent_bytes: 0,
            kept: None,
            kept_bytes: 0,
            kept_at_once: false,
            books: Books::default(),
        }
    }

    /// The options in force.
    pub fn options(&self) -> &LaneOptions {
        &self.options
    }

    /// Changes the options. What was conflated stays as it is; a lane that waits meets its new bound.
    pub fn set_options(&mut self, options: LaneOptions, log: &mut impl Entries) -> Pushed {
        if options.keep != self.options.keep
            && let Some(walked) = &mut self.walked
        {
            walked.forget_places();
        }
        self.options = options;
        self.change_pace(log);
        if self.waiting { self.enforce_bound(log) } else { Pushed::Kept }
    }

    /// The counters.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Messages that wait, frames and gaps not counted.
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Bytes that wait: messages, frames and gaps.
    pub fn bytes(&self) -> u64 {
        self.bytes + self.gap_bytes
    }

    /// Whether nothing is left to send, now or later.
    pub fn is_empty(&self) -> bool {
        !self.is_due() && !self.holds_any()
    }

    /// Whether something is to be sent now.
    #[inline]
    pub fn is_due(&self) -> bool {
        !self.items.is_empty() || self.passed.is_some()
    }

    /// Whether the link has refused and something still waits.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Whether a [resync](Overflow::Resync) has begun: messages are discarded and told until it
    /// [goes on](Lane::go_on).
    pub fn is_discarding(&self) -> bool {
        self.discarding
    }

    /// Ends the discarding: what is pushed from now on is kept.
    pub fn go_on(&mut self) {
        self.discarding = false;
        self.waiting = self.is_due();
    }

    /// Has what comes from now on wait, since there is no link, and drops rather than ends at the
    /// bound until its client has caught up again.
    pub fn hold(&mut self) {
        (self.waiting, self.lenient) = (true, true);
    }

    /// Says that the link refused while something is left: waiting begins, and the bound applies.
    pub fn block(&mut self, log: &mut impl Entries) -> Pushed {
        if self.is_empty() {
            return Pushed::Kept;
        }
        self.waiting |= self.is_due();
        self.enforce_bound(log)
    }
}

#[cfg(test)]
mod tests;
