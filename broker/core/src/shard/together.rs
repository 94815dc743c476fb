//! Messages of one topic beside each other, where nobody can tell.
//!
//! Publishers that take topics in turn leave the messages of a topic scattered in the order, and
//! what a subscriber of one topic gets would be scattered in the log: a step into its lane for each
//! message, and a copy of each before it is sent. A lane that gets one topic alone can't tell in
//! which order messages of different topics are written. So those of a topic that only such lanes
//! get are moved together, to where the first of them stood; all others keep their order.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::routes::RoutePlace;
use crate::{Publication, TopicId};

/// How many messages' memory is kept for the next turns.
const KEPT: usize = 16 << 10;

/// Messages that came one behind the other, and the order in which they are to be written.
#[derive(Debug, Default)]
pub(super) struct Together {
    publications: Vec<Publication>,
    /// The place of each: where the first stood that it is moved to, and where it stood itself.
    order: Vec<(u32, u32)>,
    /// Where the first message of each topic stood that only narrow lanes get.
    firsts: HashMap<RoutePlace, u32, FixedState>,
}

impl Together {
    /// Adds a message.
    pub(super) fn push(&mut self, publication: Publication) {
        self.publications.push(publication);
    }

    /// Finds the order in which they are written. `narrow` tells the route of a message if all who
    /// get it get no other topic.
    pub(super) fn arrange(&mut self, mut narrow: impl FnMut(&Publication) -> Option<RoutePlace>) {
        let Self { publications, order, firsts } = self;
        // Mostly many of one topic follow each other.
        let mut last: Option<(TopicId, Option<u32>)> = None;
        for (publication, place) in publications.iter().zip(0..) {
            let topic_id = publication.topic_id;
            let first = match last.filter(|(last, _)| *last == topic_id) {
                Some((_, first)) => first,
                None => narrow(publication).map(|route| *firsts.entry(route).or_insert(place)),
            };
            last = Some((topic_id, first));
            order.push((first.unwrap_or(place), place));
        }
        order.sort_unstable();
    }

    /// Whether nothing came.
    pub(super) fn is_empty(&self) -> bool {
        self.publications.is_empty()
    }

    /// The messages, in the order in which they are to be written.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Publication> {
        self.order.iter().map(|(_, place)| &self.publications[*place as usize])
    }

    /// The same memory without messages, unless it was much.
    pub(super) fn emptied(mut self) -> Self {
        if self.publications.capacity() > KEPT {
            return Self::default();
        }
        self.publications.clear();
        self.order.clear();
        self.firsts.clear();
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;

    /// The order in which messages of these topics are written, the topics below 10 narrow.
    fn written(topics: &[u64]) -> Vec<(u64, u64)> {
        let mut together = Together::default();
        for (seq, topic) in (0..).zip(topics) {
            let (topic_id, parts) = (TopicId(*topic), Bytes::new());
            let topic = Arc::from("a");
            together.push(Publication {
                topic,
                topic_id,
                seq,
                epoch: 1,
                time: 0,
                expires: None,
                parts,
            });
        }
        together.arrange(|publication| {
            let topic = publication.topic_id.0;
            (topic < 10).then_some(RoutePlace(topic as usize))
        });
        together.iter().map(|publication| (publication.topic_id.0, publication.seq)).collect()
    }

    #[test]
    fn messages_of_a_narrow_topic_move_to_the_first_of_them_and_keep_their_order() {
        assert_eq!(written(&[1, 2, 1, 2, 1]), [(1, 0), (1, 2), (1, 4), (2, 1), (2, 3)]);
    }

    #[test]
    fn messages_of_other_topics_keep_their_order_among_themselves() {
        let written = written(&[20, 1, 30, 1, 20, 30]);
        assert_eq!(written, [(20, 0), (1, 1), (1, 3), (30, 2), (20, 4), (30, 5)]);
    }

    #[test]
    fn nothing_is_left_of_the_last_messages() {
        let mut together = Together::default();
        let parts = Bytes::new();
        let topic = Arc::from("a");
        let topic_id = TopicId(1);
        together.push(Publication {
            topic,
            topic_id,
            seq: 1,
            epoch: 1,
            time: 0,
            expires: None,
            parts,
        });
        together.arrange(|_| Some(RoutePlace(0)));
        let together = together.emptied();
        assert_eq!(together.iter().count(), 0);
        assert!(together.firsts.is_empty() && together.publications.is_empty());
    }
}
