//! At most one delivery of a key in an interval.
//!
//! What may not leave yet isn't among what is to be sent: it is held in an order of its own, by when
//! it may. A key whose time is over costs nothing any more.
//!
//! Keys are known by the name of their topic: one that was forgotten and came back has other numbers, and
//! what comes of it must not overtake what is held of it from before.
//!
//! Invariant: a key stands here once, with what is held of it or without.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{Entries, Key, Newest};

/// When a key may be delivered again, and a number that tells equal times apart.
pub(super) type Due = (Duration, u64);

/// What a key that is remembered costs beside its text, in bytes: an estimate of what holds it.
const KEY_BYTES: u64 = 96;

/// The keys of a lane that were delivered within the interval, and what is held of them.
#[derive(Debug, Default)]
pub(super) struct Paced {
    pub(super) interval: Duration,
    pub(super) now: Duration,
    /// Keys of which something is held.
    held: BTreeMap<Due, (Name, Newest)>,
    /// Keys of which nothing is.
    bare: BTreeMap<Due, Name>,
    bare_bytes: u64,
    /// Where each key is. Clients choose the keys.
    places: HashTable<Due>,
    hasher: DefaultHashBuilder,
    next: u64,
    /// Keys that were forgotten at the bound before their time.
    pub(super) forgotten: u64,
}

/// A key, and its topic's name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    topic: &'a Arc<str>,
    key: Key<'a>,
}

impl<'a> Named<'a> {
    /// What an entry is about.
    pub(super) fn of(entry: u64, log: &'a impl Entries) -> Self {
        Self { topic: log.topic(entry).0, key: log.key(entry) }
    }

    /// The same for what comes of a topic before and after it was forgotten.
    fn thing(self) -> (&'a str, Option<&'a str>) {
        (self.topic, self.key.key)
    }
}

/// A key, kept for longer than its message.
#[derive(Debug)]
struct Name {
    topic: Arc<str>,
    number: u64,
    key: Option<Box<str>>,
}

impl Name {
    fn of(named: Named<'_>) -> Self {
        let Key { topic: number, key } = named.key;
        Self { topic: named.topic.clone(), number, key: key.map(Box::from) }
    }

    fn thing(&self) -> (&str, Option<&str>) {
        (&self.topic, self.key.as_deref())
    }

    fn bytes(&self) -> u64 {
        KEY_BYTES + self.key.as_ref().map_or(0, |key| key.len() as u64)
    }
}

