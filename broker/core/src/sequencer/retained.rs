//! What is retained: the last value of each key of a topic, once for the whole broker.
//!
//! A value is a copy of its own, so that it pins nothing of what its publisher sent beside it. At a
//! limit what is new is refused; nothing that is kept is lost.
//!
//! Changes are counted. A subscription begins at some change, and its replay leaves out what changed
//! later: that comes as it was published.

mod pages;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::num::NonZero;

use broker_protocol::message;
use bytes::Bytes;
use hashbrown::{DefaultHashBuilder, HashTable};
use slab::Slab;

use super::topics::Topic;
use crate::command::Retain;
use crate::replay::Place;
use crate::{Publication, TopicId};

/// What a value costs beside the bytes of its message: its places in the tables and its allocations.
const VALUE_BYTES: usize = 192;

/// How much is retained. At each limit the publish is refused with `too-many-keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedConfig {
    /// The most keys of a topic whose last value is kept; with 0 nothing is.
    pub keys_max: usize,
    /// The most values of all topics.
    pub values_max: usize,
    /// The most bytes of all values, with what each costs beside its message.
    pub bytes_max: usize,
}

impl Default for RetainedConfig {
    fn default() -> Self {
        Self { keys_max: 10_000, values_max: 1_000_000, bytes_max: 256 << 20 }
    }
}

/// Why a value isn't retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RetainedFull {
    #[error("the broker retains nothing; publish without `retain`, or raise retained.keys_max")]
    Nothing,
    #[error(
        "{most} keys of this topic are retained, and may be no more; clear some with an empty \
         payload, or raise retained.keys_max"
    )]
    Keys { most: usize },
    #[error(
        "{most} values are retained, and may be no more; clear some, or raise retained.values_max"
    )]
    Values { most: usize },
    #[error(
        "what is retained would take {bytes} bytes, and may take {most}; clear some, or raise \
         retained.bytes_max"
    )]
    Bytes { bytes: usize, most: usize },
}

/// The last value of each key of a topic.
#[derive(Debug)]
pub(super) struct Retained {
    config: RetainedConfig,
    values: Slab<Kept>,
    /// Values by topic and key, as numbers in `values`.
    by_key: HashTable<usize>,
    by_place: BTreeMap<Place, usize>,
    /// Clients choose the keys.
    hasher: DefaultHashBuilder,
    /// The number of the last change.
    changes: NonZero<u64>,
    bytes: usize,
    keys_seen: u64,
}

/// A last value.
#[derive(Debug)]
struct Kept {
    publication: Publication,
    /// The number of its key.
    key: u64,
    /// The change that made it, or the last message of its key that wasn't to be retained.
    changed: NonZero<u64>,
}

/// What a message is about: its topic, and the key unless that is the topic itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct About<'a> {
    topic: TopicId,
    key: Option<&'a str>,
}

impl<'a> About<'a> {
    /// What a message with these parts is about.
    fn of(topic: TopicId, name: &str, parts: &'a [u8]) -> Self {
        let key = message::key(parts).expect("a shard of this broker encoded it");
        Self { topic, key: key.filter(|key| *key != name) }
    }
}

impl Kept {
    fn about(&self) -> About<'_> {
        let Publication { topic_id, topic, parts, .. } = &self.publication;
        About::of(*topic_id, topic, parts)
    }

    fn place(&self) -> Place {
        Place { topic: self.publication.topic.clone(), key: self.key }
    }

    fn bytes(&self) -> usize {
        self.publication.parts.len() + VALUE_BYTES
    }
}

impl Retained {
    pub(super) fn new(config: RetainedConfig) -> Self {
        Self {
            config,
            values: Slab::new(),
            by_key: HashTable::new(),
            by_place: BTreeMap::new(),
            hasher: DefaultHashBuilder::default(),
            changes: NonZero::<u64>::MIN,
            bytes: 0,
            keys_seen: 0,
        }
    }

    /// How many values are kept.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// What they cost, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The last change so far: what changes later is left out of a replay that begins here.
    pub(super) fn point(&self) -> NonZero<u64> {
        self.changes
    }

