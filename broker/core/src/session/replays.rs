//! The replays of a lane that aren't over.

use std::collections::VecDeque;

use super::Session;
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

impl Session {
    /// The replays of a lane, of which there are some from now on.
    pub(crate) fn replays_of(&mut self, lane: usize) -> &mut Replays {
        self.may_replay = true;
        self.dealings.get_or_insert_default().replays.get_or_default(lane)
    }

    /// Whether there are replays that aren't over. Who has none costs no look at its dealings.
    pub(crate) fn has_replays(&mut self) -> bool {
        self.may_replay = self.may_replay
            && self.dealings.as_ref().is_some_and(|dealings| !dealings.replays.is_empty());
        self.may_replay
    }
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
