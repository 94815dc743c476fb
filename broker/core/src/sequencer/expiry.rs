//! Retained values that have expired give way to others, a bounded number in each turn.

use std::time::Duration;

use super::Sequencer;

/// How many go in each turn, so that no batch waits for many that expire at once.
const EXPIRED_PER_TURN: usize = 64;

/// How many go before a publish is refused for want of room.
const EXPIRED_AT_LIMIT: usize = 256;

impl Sequencer {
    /// Forgets some values that have expired.
    pub(super) fn let_expire(&mut self, now: Duration) {
        self.forget_expired(now, EXPIRED_PER_TURN);
    }

    /// Forgets more of them, since there is no room for another.
    pub(super) fn make_room(&mut self, now: Duration) {
        self.forget_expired(now, EXPIRED_AT_LIMIT);
    }

    fn forget_expired(&mut self, now: Duration, most: usize) {
        let Self { retained, topics, .. } = self;
        let expired = std::iter::from_fn(|| retained.forget_expired(now)).take(most);
        expired.for_each(|topic| topics.let_go(&topic));
    }
}
