//! Which shard a connection lives in: the one with the fewest.

use std::sync::{Mutex, PoisonError};

use broker_core::ShardId;

/// How many connections each shard has, and how many there may be in all.
///
/// A connection counts from the moment it has its place, so that what a burst brings is spread
/// before the first handshake is done, until it is gone. The lock is taken twice in the life of a
/// connection and never on the way of a message.
#[derive(Debug)]
pub(crate) struct Seating {
    occupied: Mutex<Occupied>,
    connections_max: usize,
}

#[derive(Debug)]
struct Occupied {
    by_shard: Vec<usize>,
    /// The shard whose turn it is among those with equally few.
    next: usize,
}

/// Whether a connection may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Welcome {
    Yes,
    /// There are as many as there may be: it is to be told so, and closed.
    TooMany,
}

impl Seating {
    pub(crate) fn new(shards: u16, connections_max: usize) -> Self {
        let by_shard = vec![0; usize::from(shards)];
        Self { occupied: Mutex::new(Occupied { by_shard, next: 0 }), connections_max }
    }

    /// Counts a connection in where the fewest are; equal ones take turns.
    pub(crate) fn place(&self) -> (ShardId, Welcome) {
        self.change(|occupied| {
            let shard = occupied.emptiest();
            (ShardId(shard as u16), occupied.enter(shard, self.connections_max))
        })
    }

    /// Counts a connection in that has to live in this shard.
    pub(crate) fn enter(&self, shard: ShardId) -> Welcome {
        self.change(|occupied| occupied.enter(usize::from(shard.0), self.connections_max))
    }

    /// Counts a connection out.
    pub(crate) fn leave(&self, shard: ShardId) {
        self.change(|occupied| occupied.by_shard[usize::from(shard.0)] -= 1);
    }

    /// How many connections each shard has.
    pub(crate) fn counts(&self) -> Vec<usize> {
        self.change(|occupied| occupied.by_shard.clone())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Occupied) -> T) -> T {
        change(&mut self.occupied.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Occupied {
    fn emptiest(&mut self) -> usize {
        let count = self.by_shard.len();
        let in_turn = (self.next..count).chain(0..self.next);
        let emptiest = in_turn.min_by_key(|shard| self.by_shard[*shard]).unwrap_or(0);
        self.next = (emptiest + 1) % count;
        emptiest
    }

    /// Who is too much is counted all the same, to be told why.
    fn enter(&mut self, shard: usize, connections_max: usize) -> Welcome {
        let here: usize = self.by_shard.iter().sum();
        self.by_shard[shard] += 1;
        if here < connections_max { Welcome::Yes } else { Welcome::TooMany }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(seating: &Seating, count: usize) -> Vec<u16> {
        (0..count).map(|_| seating.place().0.0).collect()
    }

    #[test]
    fn connections_go_round_while_the_shards_have_equally_many() {
        assert_eq!(place(&Seating::new(3, 100), 7), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_shard_that_was_left_fills_up_before_the_others_grow() {
        let seating = Seating::new(4, 100);
        place(&seating, 40);
        (0..10).for_each(|_| seating.leave(ShardId(2)));
        assert_eq!(place(&seating, 10), [2; 10]);
        place(&seating, 2);
        let counts = seating.counts();
        let (least, most) = (counts.iter().min(), counts.iter().max());
        assert_eq!((least, most), (Some(&10), Some(&11)), "{counts:?}");
    }

    #[test]
    fn connections_that_stay_with_their_listener_count_like_the_others() {
        let seating = Seating::new(2, 100);
        (0..3).for_each(|_| assert_eq!(seating.enter(ShardId(0)), Welcome::Yes));
        assert_eq!(place(&seating, 4), [1, 1, 1, 0]);
    }

    #[test]
    fn the_connection_beyond_the_most_is_counted_and_not_welcome() {
        let seating = Seating::new(2, 2);
        assert_eq!(seating.place(), (ShardId(0), Welcome::Yes));
        assert_eq!(seating.enter(ShardId(0)), Welcome::Yes);
        assert_eq!(seating.place(), (ShardId(1), Welcome::TooMany));
        assert_eq!(seating.counts(), [2, 1]);
        seating.leave(ShardId(1));
        seating.leave(ShardId(0));
        assert_eq!(seating.enter(ShardId(1)), Welcome::Yes);
    }
}
