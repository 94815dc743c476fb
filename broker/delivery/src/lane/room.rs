//! How much may join a lane without an overflow.

use super::{Frame, Lane};

/// How much may join a lane without an overflow: what is refused where there is none.
///
/// Several that are to join together take theirs one by one, before any of them joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    messages: u64,
    bytes: u64,
    /// Whether nothing waits: then one message may be larger than the bound.
    empty: bool,
}

impl Room {
    /// That of a lane which finds room by itself.
    pub const ENDLESS: Self = Self { messages: u64::MAX, bytes: u64::MAX, empty: true };

    /// Whether one more of this size may join.
    pub fn has(&self, bytes: u64) -> bool {
        self.empty || self.messages > 0 && bytes <= self.bytes
    }

    /// One of this size joins.
    pub fn take(&mut self, bytes: u64) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.empty = false;
    }
}

impl<F: Frame> Lane<F> {
    /// How much may join without an overflow.
    pub fn room(&self) -> Room {
        let bound = &self.options.bound;
        if self.discarding {
            return Room { messages: 0, bytes: 0, empty: false };
        }
        let messages = u64::from(bound.messages).saturating_sub(self.messages_and_gaps());
        let bytes = bound.bytes.saturating_sub(self.bytes());
        Room { messages, bytes, empty: self.is_empty() }
    }

    /// Whether one more of this size may join without an overflow: the room that a message to one
    /// client or a routed request needs.
    pub fn has_room(&self, size: u64) -> bool {
        self.room().has(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Room = Room { messages: 3, bytes: 100, empty: true };

    #[test]
    fn what_takes_its_room_leaves_the_rest_to_the_others() {
        let mut room = BOUND;
        room.take(40);
        assert!(room.has(60) && !room.has(61));
        room.take(40);
        room.take(10);
        assert!(!room.has(1), "three are as many as may wait");
    }

    #[test]
    fn the_first_of_an_empty_lane_may_be_larger_and_nothing_joins_it() {
        let mut room = BOUND;
        assert!(room.has(1000));
        room.take(1000);
        assert!(!room.has(1) && room.has(0));
    }
}
