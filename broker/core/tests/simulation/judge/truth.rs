//! What was published, and which place in the order each message was seen to have.

mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Wrong;
use crate::plan::TOPICS;

/// A place in a topic's order: epoch and sequence.
pub(crate) type Place = (u64, u64);

/// What publishers recorded.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) by: usize,
    pub(crate) kind: Kind,
    /// The key that it was given.
    pub(crate) key: Option<&'static str>,
    pub(crate) step: u64,
    pub(crate) has_id: bool,
    pub(crate) wish: Wish,
    /// When somebody knew first that it was taken.
    pub(crate) known_at: Option<Duration>,
    pub(crate) acked: bool,
    pub(crate) refused: bool,
    pub(crate) place: Option<Place>,
    /// How many sessions got it as a message to one client.
    pub(crate) sent_to: u32,
    /// By which hold who calls holds what is called.
    pub(crate) of_hold: Option<usize>,
}

/// What else its publisher wished, and when.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    pub(crate) retained: bool,
    /// Whether what is retained of its key is forgotten.
    pub(crate) clears: bool,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) said_at: Duration,
    /// What it says, as a patch.
    pub(crate) patch: serde_json::Value,
}

/// What a message was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Everybody: the place of the topic in the list.
    Publish(usize),
    /// One client by name.
    Send(String),
    /// A method of a callback.
    Call(usize, usize),
}

/// What was published, and which place each message was seen to have.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) records: Vec<Record>,
    places: [BTreeMap<Place, usize>; TOPICS.len()],
    /// The last place that anybody was told of, in messages or gaps.
    last: [Place; TOPICS.len()],
    /// When a session of each name ended last.
    ended: BTreeMap<String, u64>,
    /// How many records there were at the last time of rest.
    settled: usize,
}

impl Truth {
    pub(crate) fn record(
        &mut self,
        by: usize,
        kind: Kind,
        key: Option<&'static str>,
        step: u64,
    ) -> usize {
        let (has_id, acked, refused, place, sent_to) = (false, false, false, None, 0);
        let (wish, known_at) = (Wish::default(), None);
        self.records.push(Record {
            by,
            kind,
            key,
            step,
            has_id,
            wish,
            known_at,
            acked,
            refused,
            place,
            sent_to,
            of_hold: None,
        });
        self.records.len() - 1
    }

    /// What thing a message is about: by default its topic.
    pub(crate) fn key(&self, record: usize) -> &str {
        let Record { kind, key, .. } = &self.records[record];
        match (kind, key) {
            (_, Some(key)) => key,
            (Kind::Publish(topic), None) => TOPICS[*topic],
            (Kind::Send(to), None) => to,
            (Kind::Call(..), None) => "the method",
        }
    }

    /// Nothing of what was recorded until now is under way.
    pub(super) fn rest(&mut self) {
        self.settled = self.records.len();
    }

    /// What was recorded since the last time of rest, and its number.
    pub(super) fn since_rest(&self) -> impl Iterator<Item = (usize, &Record)> {
        self.records.iter().enumerate().skip(self.settled)
    }

    /// What of a kind never came and wasn't refused.
    pub(super) fn lost(&self, kind: &Kind) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.is_lost(kind))
    }

    /// The same of what was recorded since the last time of rest.
    pub(super) fn lost_since_rest(&self, kind: &Kind) -> impl Iterator<Item = &Record> {
        self.records[self.settled..].iter().filter(move |record| record.is_lost(kind))
    }

    pub(crate) fn name_ended(&mut self, name: &str, step: u64) {
        self.ended.insert(name.to_owned(), step);
    }

    pub(crate) fn ended_since(&self, name: &str, step: u64) -> bool {
        self.ended.get(name).is_some_and(|ended| *ended >= step)
    }

    pub(crate) fn topic(name: &str) -> Option<usize> {
        TOPICS.iter().position(|topic| *topic == name)
    }

    /// What was published to a topic, whether it has a place or not.
    pub(crate) fn published(&self, topic: usize) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.kind == Kind::Publish(topic))
    }

    /// Somebody saw a message of a topic in this place: everybody must.
    pub(crate) fn place(&mut self, topic: usize, place: Place, record: usize) -> Wrong {
        self.know(topic, place);
        let other = *self.places[topic].entry(place).or_insert(record);
        let known = self.records[record].place.get_or_insert(place);
        if other != record || *known != place {
            return Err(format!(
                "{} {place:?} is message {record} here and {other} elsewhere (it had {known:?})",
                TOPICS[topic]
            ));
        }
        Ok(())
    }

    /// Somebody was told that this place is taken.
    pub(crate) fn know(&mut self, topic: usize, place: Place) {
        self.last[topic] = self.last[topic].max(place);
    }

    pub(crate) fn last(&self, topic: usize) -> Place {
        self.last[topic]
    }

    pub(crate) fn snapshot(&self) -> [Place; TOPICS.len()] {
        self.last
    }

    /// Whether some of a topic may have expired by then.
    pub(crate) fn may_expire(&self, topic: usize, by: Duration) -> bool {
        self.published(topic).any(|record| record.may_have_expired(by))
    }

    /// The earliest place known of what was published after a step.
    pub(crate) fn first_after(&self, topic: usize, step: u64) -> Option<Place> {
        let places = self.places[topic].iter();
        places.filter(|(_, record)| self.records[**record].step > step).map(|found| *found.0).min()
    }

    /// What has a place in a topic from that one on, in order.
    pub(crate) fn placed_from(
        &self,
        topic: usize,
        from: Place,
    ) -> impl Iterator<Item = (Place, usize)> + '_ {
        self.places[topic].range(from..).map(|(place, record)| (*place, *record))
    }

    /// The epochs of a topic that anybody was told of.
    pub(crate) fn epochs(&self, topic: usize) -> BTreeSet<u64> {
        let known = self.places[topic].keys().chain([&self.last[topic]]);
        known.map(|place| place.0).collect()
    }

    /// The last sequence known in an epoch.
    pub(crate) fn last_in(&self, topic: usize, epoch: u64) -> u64 {
        let (last_epoch, last) = self.last[topic];
        let of_epoch = self.places[topic].range((epoch, 0)..(epoch + 1, 0));
        let seen = of_epoch.last().map_or(0, |((_, seq), _)| *seq);
        if last_epoch == epoch { last.max(seen) } else { seen }
    }

    /// The key of the message in a place, if anybody saw that.
    pub(crate) fn key_at(&self, topic: usize, place: Place) -> Option<&str> {
        self.places[topic].get(&place).map(|record| self.key(*record))
    }

    /// With somebody who saw everything: no sequence is missing and none is unpublished.
    pub(crate) fn check_holes(&self) -> Wrong {
        for (topic, places) in self.places.iter().enumerate() {
            if Some(&self.last[topic]) > places.keys().last().or(Some(&(0, 0))) {
                return Err(format!("nobody published {} {:?}", TOPICS[topic], self.last[topic]));
            }
            let mut next: Place = (0, 1);
            for place in places.keys() {
                if place.0 != next.0 {
                    next = (place.0, 1);
                }
                if *place != next {
                    return Err(format!("{}: {next:?} was never used", TOPICS[topic]));
                }
                next.1 += 1;
            }
        }
        Ok(())
    }

    /// What of a topic has a place and was published after a step.
    pub(crate) fn placed_after(&self, step: u64) -> impl Iterator<Item = (usize, usize)> + '_ {
        let placed = self.places.iter().enumerate();
        let placed = placed.flat_map(|(topic, places)| places.values().map(move |r| (topic, *r)));
        placed.filter(move |(_, record)| self.records[*record].step > step)
    }
}
