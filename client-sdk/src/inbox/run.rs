//! Messages of one topic that came together.
//!
//! What they share stands here once, and their payloads lie one behind the other. Whoever works
//! through a run claims message by message, without a lock; until one is claimed it waits like any
//! other, and the inbox may claim all the rest instead: to conflate it, to drop it, to discard it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;

use super::held::Held;
use super::load::{EVENT_BYTES, Load};
use crate::credit::Account;
use crate::{Body, Content, Event, Message};

/// What the messages of a run share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) topic: Arc<str>,
    pub(crate) from: Option<Arc<str>>,
    pub(crate) epoch: u64,
    /// When they came.
    pub(crate) since: Instant,
}

/// What each message of a run has for itself. None has headers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    pub(crate) seq: u64,
    pub(crate) time: u64,
    pub(crate) content: Content,
    pub(crate) has_key: bool,
    /// Where its key ends, or the last one before it.
    pub(crate) key_end: usize,
    /// Where its payload ends.
    pub(crate) payload_end: usize,
    /// What is owed for it and for those before it.
    pub(crate) owed_end: u64,
}

/// What lies one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) marks: Vec<Mark>,
    pub(crate) keys: String,
    pub(crate) payloads: Vec<u8>,
}

/// Messages of one topic that came together. What nobody claimed is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Run {
    shared: Shared,
    marks: Box<[Mark]>,
    keys: Box<str>,
    payloads: Box<[u8]>,
    /// What they hold credit of.
    account: Option<Account>,
    /// The first that nobody has claimed.
    next: AtomicUsize,
}

impl Parts {
    pub(crate) fn clear(&mut self) {
        self.marks.clear();
        self.keys.clear();
        self.payloads.clear();
    }
}

impl Shared {
    /// A message by itself.
    pub(crate) fn message(&self, mark: Mark, key: &str, payload: &[u8]) -> Message {
        let Mark { seq, time, content, has_key, .. } = mark;
        let (key, payload) = (has_key.then(|| Box::from(key)), Bytes::copy_from_slice(payload));
        Message {
            topic: Arc::clone(&self.topic),
            seq,
            epoch: self.epoch,
            time,
            from: self.from.clone(),
            body: Body { key, content, payload, ..Body::default() },
            replayed: false,
        }
    }
}

impl Run {
    pub(crate) fn new(shared: Shared, parts: &Parts, account: Option<Account>) -> Self {
        let Parts { marks, keys, payloads } = parts;
        let (marks, payloads) = (Box::from(&marks[..]), Box::from(&payloads[..]));
        let (keys, next) = (Box::from(&keys[..]), AtomicUsize::new(0));
        Self { shared, marks, keys, payloads, account, next }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Claims the next message: it doesn't wait any more.
    pub(crate) fn claim(&self) -> Option<usize> {
        let place = self.next.fetch_add(1, Ordering::AcqRel);
        (place < self.marks.len()).then_some(place)
    }

    pub(crate) fn content(&self, place: usize) -> Content {
        self.marks[place].content
    }

    pub(crate) fn payload(&self, place: usize) -> &[u8] {
        &self.payloads[self.start(place).payload_end..self.marks[place].payload_end]
    }

    fn key(&self, place: usize) -> &str {
        &self.keys[self.start(place).key_end..self.marks[place].key_end]
    }

    /// Those that were claimed are done with.
    pub(crate) fn finish(&self, places: Range<usize>) {
        if let Some(account) = &self.account {
            account.give_back(self.owed_between(places));
        }
    }

    /// Claims the next message and takes it out.
    pub(super) fn take(&self) -> Option<Held> {
        self.claim().map(|place| self.held(place))
    }

    /// Claims all that nobody has claimed, at once: whoever claims beside has claimed what is in front
    /// of it, and nothing behind.
    fn claim_rest(&self) -> Range<usize> {
        let all = self.marks.len();
        self.next.swap(all, Ordering::AcqRel).min(all)..all
    }

    /// Claims all that nobody has claimed, and takes it out.
    pub(super) fn take_rest(&self) -> impl Iterator<Item = Held> + '_ {
        self.claim_rest().map(|place| self.held(place))
    }

    /// Claims all that nobody has claimed, and is done with it.
    pub(super) fn discard(&self) {
        self.finish(self.claim_rest());
    }

    /// Claims the next message and begins to work on it.
    pub(crate) fn begin(&self) -> Option<Begun<'_>> {
        self.claim().map(|place| Begun { run: self, place })
    }

    fn message(&self, place: usize) -> Message {
        self.shared.message(self.marks[place], self.key(place), self.payload(place))
    }

    fn held(&self, place: usize) -> Held {
        let event = Event::Message(self.message(place));
        let bytes = self.owed_between(place..place + 1);
        let owed = self.account.as_ref().map(|account| account.owed(bytes));
        Held { event, owed, since: self.shared.since }
    }

    /// How many of them wait, and what they are.
    pub(super) fn waiting(&self) -> Load {
        let first = self.first();
        let (messages, begun) = (self.marks.len() - first, self.start(first));
        let bodies = self.payloads.len() - begun.payload_end + self.keys.len() - begun.key_end;
        let each = EVENT_BYTES + self.shared.topic.len();
        Load { messages, bytes: messages * each + bodies }
    }

    /// What those that wait take of the bound.
    pub(super) fn load(&self) -> Load {
        match self.account {
            Some(_) => Load::default(),
            None => self.waiting(),
        }
    }

    /// What is owed for those that wait, in bytes.
    pub(super) fn owed_bytes(&self) -> u64 {
        match self.account {
            Some(_) => self.owed_between(self.first()..self.marks.len()),
            None => 0,
        }
    }

    fn owed_between(&self, places: Range<usize>) -> u64 {
        self.start(places.end).owed_end - self.start(places.start).owed_end
    }

    fn first(&self) -> usize {
        self.next.load(Ordering::Acquire).min(self.marks.len())
    }

    /// Where what a message has for itself begins.
    fn start(&self, place: usize) -> Mark {
        place.checked_sub(1).map_or(Mark::default(), |before| self.marks[before])
    }
}

/// A message of a run that is worked on: when this is dropped, as by a panic, it is done with.
#[derive(Debug)]
pub(crate) struct Begun<'a> {
    run: &'a Run,
    place: usize,
}

impl Begun<'_> {
    pub(crate) fn message(&self) -> Message {
        self.run.message(self.place)
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.run.finish(self.place..self.place + 1);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.discard();
    }
}
