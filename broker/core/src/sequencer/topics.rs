//! The topics that are known, and their order.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;

use super::interest::ShardSet;
use super::{Groups, Interest, Name, SequencerConfig};
use crate::{Publication, TopicId};

/// How many topics are looked at for idleness in one batch, so that no batch waits for a sweep.
const SWEEP_TOPICS: usize = 64;

/// The topics that are known.
#[derive(Debug)]
pub(super) struct Topics {
    config: SequencerConfig,
    known: HashMap<Name, Topic>,
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
    epoch: u64,
    seq: u64,
    used: Duration,
    /// The state of interest and groups for which the next two hold.
    fresh_for: Option<(u64, u64)>,
    shards: ShardSet,
    groups: Vec<usize>,
}

impl Topics {
    pub(super) fn new(config: SequencerConfig, epoch: u64) -> Self {
        let (known, sweep) = (HashMap::new(), VecDeque::new());
        Self { config, known, sweep, epoch, next_id: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Finds a topic or makes it; `None` if there are too many.
    pub(super) fn accept(&mut self, name: &str, now: Duration) -> Option<&mut Topic> {
        if !self.known.contains_key(name) {
            self.make(name, now)?;
        }
        let topic = self.known.get_mut(name)?;
        topic.used = now;
        Some(topic)
    }

    #[cold]
    fn make(&mut self, name: &str, now: Duration) -> Option<()> {
        if self.known.len() >= self.config.topics_max {
            return None;
        }
        let name = Name::from(name);
        let id = TopicId(self.next_id);
        self.next_id += 1;
        let topic = Topic {
            name: name.clone(),
            id,
            epoch: self.epoch,
            seq: 0,
            used: now,
            fresh_for: None,
            shards: ShardSet::default(),
            groups: Vec::new(),
        };
        self.known.insert(name.clone(), topic);
        self.sweep.push_back((now, name));
        Some(())
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
