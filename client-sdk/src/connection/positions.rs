//! How far each topic was received: what makes the gap after a reconnect exact.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Gap, GapCause};

/// Topics that are remembered in a lane. Beyond, all are forgotten: their next gap over a reconnect
/// isn't counted, and where their messages go is found anew.
const TOPICS_MAX: usize = 16 * 1024;

/// A place in a topic's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) epoch: u64,
    pub(super) seq: u64,
    /// Which message of the lane it was.
    pub(super) tick: u64,
    /// Over which connection it came.
    pub(super) connection: u64,
}

/// What is remembered of a topic.
#[derive(Debug)]
pub(super) struct Topic<T> {
    pub(super) name: Arc<str>,
    /// Where its messages go, as of `generation` of the filters.
    pub(super) targets: Arc<[T]>,
    pub(super) generation: Option<u64>,
    pub(super) position: Option<Position>,
}

/// The topics of one lane.
#[derive(Debug)]
pub(super) struct Topics<T> {
    topics: HashMap<Arc<str>, Topic<T>>,
}

impl<T> Default for Topics<T> {
    fn default() -> Self {
        Self { topics: HashMap::new() }
    }
}

impl<T> Topics<T> {
    pub(super) fn entry(&mut self, name: &str) -> &mut Topic<T> {
        if !self.topics.contains_key(name) {
            if self.topics.len() == TOPICS_MAX {
                self.topics.clear();
            }
            let name: Arc<str> = Arc::from(name);
            self.topics.insert(Arc::clone(&name), Topic::new(name));
        }
        self.topics.get_mut(name).expect("it was inserted if it wasn't there")
    }
}

impl<T> Topic<T> {
    fn new(name: Arc<str>) -> Self {
        Self { name, targets: Arc::from([]), generation: None, position: None }
    }

    /// What was missed between the last message of an earlier connection and this one, with the
    /// tick of the last.
    pub(super) fn missed(&self, now: Position) -> Option<(Gap, u64)> {
        let last = self.position?;
        let anew = last.connection < now.connection && last.epoch == now.epoch;
        if !anew || now.seq <= last.seq + 1 {
            return None;
        }
        let gap = Gap {
            topic: Some(Arc::clone(&self.name)),
            epoch: Some(now.epoch),
            first_seq: Some(last.seq + 1),
            last_seq: Some(now.seq - 1),
            count: now.seq - last.seq - 1,
            reason: GapCause::Interrupted,
        };
        Some((gap, last.tick))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(connection: u64, epoch: u64, seq: u64) -> Position {
        Position { epoch, seq, tick: seq, connection }
    }

    fn missed(last: Position, now: Position) -> Option<u64> {
        let mut topic = Topic::<()>::new(Arc::from("t"));
        topic.position = Some(last);
        topic.missed(now).map(|(gap, _)| gap.count)
    }

    #[test]
    fn what_lies_between_two_connections_is_counted_exactly() {
        assert_eq!(missed(at(1, 7, 10), at(2, 7, 11)), None);
        assert_eq!(missed(at(1, 7, 10), at(2, 7, 12)), Some(1));
        assert_eq!(missed(at(1, 7, 10), at(3, 7, 111)), Some(100));
    }

    #[test]
    fn another_epoch_and_the_same_connection_count_nothing() {
        assert_eq!(missed(at(1, 7, 10), at(2, 8, 100)), None);
        assert_eq!(missed(at(1, 7, 10), at(1, 7, 100)), None);
    }

    #[test]
    fn a_topic_beyond_the_bound_makes_all_be_forgotten() {
        let mut topics = Topics::<()>::default();
        for number in 0..TOPICS_MAX {
            topics.entry(&number.to_string());
        }
        assert_eq!(topics.topics.len(), TOPICS_MAX);
        topics.entry("one more");
        assert_eq!(topics.topics.len(), 1);
    }
}