    fn count_change(&mut self) {
        self.changes = self.changes.saturating_add(1);
    }

    fn find(&self, about: About<'_>) -> Option<usize> {
        let hash = self.hasher.hash_one(about);
        self.by_key.find(hash, |value| self.values[*value].about() == about).copied()
    }

    /// Whether there is room for a message, if it is to be kept.
    pub(super) fn admit(
        &self,
        topic: &Topic,
        retain: Retain,
        parts: &[u8],
    ) -> Result<(), RetainedFull> {
        if retain != Retain::Keep {
            return Ok(());
        }
        let about = About::of(topic.id(), topic.name(), parts);
        self.check(about, parts.len(), topic.retained)
    }

    /// Learns of a message, which nobody may want, that has its place.
    pub(super) fn note(
        &mut self,
        topic: &mut Topic,
        retain: Retain,
        publication: Option<&Publication>,
        parts: &[u8],
    ) {
        match (retain, publication) {
            (Retain::Keep, Some(publication)) => {
                topic.retained += u32::from(self.keep(publication));
            }
            _ if topic.retained == 0 => {}
            (Retain::Clear, _) => {
                let about = About::of(topic.id(), topic.name(), parts);
                topic.retained -= u32::from(self.clear(about));
            }
            _ => self.pass(About::of(topic.id(), topic.name(), parts)),
        }
    }

    /// Whether a value of so many bytes can be kept, where so many of its topic are.
    fn check(
        &self,
        about: About<'_>,
        bytes: usize,
        kept_of_topic: u32,
    ) -> Result<(), RetainedFull> {
        let RetainedConfig { keys_max, values_max, bytes_max } = self.config;
        let found = self.find(about);
        let is_new = found.is_none();
        if keys_max == 0 {
            return Err(RetainedFull::Nothing);
        }
        if is_new && kept_of_topic as usize >= keys_max {
            return Err(RetainedFull::Keys { most: keys_max });
        }
        if is_new && self.values.len() >= values_max {
            return Err(RetainedFull::Values { most: values_max });
        }
        let replaced = found.map_or(0, |value| self.values[value].bytes());
        let bytes = self.bytes - replaced + bytes + VALUE_BYTES;
        let (most, fits) = (bytes_max, bytes <= bytes_max || bytes <= self.bytes);
        if fits { Ok(()) } else { Err(RetainedFull::Bytes { bytes, most }) }
    }

    /// Keeps a copy of a message as the last value of its key. Returns whether it had none.
    fn keep(&mut self, publication: &Publication) -> bool {
        self.count_change();
        let parts = Bytes::copy_from_slice(&publication.parts);
        let publication = Publication { parts, ..publication.clone() };
        let found =
            self.find(About::of(publication.topic_id, &publication.topic, &publication.parts));
        let mut kept = Kept { publication, key: self.keys_seen, changed: self.changes };
        self.bytes += kept.bytes();
        if let Some(value) = found {
            kept.key = self.values[value].key;
            let replaced = std::mem::replace(&mut self.values[value], kept);
            self.bytes -= replaced.bytes();
            return false;
        }
        self.keys_seen += 1;
        let (hash, place) = (self.hasher.hash_one(kept.about()), kept.place());
        let value = self.values.insert(kept);
        let Self { by_key, values, hasher, .. } = self;
        by_key.insert_unique(hash, value, |value| hasher.hash_one(values[*value].about()));
        self.by_place.insert(place, value);
        true
    }

    /// Forgets the last value of a key. Returns whether there was one.
    fn clear(&mut self, about: About<'_>) -> bool {
        self.count_change();
        let Some(value) = self.find(about) else { return false };
        let hash = self.hasher.hash_one(about);
        if let Ok(found) = self.by_key.find_entry(hash, |found| *found == value) {
            found.remove();
        }
        let kept = self.values.remove(value);
        self.by_place.remove(&kept.place());
        self.bytes -= kept.bytes();
        true
    }

    /// Learns of a message that isn't to be retained: whoever got it doesn't get an older value.
    fn pass(&mut self, about: About<'_>) {
        if let Some(value) = self.find(about) {
            self.count_change();
            self.values[value].changed = self.changes;
        }
    }
}
