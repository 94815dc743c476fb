//! Topics: who is subscribed to each, and the messages of each that are about to leave.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use broker_protocol::frame::Publish;
use broker_protocol::message::{write_frame, write_parts};
use bytes::BytesMut;

/// A run that has grown to this many bytes leaves before anything is added, as the broker cuts its
/// packets there.
const RUN_BYTES: usize = 64 * 1024;

/// All topics.
pub(crate) struct Topics {
    /// Bytes in front of every run that are left free.
    headroom: usize,
    epoch: u64,
    numbers: HashMap<String, usize>,
    topics: Vec<Topic>,
    /// The topics that have a run, in the order of its first message.
    with_run: Vec<usize>,
    is_full: bool,
    parts: BytesMut,
}

/// One lane of one client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscriber {
    pub(crate) client: usize,
    pub(crate) lane: u8,
}

#[derive(Default)]
struct Topic {
    seq: u64,
    subscribers: Vec<Subscriber>,
    /// Room for a header, and `message` frames.
    run: BytesMut,
}

impl Topics {
    /// Begins without topics, in an epoch of its own.
    pub(crate) fn new(headroom: usize) -> Self {
        Self {
            headroom,
            epoch: now(),
            numbers: HashMap::new(),
            topics: Vec::new(),
            with_run: Vec::new(),
            is_full: false,
            parts: BytesMut::new(),
        }
    }

    /// The number of a topic, which is a new one if the topic is.
    pub(crate) fn number(&mut self, topic: &str) -> usize {
        if let Some(number) = self.numbers.get(topic) {
            return *number;
        }
        self.numbers.insert(topic.to_owned(), self.topics.len());
        self.topics.push(Topic::default());
        self.topics.len() - 1
    }

    /// Has `subscriber` get what is published to the topic from now on, once.
    pub(crate) fn subscribe(&mut self, topic: usize, subscriber: Subscriber) {
        let subscribers = &mut self.topics[topic].subscribers;
        if !subscribers.contains(&subscriber) {
            subscribers.push(subscriber);
        }
    }

    /// Ends what [`Topics::subscribe`] began.
    pub(crate) fn unsubscribe(&mut self, topic: usize, subscriber: Subscriber) {
        self.topics[topic].subscribers.retain(|one| *one != subscriber);
    }

    /// Encodes a message into the run of its topic, if anybody is subscribed.
    pub(crate) fn publish(&mut self, publish: &Publish<'_>, from: &str) {
        let number = self.number(&publish.topic);
        let topic = &mut self.topics[number];
        topic.seq += 1;
        if topic.subscribers.is_empty() {
            return;
        }
        if topic.run.is_empty() {
            self.with_run.push(number);
            topic.run.resize(self.headroom, 0);
        }
        self.parts.clear();
        write_parts(&publish.topic, Some(from), &publish.body, &mut self.parts);
        write_frame(topic.seq, self.epoch, now(), &self.parts, &mut topic.run);
        self.is_full |= topic.run.len() >= RUN_BYTES;
    }

    /// Whether the runs should leave before anything is added.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Hands over each run with its subscribers, and begins anew.
    pub(crate) fn take_runs(&mut self, mut take: impl FnMut(&mut BytesMut, &[Subscriber])) {
        self.is_full = false;
        for number in self.with_run.drain(..) {
            let Topic { run, subscribers, .. } = &mut self.topics[number];
            take(run, subscribers);
            run.clear();
        }
    }
}

/// Milliseconds since the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
