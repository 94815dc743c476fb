//! Who has something to write, in rounds: how much has come since the first in line was last served.
//!
//! Whoever reads fast still waits for its turn, behind all who have something to write too. Where
//! that takes long, since there are thousands of them and each is written much, what comes meanwhile
//! is more than a lane may hold, and the broker would end for its own slowness a client that isn't
//! slow. So it is known here how much that is, and publishers can be held back for it; and whoever has
//! made room, which tells that it reads, goes in turn with the first of the round.

use std::collections::VecDeque;

use broker_delivery::lane::Lane;

use super::Shard;
use crate::session::{LaneFrame, Session};

/// Sessions with something to write, in the order in which they came to have it.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    slots: VecDeque<u32>,
    /// Those whose link has made room, and whether the next turn is theirs.
    made_room: VecDeque<u32>,
    their_turn: bool,
    /// How many of the first ones, from the front, belong to the round that is under way.
    left: usize,
    /// Bytes of all frames of the log when that round began, and when the one before it did: those
    /// of this round came to have something to write in that one.
    began: u64,
    before: u64,
    /// The most bytes that waited in one lane in the round that is under way, and in the one before
    /// it, where the link would have taken them.
    most: u64,
    most_before: u64,
}

/// What came since the first of those with something to write came to have it, at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unserved {
    /// Bytes of messages, of all topics.
    pub bytes: u64,
    /// How many of them wait in one lane, in that which has the most.
    pub lane_bytes: u64,
}

impl Dirty {
    /// Appends a session, unless it is here.
    #[inline]
    pub(super) fn mark(&mut self, session: &mut Session) {
        if !std::mem::replace(&mut session.dirty, true) {
            self.slots.push_back(session.id.slot);
        }
    }

    /// The same of one whose link has made room.
    pub(super) fn mark_with_room(&mut self, session: &mut Session) {
        if !std::mem::replace(&mut session.dirty, true) {
            self.made_room.push_back(session.id.slot);
        }
    }

    /// Notes how much waits in a lane whose link would take it. What is held for an interval isn't owed.
    #[inline]
    pub(super) fn note(&mut self, lane: &Lane<LaneFrame>) {
        if !lane.is_paced() {
            self.note_bytes(lane.bytes());
        }
    }

    fn note_bytes(&mut self, lane_bytes: u64) {
        self.most = self.most.max(lane_bytes);
    }

    /// Takes the first, of the round or of those who made room, in turn. With the last of a round begins
    /// the next one, at `frames_end` of the log.
    fn pop(&mut self, frames_end: u64) -> Option<u32> {
        self.their_turn = !self.their_turn && !self.made_room.is_empty();
        if self.their_turn || self.slots.is_empty() {
            return self.made_room.pop_front();
        }
        if self.left == 0 {
            self.left = self.slots.len();
            self.before = std::mem::replace(&mut self.began, frames_end);
            self.most_before = std::mem::take(&mut self.most);
        }
        self.left -= 1;
        self.slots.pop_front()
    }

    /// Says that nobody had anything to write before `frames_end`, if that is so.
    pub(super) fn rest(&mut self, frames_end: u64) {
        if self.is_empty() {
            (self.began, self.before) = (frames_end, frames_end);
            (self.most, self.most_before) = (0, 0);
        }
    }

    /// What came since the first came to have something to write.
    fn unserved(&self, frames_end: u64) -> Unserved {
        let (since, lane_bytes) = match (self.slots.is_empty(), self.left) {
            (true, _) => return Unserved::default(),
            (false, 0) => (self.began, self.most),
            (false, _) => (self.before, self.most.max(self.most_before)),
        };
        Unserved { bytes: frames_end - since, lane_bytes }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len() + self.made_room.len()
    }

    /// Whether nobody has anything to write.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.made_room.is_empty()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &u32> {
        self.slots.iter().chain(&self.made_room)
    }
}

impl Shard {
    /// The next session with something to write, if any. It is to be [`flushed`](Shard::flush).
    pub fn next_dirty(&mut self) -> Option<u32> {
        while let Some(slot) = self.dirty.pop(self.log.frames_end()) {
            if let Some(session) = self.sessions.get_mut(slot as usize) {
                session.dirty = false;
                return Some(slot);
            }
        }
        None
    }

    /// How many sessions have something to write.
    pub fn dirty(&self) -> usize {
        self.dirty.len()
    }

    /// What may wait in lanes of clients that take all that they are offered. Nothing if nobody has
    /// anything to write.
    pub fn unserved(&self) -> Unserved {
        self.dirty.unserved(self.log.frames_end())
    }

    pub(super) fn mark_dirty(&mut self, slot: u32) {
        self.dirty.mark(&mut self.sessions[slot as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::{Dirty, Unserved};

    #[test]
    fn what_came_is_counted_from_when_the_first_in_line_came_to_be_there() {
        let mut dirty = Dirty::default();
        dirty.rest(1_000);
        (0..3).for_each(|slot| dirty.slots.push_back(slot));
        assert_eq!(dirty.pop(1_010), Some(0), "the round began at 1,010");
        dirty.slots.push_back(0);
        assert_eq!(dirty.unserved(1_025).bytes, 25);
        assert_eq!((dirty.pop(1_030), dirty.pop(1_040)), (Some(1), Some(2)));
        assert_eq!(
            dirty.unserved(1_050).bytes,
            40,
            "0 is there again since some time behind 1,010"
        );
        assert_eq!(dirty.pop(1_060), Some(0));
        dirty.rest(1_070);
        dirty.slots.push_back(7);
        assert_eq!(dirty.unserved(1_075).bytes, 5, "nobody was there at 1,070");
    }

    #[test]
    fn the_lane_with_the_most_counts_until_the_round_behind_its_own_is_over() {
        let mut dirty = Dirty::default();
        (0..2).for_each(|slot| dirty.slots.push_back(slot));
        dirty.note_bytes(30);
        assert_eq!(
            (dirty.pop(50), dirty.unserved(50).lane_bytes),
            (Some(0), 30),
            "1 may have them"
        );
        dirty.slots.push_back(0);
        dirty.note_bytes(20);
        assert_eq!((dirty.pop(50), dirty.unserved(50).lane_bytes), (Some(1), 20));
        assert_eq!(dirty.pop(50), Some(0));
        assert_eq!(dirty.unserved(50), Unserved::default());
        dirty.slots.push_back(1);
        assert_eq!((dirty.pop(50), dirty.unserved(50).lane_bytes), (Some(1), 0));
    }

    #[test]
    fn who_made_room_goes_in_turn_with_the_first_of_the_round() {
        let mut dirty = Dirty::default();
        (0..3).for_each(|slot| dirty.slots.push_back(slot));
        [8, 9].into_iter().for_each(|slot| dirty.made_room.push_back(slot));
        let order: Vec<u32> = std::iter::from_fn(|| dirty.pop(0)).collect();
        assert_eq!(order, [8, 0, 9, 1, 2]);
        [8, 9].into_iter().for_each(|slot| dirty.made_room.push_back(slot));
        assert_eq!((dirty.pop(0), dirty.pop(0), dirty.pop(0)), (Some(8), Some(9), None));
    }
}
