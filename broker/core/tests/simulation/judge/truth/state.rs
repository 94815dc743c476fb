//! What is retained, as far as it is known.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Kind, Place, Record, Truth};
use crate::link::Written;
use crate::plan::TOPICS;

/// A topic and a key.
pub(crate) type About = (usize, String);

impl Truth {
    /// The last message of each topic and key that is retained, of those up to a place in each topic;
    /// without keys of which something that is newer may have been forgotten.
    pub(crate) fn retained(&self, until: &[Place; TOPICS.len()]) -> BTreeMap<About, Place> {
        let (mut last, mut unsure) = (BTreeMap::new(), BTreeMap::new());
        for (number, record) in self.records.iter().enumerate() {
            let Kind::Publish(topic) = record.kind else { continue };
            let about = (topic, self.key(number).to_owned());
            let newest = match (record.goes(), record.wish.retained) {
                (true, _) => &mut unsure,
                (false, true) if record.place.is_some_and(|place| place <= until[topic]) => {
                    &mut last
                }
                (false, _) => continue,
            };
            let place = record.place.unwrap_or((u64::MAX, 0));
            let known = newest.entry(about).or_insert(place);
            *known = place.max(*known);
        }
        last.retain(|about, place| unsure.get(about).is_none_or(|unsure| unsure < place));
        last
    }

    /// A message of a key that took another's place is known to have come up to a place.
    pub(crate) fn is_cleared(&self, number: usize, until: &[Place; TOPICS.len()]) -> bool {
        let record = &self.records[number];
        let Kind::Publish(topic) = record.kind else { return false };
        self.records.iter().enumerate().any(|(other, clear)| {
            clear.wish.clears
                && clear.kind == record.kind
                && clear.place.is_some_and(|place| place <= until[topic])
                && clear.place > record.place
                && self.key(other) == self.key(number)
        })
    }
}

impl Record {
    /// Whether it is of a kind, never came, and wasn't refused.
    pub(super) fn is_lost(&self, kind: &Kind) -> bool {
        self.kind == *kind && self.sent_to == 0 && !self.refused
    }

    /// The name of whom it was sent to.
    pub(crate) fn addressee(&self) -> Option<&String> {
        match &self.kind {
            Kind::Send(to) => Some(to),
            _ => None,
        }
    }

    /// Whether nothing is retained of it after a while, or at once.
    pub(crate) fn goes(&self) -> bool {
        self.wish.clears || self.wish.expires_in.is_some()
    }

    /// Whether it is known to have expired at some time.
    pub(crate) fn has_expired(&self, at: Duration) -> bool {
        let taken = self.known_at.zip(self.wish.expires_in);
        taken.is_some_and(|(taken, lasts)| taken + lasts <= at)
    }

    /// Whether it is known to have waited where it was written.
    pub(crate) fn has_waited(&self, written: Written) -> bool {
        self.known_at.zip(written.refused).is_some_and(|(known, before)| known < before)
    }

    /// Whether it may have expired at some time.
    pub(crate) fn may_have_expired(&self, at: Duration) -> bool {
        self.wish.expires_in.is_some_and(|lasts| self.wish.said_at + lasts <= at)
    }
}