impl Paced {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, ..Self::default() }
    }

    fn name(&self, due: Due) -> &Name {
        let held = self.held.get(&due).map(|(name, _)| name);
        held.or_else(|| self.bare.get(&due)).expect("what has a place is there")
    }

    /// When a key may be delivered again, if that isn't now.
    pub(super) fn find(&self, named: Named<'_>) -> Option<Due> {
        let hash = self.hasher.hash_one(named.thing());
        self.places.find(hash, |due| self.name(*due).thing() == named.thing()).copied()
    }

    /// Whether a key that is remembered is of a topic that was forgotten since, and came back.
    pub(super) fn is_forgotten(&self, due: Due, named: Named<'_>) -> bool {
        self.name(due).number != named.key.topic
    }

    /// Forgets a key. What was held of it may leave.
    pub(super) fn let_go(&mut self, due: Due) -> Option<Newest> {
        let held = self.take(due);
        if held.is_none() {
            self.forget(due);
        }
        held
    }

    fn forget_place(&mut self, due: Due) {
        let hash = self.hasher.hash_one(self.name(due).thing());
        if let Ok(found) = self.places.find_entry(hash, |place| *place == due) {
            found.remove();
        }
    }

    fn insert_place(&mut self, due: Due) {
        let Self { places, hasher, held, bare, .. } = self;
        let name = |due: &Due| {
            let held = held.get(due).map(|(name, _)| name);
            held.or_else(|| bare.get(due)).expect("what has a place is there").thing()
        };
        let hash = hasher.hash_one(name(&due));
        places.insert_unique(hash, due, |due| hasher.hash_one(name(due)));
    }

    /// What is held of a key that is remembered, if anything.
    pub(super) fn held(&mut self, due: Due) -> Option<&mut Newest> {
        self.held.get_mut(&due).map(|(_, newest)| newest)
    }

    /// Holds something of a key of which nothing was.
    pub(super) fn hold(&mut self, due: Due, newest: Newest) {
        let name = self.bare.remove(&due).expect("a key is remembered before something is held");
        self.bare_bytes -= name.bytes();
        self.held.insert(due, (name, newest));
    }

    /// Remembers that a key is delivered now.
    pub(super) fn remember(&mut self, named: Named<'_>) {
        let (known, due) = (self.find(named), (self.now + self.interval, self.next));
        self.next += 1;
        let mut held = None;
        if let Some(known) = known {
            self.forget_place(known);
            held = self.held.remove(&known);
            if let Some(name) = self.bare.remove(&known) {
                self.bare_bytes -= name.bytes();
            }
        }
        match held {
            Some(held) => drop(self.held.insert(due, held)),
            None => self.insert_bare(due, Name::of(named)),
        }
        self.insert_place(due);
    }

    fn insert_bare(&mut self, due: Due, name: Name) {
        self.bare_bytes += name.bytes();
        self.bare.insert(due, name);
    }

    /// Forgets the keys whose time has come. What was held of them, in that order, may leave.
    pub(super) fn release_due(&mut self) -> Vec<Newest> {
        while let Some((due, _)) = self.bare.first_key_value().filter(|(due, _)| due.0 <= self.now)
        {
            self.forget(*due);
        }
        let mut released = Vec::new();
        while let Some((due, _)) = self.held.first_key_value().filter(|(due, _)| due.0 <= self.now)
        {
            released.extend(self.take(*due));
        }
        if self.held.is_empty() && self.bare.is_empty() {
            (self.places, self.bare) = (HashTable::new(), BTreeMap::new());
        }
        released
    }

    /// What is held, in the order of when it might leave. The keys stay remembered.
    pub(super) fn release_all(&mut self) -> Vec<Newest> {
        let held = std::mem::take(&mut self.held);
        let release = |(due, (name, newest))| {
            self.insert_bare(due, name);
            newest
        };
        held.into_iter().map(release).collect()
    }

    /// What is held of the key that may leave next.
    pub(super) fn release_next(&mut self) -> Option<Newest> {
        let due = *self.held.first_key_value()?.0;
        self.take(due)
    }

    fn take(&mut self, due: Due) -> Option<Newest> {
        self.held.get(&due)?;
        self.forget_place(due);
        self.held.remove(&due).map(|(_, newest)| newest)
    }

    /// Forgets a key of which nothing is held.
    fn forget(&mut self, due: Due) {
        self.forget_place(due);
        if let Some(name) = self.bare.remove(&due) {
            self.bare_bytes -= name.bytes();
        }
    }

    /// Forgets the key, of those of which nothing is held, that may be delivered again next. Returns
    /// whether there was one.
    pub(super) fn forget_nearest(&mut self) -> bool {
        let nearest = self.bare.first_key_value().map(|(due, _)| *due);
        nearest.inspect(|due| self.forget(*due)).is_some()
    }

    /// How many keys are remembered of which nothing is held, and what they cost in bytes.
    pub(super) fn remembered(&self) -> (u64, u64) {
        (self.bare.len() as u64, self.bare_bytes)
    }

    pub(super) fn holds_any(&self) -> bool {
        !self.held.is_empty()
    }

    /// All that is held.
    pub(super) fn all_held(&self) -> impl DoubleEndedIterator<Item = &Newest> {
        self.held.values().map(|(_, newest)| newest)
    }

    /// When something is to be done: what is held may leave, or else all keys can be forgotten.
    pub(super) fn due(&self) -> Option<Duration> {
        let held = self.held.first_key_value().map(|(due, _)| due.0);
        held.or_else(|| self.bare.last_key_value().map(|(due, _)| due.0))
    }
}
