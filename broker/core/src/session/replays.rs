//! The replays of a lane that aren't over.

use std::collections::VecDeque;

use crate::{Cursor, Outstanding};

/// The replays of a lane that aren't over.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    /// One after the other, as far as each is still to be asked for.
    pub(crate) queue: VecDeque<Outstanding>,
    /// Whether the sequencer was asked and hasn't answered.
    pub(crate) asked: bool,
    /// What it was asked with: an answer to something else isn't waited for any more.
    pub(crate) ticket: u32,
    /// Whether the answer is the point at which the lane goes on.
    pub(crate) resyncs: bool,
}

impl Replays {
    /// Notes how far a subscription came; it is done where there is no `next`. Returns whether it is
    /// one of these.
    pub(crate) fn advance(&mut self, subscription: u64, next: Option<&Cursor>) -> bool {
        // Those that were asked for stand in front, and are answered in turn.
        let mut queue = self.queue.iter();
        let Some(place) = queue.position(|wanted| wanted.subscription == subscription) else {
            return false;
        };
        match next {
            Some(next) => self.queue[place].cursor = next.clone(),
            None => drop(self.queue.remove(place)),
        }
        true
    }
}
