//! How far each topic was received: what makes the gap after a reconnect exact.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Gap, GapCause};

/// Topics that are remembered in a lane. Beyond, all are forgotten: their next gap over a reconnect
/// isn't counted, and where their messages go is found anew.
const TOPICS_MAX: usize = 16 * 1024;

/// What the lane said of a topic: a message, or a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) epoch: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    /// How many messages it accounts for.
    pub(super) count: u64,
}

/// When it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// In which connection.
    pub(super) connection: u64,
    /// As which word of the lane.
    pub(super) tick: u64,
}

/// How far a topic was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    epoch: u64,
    /// The highest that is accounted for.
    seq: u64,
    /// All up to here are accounted for.
    whole: u64,
    /// How many below `seq` are not accounted for yet: while a lane conflates, newer messages of
    /// one key come before older ones of others.
    open: u64,
    at: Moment,
}

impl Position {
    /// Behind the first word.
    fn behind(word: Word, at: Moment) -> Self {
        let before = word.first.saturating_sub(1);
        let nothing = Self { epoch: word.epoch, seq: before, whole: before, open: 0, at };
        nothing.and(word, at)
    }

    /// Behind one more word.
    fn and(self, word: Word, at: Moment) -> Self {
        let seq = self.seq.max(word.last);
        let open = (self.open + (seq - self.seq)).saturating_sub(word.count);
        let whole = if open == 0 { seq } else { self.whole };
        Self { epoch: self.epoch, seq, whole, open, at }
    }
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
    /// Where its messages go.
    targets: Box<[T]>,
    /// As of which generation of the filters.
    generation: Option<u64>,
    /// In which connection all of these have heard of it.
    heard_in: Option<u64>,
    position: Option<Position>,
    /// The last one of an earlier connection than `position`.
    before: Option<Position>,
}

/// The topics of one lane.
#[derive(Debug)]
pub(super) struct Topics<T> {
    topics: Vec<Topic<T>>,
    places: HashMap<Arc<str>, usize>,
    /// The place of the one that was asked for last: mostly it is the next one too.
    last: usize,
}

impl<T> Default for Topics<T> {
    fn default() -> Self {
        Self { topics: Vec::new(), places: HashMap::new(), last: 0 }
    }
}

impl<T> Topics<T> {
    /// What is known of a topic. A run of messages of one topic finds it once.
    pub(super) fn entry(&mut self, name: &str) -> &mut Topic<T> {
        if self.topics.get(self.last).is_none_or(|last| *last.name != *name) {
            self.last = self.place(name);
        }
        &mut self.topics[self.last]
    }

    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        if self.topics.len() == TOPICS_MAX {
            self.topics.clear();
            self.places.clear();
        }
        let (name, place): (Arc<str>, _) = (Arc::from(name), self.topics.len());
        self.places.insert(Arc::clone(&name), place);
        self.topics.push(Topic::new(name));
        place
    }

    /// Forgets how far the topics were received: what lies behind was told otherwise.
    pub(super) fn forget_positions(&mut self) {
        for topic in &mut self.topics {
            (topic.position, topic.before, topic.heard_in) = (None, None, None);
        }
    }
}

impl<T> Topic<T> {
    fn new(name: Arc<str>) -> Self {
        let (targets, generation, heard_in) = (Box::from([]), None, None);
        Self { name, targets, generation, heard_in, position: None, before: None }
    }

    pub(super) fn targets(&self) -> &[T] {
        &self.targets
    }

    /// Finds anew where its messages go, if that isn't known as of this generation of the filters.
    pub(super) fn aim<F: FnOnce() -> Vec<T>>(&mut self, generation: u64, find: F) {
        if self.generation != Some(generation) {
            self.targets = find().into();
            (self.generation, self.heard_in) = (Some(generation), None);
        }
    }

    /// Whether all of the targets have heard of it over this connection: then they miss nothing, and go
    /// on where they were.
    pub(super) fn is_heard_in(&self, connection: u64) -> bool {
        self.heard_in == Some(connection)
    }

    /// All of the targets hear of it.
    pub(super) fn heard(&mut self, connection: u64) {
        self.heard_in = Some(connection).filter(|_| !self.targets.is_empty());
    }

