//! What an event is about, and where something of the same waits.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::{Event, GapCause, Message};

/// What an event is about: newer events of one subject may stand in for older ones. What has none
/// lets nothing pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Subject<'a> {
    /// A key; where a message has none, its topic.
    Key { topic: &'a str, key: &'a str, epoch: u64 },
    /// What is missing of a topic, or of all, for one cause.
    Missing { topic: Option<&'a str>, epoch: Option<u64>, reason: GapCause },
}

impl<'a> Subject<'a> {
    pub(super) fn of(event: &'a Event) -> Option<Self> {
        match event {
            // What is replayed is no part of the books, and is delivered as it came.
            Event::Message(message) if message.replayed => None,
            Event::Message(message) => Some(Self::of_message(message)),
            Event::Gap(gap) => Some(Self::Missing {
                topic: gap.topic.as_deref(),
                epoch: gap.epoch,
                reason: gap.reason,
            }),
            _ => None,
        }
    }

    pub(super) fn of_message(message: &'a Message) -> Self {
        let topic = &*message.topic;
        Self::Key { topic, key: message.body.key.as_deref().unwrap_or(topic), epoch: message.epoch }
    }
}

/// The number of the place at which each subject waits.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By the hash alone: of two subjects with one hash, the later takes the entry over, and the
    /// earlier one's place takes in nothing more.
    places: HashMap<u64, u64>,
    seed: RandomState,
}

impl Index {
    /// A place where this subject may wait: whoever asks must look.
    pub(super) fn find(&self, subject: Subject<'_>) -> Option<u64> {
        self.places.get(&self.seed.hash_one(subject)).copied()
    }

    pub(super) fn insert(&mut self, subject: Subject<'_>, place: u64) {
        self.places.insert(self.seed.hash_one(subject), place);
    }

    /// Nothing of this subject waits at this place any more.
    pub(super) fn remove(&mut self, subject: Subject<'_>, place: u64) {
        if self.is_empty() {
            return;
        }
        let hash = self.seed.hash_one(subject);
        if self.places.get(&hash) == Some(&place) {
            self.places.remove(&hash);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Nothing that waits takes in anything more.
    pub(super) fn clear(&mut self) {
        self.places.clear();
    }
}
