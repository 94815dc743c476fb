//! The topics that are known, and their order.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;

use super::interest::ShardSet;
use super::{Groups, Interest, Name, SequencerConfig};
use crate::{Publication, SessionId, TopicId};

/// How many topics are looked at for idleness in one batch, so that no batch waits for a sweep.
const SWEEP_TOPICS: usize = 64;

/// The topics that are known.
#[derive(Debug)]
pub(super) struct Topics {
    config: SequencerConfig,
    known: HashMap<Name, Topic>,
    /// How many topics each session was the first to use.
    made: HashMap<SessionId, usize>,
    /// Topics by the time at which they were last looked at for idleness.
    sweep: VecDeque<(Duration, Name)>,
    epoch: u64,
    next_id: u64,
}

/// One topic's place in the order, and who wants it.
#[derive(Debug)]
pub(super) struct Topic {
    name: Name,
    id: TopicId,
    /// Who was the first to use it.
    maker: SessionId,
    epoch: u64,
    seq: u64,
    used: Duration,
    /// The state of interest and groups for which the next two hold.
    fresh_for: Option<(u64, u64)>,
    shards: ShardSet,
    groups: Vec<usize>,
}

/// Why a topic isn't made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TopicsFull {
    /// The broker knows as many as it may.
    #[error(
        "the broker knows {most} topics, and may know no more; wait until idle ones are forgotten, \
         or raise limits.topics_max"
    )]
    Broker { most: usize },
    /// The session was the first to use as many as it may.
    #[error(
        "this session was the first to use {most} topics, and may be of no more; use fewer, or \
         raise limits.topics_per_session_max"
    )]
    Session { most: usize },
}

impl Topics {
    pub(super) fn new(config: SequencerConfig, epoch: u64) -> Self {
        let (known, made, sweep) = (HashMap::new(), HashMap::new(), VecDeque::new());
        Self { config, known, made, sweep, epoch, next_id: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Finds a topic or makes it, on account of `session`.
    pub(super) fn accept(
        &mut self,
        name: &str,
        session: SessionId,
        now: Duration,
    ) -> Result<&mut Topic, TopicsFull> {
        if !self.known.contains_key(name) {
            self.make(name, session, now)?;
        }
        let topic = self.known.get_mut(name).expect("it was there or was made");
        topic.used = now;
        Ok(topic)
    }

    #[cold]
    fn make(&mut self, name: &str, maker: SessionId, now: Duration) -> Result<(), TopicsFull> {
        let (most, most_of_session) = (self.config.topics_max, self.config.topics_per_session_max);
        if self.known.len() >= most {
            return Err(TopicsFull::Broker { most });
        }
        let made = self.made.entry(maker).or_default();
        if *made >= most_of_session {
            return Err(TopicsFull::Session { most: most_of_session });
        }
        *made += 1;
        let name = Name::from(name);
        let id = TopicId(self.next_id);
        self.next_id += 1;
        let topic = Topic {
            name: name.clone(),
            id,
            maker,
            epoch: self.epoch,
            seq: 0,
            used: now,
            fresh_for: None,
            shards: ShardSet::default(),
            groups: Vec::new(),
        };
        self.known.insert(name.clone(), topic);
        self.sweep.push_back((now, name));
        Ok(())
    }

    /// Forgets on whose account topics are: the session is gone.
    pub(super) fn forget_maker(&mut self, session: SessionId) {
        self.made.remove(&session);
    }

    /// Forgets topics that were idle for long. A topic that comes back has a later epoch.
    pub(super) fn forget_idle(&mut self, now: Duration) -> Vec<TopicId> {
        let mut forgotten = Vec::new();
        for _ in 0..SWEEP_TOPICS {
            let Some((since, _)) = self.sweep.front() else { break };
            if *since + self.config.forget_after > now {
                break;
            }
            let (_, name) = self.sweep.pop_front().expect("it was there just now");
            let topic = &self.known[&name];
            if topic.used + self.config.forget_after > now {
                self.sweep.push_back((topic.used, name));
            } else {
                forgotten.push(topic.id);
                if let Some(made) = self.made.get_mut(&topic.maker) {
                    *made -= 1;
                }
                self.known.remove(&name);
            }
        }
        self.epoch += u64::from(!forgotten.is_empty());
        forgotten
    }
}

impl Topic {
    /// Looks up who wants the topic, if that may have changed.
    pub(super) fn refresh(&mut self, interest: &Interest, groups: &Groups) {
        let generation = Some((interest.generation(), groups.generation()));
        if self.fresh_for != generation {
            self.fresh_for = generation;
            self.shards = interest.wanting(&self.name);
            self.groups = groups.wanting(&self.name);
        }
    }

    pub(super) fn shards(&self) -> ShardSet {
        self.shards
    }

    pub(super) fn groups(&self) -> &[usize] {
        &self.groups
    }

    /// Gives a message its place. `None` if nobody wants it, which still takes a place.
    pub(super) fn stamp(
        &mut self,
        time: u64,
        parts: impl FnOnce() -> Bytes,
    ) -> Option<Publication> {
        if self.shards.is_empty() && self.groups.is_empty() {
            self.seq += 1;
            return None;
        }
        Some(self.stamp_always(time, parts()))
    }

    /// Gives a message its place.
    pub(super) fn stamp_always(&mut self, time: u64, parts: Bytes) -> Publication {
        self.seq += 1;
        let Self { id: topic_id, epoch, seq, .. } = *self;
        Publication { topic: self.name.clone(), topic_id, seq, epoch, time, parts }
    }
}
