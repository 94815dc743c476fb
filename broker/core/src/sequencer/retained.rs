//! What is retained: the last value of each key of a topic, once for the whole broker.
//!
//! A value is a copy of its own, so that it pins nothing of what its publisher sent beside it. At a
//! limit what is new is refused; nothing that is kept is lost.
//!
//! Changes are counted. A subscription begins at some change, and its replay leaves out what changed
//! later: that comes as it was published. A document is sent whatever came since: its messages are but
//! parts of it.

mod admission;
mod documents;
mod expiry;
mod pages;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::num::NonZero;
use std::sync::Arc;

use broker_protocol::message;
use bytes::Bytes;
use hashbrown::{DefaultHashBuilder, HashTable};
use slab::Slab;

use super::SequencerConfig;
use super::topics::Topic;
use crate::replay::Place;
use crate::{Policies, Publication, TopicId};
use admission::Admitted;
pub(super) use admission::NotRetained;
use documents::{Document, Documents, Patches};
use expiry::Expiring;
pub(super) use pages::Looks;

/// What a value costs beside the bytes of its message: its places in the tables and its allocations.
const VALUE_BYTES: usize = 208;

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

/// The last value of each key of a topic.
#[derive(Debug)]
pub(super) struct Retained {
    config: RetainedConfig,
    documents: Documents,
    policies: Policies,
    values: Slab<Kept>,
    /// Values by topic and key, as numbers in `values`.
    by_key: HashTable<usize>,
    by_place: BTreeMap<Place, usize>,
    expiring: Expiring,
    /// The topics of values that a replay found to have expired.
    left: Vec<Arc<str>>,
    /// Clients choose the keys.
    hasher: DefaultHashBuilder,
    /// The number of the last change.
    changes: NonZero<u64>,
    bytes: usize,
    keys_seen: u64,
    folded: u64,
    looks: u64,
}

/// A last value.
#[derive(Debug)]
struct Kept {
    publication: Publication,
    /// The number of its key.
    key: u64,
    /// The change that made it, or the last message of its key that wasn't to be retained.
    changed: NonZero<u64>,
    /// The change with which its document came, if it is one.
    came: Option<NonZero<u64>>,
    patches: Option<Box<Patches>>,
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
        let patches = self.patches.as_ref().map_or(0, |patches| patches.bytes());
        self.publication.parts.len() + patches + VALUE_BYTES
    }
}

impl Retained {
    pub(super) fn new(config: &SequencerConfig) -> Self {
        let SequencerConfig { folds, payload_bytes_max, .. } = config;
        Self {
            config: config.retained.clone(),
            documents: Documents::new(folds.clone(), *payload_bytes_max),
            policies: config.policies.clone(),
            values: Slab::new(),
            by_key: HashTable::new(),
            by_place: BTreeMap::new(),
            expiring: Expiring::default(),
            left: Vec::new(),
            hasher: DefaultHashBuilder::default(),
            changes: NonZero::<u64>::MIN,
            bytes: 0,
            keys_seen: 0,
            folded: 0,
            looks: 0,
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

    /// How often a document was made of another and patches.
    pub(super) fn folded(&self) -> u64 {
        self.folded
    }

    /// How many values were looked at for replays.
    pub(super) fn looks(&self) -> u64 {
        self.looks
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

    /// Learns of a message, which nobody may want, that has its place.
    pub(super) fn note(
        &mut self,
        topic: &mut Topic,
        admitted: Admitted,
        publication: Option<&Publication>,
        parts: &[u8],
    ) {
        match (admitted, publication) {
            (Admitted::Value, Some(publication)) => {
                topic.retained += u32::from(self.keep(publication));
            }
            (Admitted::Patch, Some(publication)) => self.patch(publication),
            (Admitted::Document(document), Some(publication)) => {
                topic.retained += u32::from(self.keep_document(publication, document));
            }
            _ if topic.retained == 0 => {}
            (Admitted::Clear, _) => {
                let about = About::of(topic.id(), topic.name(), parts);
                topic.retained -= u32::from(self.clear(about));
            }
            _ => self.pass(About::of(topic.id(), topic.name(), parts)),
        }
    }

    /// Keeps what messages made of a document. Returns whether there was none.
    fn keep_document(&mut self, newest: &Publication, document: Document) -> bool {
        let parts = document.parts;
        self.put(Publication { parts, expires: None, ..newest.clone() }, true)
    }

    /// Puts a copy of a patch beside its document.
    fn patch(&mut self, publication: &Publication) {
        self.count_change();
        let Publication { topic_id, topic, parts, .. } = publication;
        let Some(value) = self.find(About::of(*topic_id, topic, parts)) else { return };
        let kept = &mut self.values[value];
        self.bytes -= kept.bytes();
        kept.patches.get_or_insert_default().add(publication);
        kept.changed = self.changes;
        self.bytes += kept.bytes();
    }

    /// Keeps a copy of a message as the last value of its key. Returns whether it had none.
    fn keep(&mut self, publication: &Publication) -> bool {
        let parts = Bytes::copy_from_slice(&publication.parts);
        self.put(Publication { parts, ..publication.clone() }, false)
    }

    fn put(&mut self, publication: Publication, is_document: bool) -> bool {
        self.count_change();
        let found =
            self.find(About::of(publication.topic_id, &publication.topic, &publication.parts));
        let (key, changed) = (self.keys_seen, self.changes);
        let came = is_document.then_some(changed);
        let mut kept = Kept { publication, key, changed, came, patches: None };
        self.bytes += kept.bytes();
        if let Some(value) = found {
            let before = &self.values[value];
            (kept.key, kept.came) = (before.key, before.came);
            let expires = kept.publication.expires;
            let replaced = std::mem::replace(&mut self.values[value], kept);
            self.expiring.remove(value, replaced.publication.expires);
            self.expiring.add(value, expires);
            self.bytes -= replaced.bytes();
            return false;
        }
        self.keys_seen += 1;
        let (hash, place) = (self.hasher.hash_one(kept.about()), kept.place());
        let expires = kept.publication.expires;
        let value = self.values.insert(kept);
        self.expiring.add(value, expires);
        let Self { by_key, values, hasher, .. } = self;
        by_key.insert_unique(hash, value, |value| hasher.hash_one(values[*value].about()));
        self.by_place.insert(place, value);
        true
    }

    /// Forgets the last value of a key. Returns whether there was one.
    fn clear(&mut self, about: About<'_>) -> bool {
        self.count_change();
        let Some(value) = self.find(about) else { return false };
        self.remove(value);
        true
    }

    /// Takes a value out of everything that knows it.
    fn remove(&mut self, value: usize) -> Kept {
        let kept = self.values.remove(value);
        let hash = self.hasher.hash_one(kept.about());
        if let Ok(found) = self.by_key.find_entry(hash, |found| *found == value) {
            found.remove();
        }
        self.by_place.remove(&kept.place());
        self.expiring.remove(value, kept.publication.expires);
        self.bytes -= kept.bytes();
        kept
    }

    /// Learns of a message that isn't to be retained: whoever got it doesn't get an older value.
    fn pass(&mut self, about: About<'_>) {
        if let Some(value) = self.find(about) {
            self.count_change();
            self.values[value].changed = self.changes;
        }
    }
}