    /// Notes what was said. `attended` tells whether somebody who is to hear it was there at a tick
    /// already: only then nothing can be missing in between.
    pub(super) fn advance(&mut self, word: Word, at: Moment, attended: impl FnOnce(u64) -> bool) {
        let continues = |last: &Position| {
            (last.at.connection, last.epoch) == (at.connection, word.epoch)
                && (word.first == last.seq.saturating_add(1) || attended(last.at.tick))
        };
        let last = self.position;
        self.position = Some(match last.filter(continues) {
            Some(last) => last.and(word, at),
            None => Position::behind(word, at),
        });
        if let Some(last) = last.filter(|last| last.at.connection < at.connection) {
            self.before = Some(last);
        }
    }

    /// What a subscription missed between what it received over an earlier connection and this
    /// word, its first over the present one.
    pub(super) fn missed(&self, attended: Attended, word: Word, at: Moment) -> Option<Gap> {
        let newest = self.position?;
        if newest.at.connection == at.connection && newest.at.tick > attended.begun {
            return None;
        }
        let received =
            |last: &Position| attended.since < last.at.tick && last.at.tick <= attended.until;
        let last = [Some(newest), self.before].into_iter().flatten().find(received)?;
        let before = word.first.saturating_sub(1).max(last.seq);
        let count = last.open.saturating_add(before - last.seq);
        (last.epoch == word.epoch && count > 0).then(|| Gap {
            topic: Some(Arc::clone(&self.name)),
            epoch: Some(word.epoch),
            first_seq: Some(last.whole.saturating_add(1)),
            last_seq: Some(before),
            count,
            reason: GapCause::Interrupted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(epoch: u64, seq: u64) -> Word {
        Word { epoch, first: seq, last: seq, count: 1 }
    }

    /// A message that came as the word of its own number.
    fn at(connection: u64, epoch: u64, seq: u64) -> (Word, Moment) {
        (message(epoch, seq), Moment { connection, tick: seq })
    }

    /// What a subscription missed before the last of these words.
    fn gap(words: &[(Word, Moment)], attended: Attended) -> Option<Gap> {
        let ((last, now), earlier) = words.split_last().unwrap();
        let mut topic = Topic::<()>::new(Arc::from("t"));
        for (word, at) in earlier {
            topic.advance(*word, *at, |tick| tick > attended.since);
        }
        topic.missed(attended, *last, *now)
    }

    fn missed(words: &[(Word, Moment)], attended: Attended) -> Option<u64> {
        gap(words, attended).map(|gap| gap.count)
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

    /// Words of one connection, and a message that is the first over the next.
    fn missed_behind(words: &[Word], seq: u64) -> Option<(u64, u64, u64)> {
        let moments = (1..).map(|tick| Moment { connection: 1, tick });
        let mut said: Vec<_> = words.iter().copied().zip(moments).collect();
        said.push((message(7, seq), Moment { connection: 2, tick: 11 }));
        let gap = gap(&said, THERE_UNTIL_10)?;
        Some((gap.first_seq?, gap.last_seq?, gap.count))
    }

    #[test]
    fn what_waited_behind_newer_messages_of_other_keys_is_counted_too() {
        let conflated = Word { epoch: 7, first: 1, last: 5, count: 3 };
        // 6 replaces 1, 3 and 5; 2 and 4, of other keys, are still to come.
        let mut words = vec![conflated, message(7, 6)];
        assert_eq!(missed_behind(&words, 7), Some((1, 6, 2)));
        assert_eq!(missed_behind(&words, 10), Some((1, 9, 5)));
        words.push(message(7, 2));
        assert_eq!(missed_behind(&words, 10), Some((1, 9, 4)));
        words.push(message(7, 4));
        assert_eq!(missed_behind(&words, 7), None);
        assert_eq!(missed_behind(&words, 10), Some((7, 9, 3)));
    }

    #[test]
    fn what_nobody_who_is_there_could_receive_was_not_missed() {
        let words = [at(1, 7, 3), at(1, 7, 9), at(2, 7, 11)];
        let late = Attended { since: 3, until: 10, begun: 10 };
        assert_eq!(missed(&words, late), Some(1));
    }

    #[test]
    fn a_topic_beyond_the_bound_makes_all_be_forgotten() {
        let mut topics = Topics::<()>::default();
        for number in 0..TOPICS_MAX {
            topics.entry(&number.to_string());
        }
        assert_eq!(topics.topics.len(), TOPICS_MAX);
        topics.entry("one more");
        assert_eq!((topics.topics.len(), topics.places.len()), (1, 1));
    }
}
