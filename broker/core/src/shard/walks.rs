//! Lanes that are conflated before they have to be, a few in each turn, behind what is sent.
//!
//! Lanes that began to wait together would all come to twice their bound in the same turn, and whoever
//! keeps up would wait until all of them are walked. So each is walked from half way there on, as much
//! in a turn as is appended in it to such lanes, twice: all have had their walk before one has to.

use std::collections::VecDeque;

use super::Shard;

/// How many times as many steps a turn takes as the walk of what is appended in it to such lanes.
const TIMES_APPENDED: u64 = 2;

/// How many steps one turn takes, where no more are owed than several times that; it is a small part of a
/// millisecond.
const STEPS_PER_TURN: u64 = 2048;

/// The part of what is owed that a turn takes, if that is more.
const OWED_PART: u64 = 8;

/// Lanes whose walk is due.
#[derive(Debug, Default)]
pub(super) struct Walks {
    /// Their sessions' slots and their places there. A lane is here once; who has gone stays for the
    /// time that is left.
    due: VecDeque<(u32, usize)>,
    /// What was appended in this turn to lanes that wait and conflate, in steps of their walks.
    appended: u64,
    /// How many steps are left to later turns.
    owed: u64,
}

impl Walks {
    pub(super) fn count(&mut self, steps: u32) {
        self.appended += u64::from(steps);
    }

    pub(super) fn add(&mut self, slot: u32, lane: usize) {
        self.due.push_back((slot, lane));
    }
}

impl Shard {
    /// Walks lanes whose walk is due, the first first.
    pub(super) fn walk_some(&mut self) {
        let Self { walks, sessions, log, .. } = self;
        let owed = walks.owed + TIMES_APPENDED * std::mem::take(&mut walks.appended);
        let most = owed.min(STEPS_PER_TURN.max(owed / OWED_PART));
        let mut left = most;
        while left > 0
            && let Some((slot, lane)) = walks.due.pop_front()
        {
            let session = sessions.get_mut(slot as usize);
            if let Some(lane_slot) = session.and_then(|session| session.lanes.get_mut(lane)) {
                left = left.saturating_sub(u64::from(lane_slot.lane.walk_early(log)));
            }
        }
        walks.owed = if walks.due.is_empty() { 0 } else { owed - most };
    }

    /// Whether lanes are to be conflated in the turn that follows.
    pub(super) fn has_to_walk(&self) -> bool {
        self.walks.owed > 0
    }
}
