//! Looks at what those who are behind want of the log, so that it can let go of the rest.
//!
//! Mostly all in front of the oldest entry that anybody wants is enough to let go of, and what is the
//! oldest is found by a few sessions in a turn: nobody comes to want an older one meanwhile. Only where
//! that frees too little, since somebody wants a few that are old, everybody is looked at in one turn
//! and each entry counted.

use broker_delivery::lane::{Entries as _, Extent};

use super::Shard;
use crate::Log;
use crate::session::Session;

/// How many sessions are looked at in a turn at least.
const SESSIONS_PER_TURN: usize = 32;

/// How much is written while all are looked at once, in bytes of frames, at most.
const ROUND_BYTES: usize = 256 << 10;

/// The part of what is owed that a turn takes, if that is more.
const OWED_PART: usize = 8;

/// How many rounds' worth a turn has written that looks at all at once. It took so long that a look is
/// nothing beside it, and what it wrote is held until the look is over.
const ROUNDS_AT_ONCE: usize = 2;

/// A look at sessions, over as many turns as it takes.
#[derive(Debug)]
pub(super) struct Look {
    /// The slots of those who may want something.
    slots: Vec<u32>,
    /// How many of them were looked at.
    seen: usize,
    /// The oldest entry that any of them wants, or that is kept in any case.
    oldest: u64,
    /// How many are left to later turns, at the least.
    owed: usize,
}

impl Shard {
    /// Goes on with a look, or begins one if it is time. The log lets go of what nobody wants.
    pub(super) fn look_some(&mut self) {
        let written = self.written_in_turn();
        if self.look.is_none() && self.log.wants_look() {
            self.look = Some(self.begin_look());
        }
        let Some(mut look) = self.look.take() else { return };
        let end = look.slots.len().min(look.seen + look.share(written));
        for slot in &look.slots[look.seen..end] {
            if let Some(session) = self.sessions.get_mut(*slot as usize) {
                session.keep_no_more(&mut self.log);
                look.oldest = session.oldest_wanted(look.oldest, &self.log);
            }
        }
        look.seen = end;
        if end < look.slots.len() {
            self.look = Some(look);
        } else if !self.log.retire_before(look.oldest) {
            self.retire();
        }
    }

    /// How much was written since the last turn, in bytes of frames.
    fn written_in_turn(&mut self) -> usize {
        let end = self.log.end();
        let start = std::mem::replace(&mut self.looked_at, end).max(self.log.first());
        self.log.bytes(Extent { start, end }) as usize
    }

    fn begin_look(&mut self) -> Look {
        let tail = self.tail();
        let mut slots = self.behind();
        slots.extend(self.holders.in_front_of(tail));
        slots.sort_unstable();
        slots.dedup();
        Look { slots, seen: 0, owed: 0, oldest: tail }
    }

    /// From which entry on the log is kept in any case.
    fn tail(&self) -> u64 {
        let Self { log, holders, late, .. } = self;
        let tail = if holders.is_empty() { log.end() } else { log.tail() };
        late.oldest().map_or(tail, |oldest| tail.min(oldest))
    }

    /// The slots of sessions for which something may wait.
    pub(super) fn behind(&self) -> Vec<u32> {
        let mut behind: Vec<u32> = self.laggards.iter().chain(self.dirty.iter()).copied().collect();
        behind.sort_unstable();
        behind.dedup();
        behind
    }

    /// Looks at everybody, and lets the log go of what pins more than it is worth.
    fn retire(&mut self) {
        let (tail, behind) = (self.tail(), self.behind());
        let Self { sessions, log, holders, .. } = self;
        let mut wanted = log.wanted();
        holders.want(tail, sessions, log, &mut wanted);
        let sessions = behind.iter().filter_map(|slot| sessions.get(*slot as usize));
        for lane_slot in sessions.flat_map(|session| &session.lanes) {
            lane_slot.lane.visit_since(wanted.first(), |extent| wanted.add_one(extent));
        }
        log.retire(&wanted, tail);
    }
}

impl Look {
    /// How many are to be looked at in this turn.
    fn share(&mut self, written: usize) -> usize {
        let owed = self.slots.len() * written / ROUND_BYTES;
        self.owed += owed;
        let share = (self.owed / OWED_PART).max(owed / ROUNDS_AT_ONCE).max(SESSIONS_PER_TURN);
        self.owed = self.owed.saturating_sub(share);
        share
    }
}

impl Session {
    /// The oldest entry that it wants of the log, if that is in front of `oldest`.
    fn oldest_wanted(&self, oldest: u64, log: &Log) -> u64 {
        let (first, mut found) = (log.first(), oldest);
        for lane_slot in &self.lanes {
            let mut note = |start: u64, end: u64| {
                if end > first {
                    found = found.min(start.max(first));
                }
            };
            lane_slot.lane.visit_since(first, |extent| note(extent.start, extent.end));
            lane_slot.lane.kept_extents().for_each(|extent| note(extent.start, extent.end));
        }
        found
    }
}
