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

/// When a subscription received what its lane brought, in messages of the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attended {
    /// It began for the first time behind this message.
    pub(super) since: u64,
    /// The last one of earlier connections.
    pub(super) until: u64,
    /// It began in this connection behind this one.
    pub(super) begun: u64,
}

/// What is remembered of a topic.
#[derive(Debug)]
pub(super) struct Topic<T> {
    pub(super) name: Arc<str>,
    /// Where its messages go, as of `generation` of the filters.
    pub(super) targets: Arc<[T]>,
    pub(super) generation: Option<u64>,
    position: Option<Position>,
    /// The last one of an earlier connection than `position`.
    before: Option<Position>,
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

    /// Forgets how far the topics were received: what lies behind was told otherwise.
    pub(super) fn forget_positions(&mut self) {
        for topic in self.topics.values_mut() {
            (topic.position, topic.before) = (None, None);
        }
    }
}

impl<T> Topic<T> {
    fn new(name: Arc<str>) -> Self {
        let (position, before) = (None, None);
        Self { name, targets: Arc::from([]), generation: None, position, before }
    }

    /// Notes how far the topic was received.
    pub(super) fn advance(&mut self, to: Position) {
        let last = self.position.replace(to);
        if let Some(last) = last.filter(|last| last.connection < to.connection) {
            self.before = Some(last);
        }
    }

    /// What a subscription missed between the last message that it received over an earlier
    /// connection and this one, its first over the present one.
    pub(super) fn missed(&self, attended: Attended, now: Position) -> Option<Gap> {
        let newest = self.position?;
        if newest.connection == now.connection && newest.tick > attended.begun {
            return None;
        }
        let received = |at: &Position| attended.since < at.tick && at.tick <= attended.until;
        let last = [Some(newest), self.before].into_iter().flatten().find(received)?;
        if last.epoch != now.epoch || now.seq <= last.seq + 1 {
            return None;
        }
        Some(Gap {
            topic: Some(Arc::clone(&self.name)),
            epoch: Some(now.epoch),
            first_seq: Some(last.seq + 1),
            last_seq: Some(now.seq - 1),
            count: now.seq - last.seq - 1,
            reason: GapCause::Interrupted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(connection: u64, epoch: u64, seq: u64) -> Position {
        Position { epoch, seq, tick: seq, connection }
    }

    /// How many messages a subscription missed that received all of these but the last.
    fn missed(positions: &[Position], attended: Attended) -> Option<u64> {
        let (now, earlier) = positions.split_last().unwrap();
        let mut topic = Topic::<()>::new(Arc::from("t"));
        earlier.iter().for_each(|position| topic.advance(*position));
        topic.missed(attended, *now).map(|gap| gap.count)
    }

    const THERE_UNTIL_10: Attended = Attended { since: 0, until: 10, begun: 10 };

    #[test]
    fn what_lies_between_two_connections_is_counted_exactly() {
        assert_eq!(missed(&[at(1, 7, 10), at(2, 7, 11)], THERE_UNTIL_10), None);
        assert_eq!(missed(&[at(1, 7, 10), at(2, 7, 12)], THERE_UNTIL_10), Some(1));
        assert_eq!(missed(&[at(1, 7, 10), at(3, 7, 111)], THERE_UNTIL_10), Some(100));
    }

    #[test]
    fn another_epoch_and_the_same_connection_count_nothing() {
        assert_eq!(missed(&[at(1, 7, 10), at(2, 8, 100)], THERE_UNTIL_10), None);
        let first = Attended { since: 0, until: 0, begun: 0 };
        assert_eq!(missed(&[at(1, 7, 10), at(1, 7, 100)], first), None);
    }

    #[test]
    fn who_begins_later_in_a_connection_misses_what_others_received_in_it() {
        let late = Attended { begun: 15, ..THERE_UNTIL_10 };
        assert_eq!(missed(&[at(1, 7, 10), at(2, 7, 15), at(2, 7, 16)], late), Some(5));
        assert_eq!(missed(&[at(1, 7, 10), at(2, 7, 15), at(2, 7, 16)], THERE_UNTIL_10), None);
        let told = [at(1, 7, 10), at(2, 7, 15), at(2, 7, 16), at(2, 7, 20)];
        assert_eq!(missed(&told, late), None);
    }

    #[test]
    fn who_left_out_a_connection_misses_all_of_it() {
        let absent = Attended { begun: 15, ..THERE_UNTIL_10 };
        assert_eq!(missed(&[at(1, 7, 10), at(2, 7, 15), at(3, 7, 20)], absent), Some(9));
    }

    #[test]
    fn who_was_not_there_before_misses_nothing() {
        let new = Attended { since: 10, until: 10, begun: 10 };
        assert_eq!(missed(&[at(1, 7, 10), at(2, 7, 15)], new), None);
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
