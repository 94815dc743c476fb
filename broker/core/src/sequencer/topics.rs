//! The topics that are known, and their order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;

use super::interest::ShardSet;
use super::{Groups, Interest, Name, SequencerConfig};
use crate::policy::Retains;
use crate::{Publication, SessionId, TopicId};

/// How many topics are looked at for idleness in one batch, so that no batch waits for a sweep.
const SWEEP_TOPICS: usize = 64;

/// The topics that are known.
#[derive(Debug)]
pub(super) struct Topics {
    config: SequencerConfig,
    known: HashMap<Name, Topic>,
    /// The topics that each session was the first to use.
    made: HashMap<SessionId, BTreeMap<TopicId, Name>>,
    /// Those of these sessions that are gone.
    gone: BTreeSet<SessionId>,
    /// Topics by the time since which they are known to be idle.
    sweep: BTreeMap<(Duration, TopicId), Name>,
    /// Topics that were forgotten for want of room, of which nobody was told.
    displaced: Vec<TopicId>,
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
    /// Where it stands in the sweep.
    swept: Duration,
    /// The state of interest and groups for which the next two hold.
    fresh_for: Option<(u64, u64)>,
    shards: ShardSet,
    groups: Vec<usize>,
    /// How many last values of it are retained: while there are any it isn't forgotten.
    pub(super) retained: u32,
    /// What of it is.
    pub(super) retains: Retains,
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
        Self {
            config,
            known: HashMap::new(),
            made: HashMap::new(),
            gone: BTreeSet::new(),
            sweep: BTreeMap::new(),
            displaced: Vec::new(),
            epoch,
            next_id: 0,
        }
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
        if !self.gone.is_empty() {
            self.adopt(name, session);
        }
        let topic = self.known.get_mut(name).expect("it was there or was made");
        topic.used = now;
        Ok(topic)
    }

    /// A topic that was accepted just now.
    pub(super) fn accepted(&mut self, name: &str) -> &mut Topic {
        self.known.get_mut(name).expect("it was there or was made")
    }

    /// A value of a topic isn't retained any more.
    pub(super) fn let_go(&mut self, name: &str) {
        let topic = self.known.get_mut(name).expect("a topic with a value is known");
        topic.retained -= 1;
    }

    /// Takes a topic whose maker is gone on account of who uses it now, unless that has enough.
    fn adopt(&mut self, name: &str, session: SessionId) {
        let topic = self.known.get_mut(name).expect("what is adopted is known");
        let made = self.made.get(&session).map_or(0, BTreeMap::len);
        if !self.gone.contains(&topic.maker) || made >= self.config.topics_per_session_max {
            return;
        }
        let (id, name) = (topic.id, topic.name.clone());
        let gone = std::mem::replace(&mut topic.maker, session);
        self.take_off_account(gone, id);
        self.made.entry(session).or_default().insert(id, name);
    }

    #[cold]
    fn make(&mut self, name: &str, maker: SessionId, now: Duration) -> Result<(), TopicsFull> {
        let (most, most_of_session) = (self.config.topics_max, self.config.topics_per_session_max);
        if self.made.get(&maker).is_some_and(|made| made.len() >= most_of_session) {
            return Err(TopicsFull::Session { most: most_of_session });
        }
        if self.known.len() >= most && !self.displace() {
            return Err(TopicsFull::Broker { most });
        }
        let name = Name::from(name);
        let id = TopicId(self.next_id);
        self.next_id += 1;
        self.made.entry(maker).or_default().insert(id, name.clone());
        let topic = Topic {
            name: name.clone(),
            id,
            maker,
            epoch: self.epoch,
            seq: 0,
            used: now,
            swept: now,
            fresh_for: None,
            shards: ShardSet::default(),
            groups: Vec::new(),
            retained: 0,
            retains: self.config.policies.retains(&name),
        };
        self.known.insert(name.clone(), topic);
        self.sweep.insert((now, id), name);
        Ok(())
    }

    /// Notes that a session is gone. Its topics live on, but make room when there is none.
    pub(super) fn maker_gone(&mut self, session: SessionId) {
        if self.made.contains_key(&session) {
            self.gone.insert(session);
        }
    }

    /// Forgets one topic whose maker is gone and that nobody used since, if there is any: else
    /// whoever connects again and again could fill the broker.
    fn displace(&mut self) -> bool {
        while let Some(maker) = self.gone.first().copied() {
            let (id, name) = self.made[&maker].first_key_value().expect("a maker has topics");
            let (id, name) = (*id, name.clone());
            if self.known[&name].retained == 0 {
                self.forget(&name);
                self.displaced.push(id);
                self.epoch += 1;
                return true;
            }
            // On nobody's account from now on, so that none is passed twice.
            self.take_off_account(maker, id);
        }
        false
    }

    /// Forgets topics that were idle for long. A topic that comes back has a later epoch.
    ///
    /// Returns them, and those that were displaced since the last time.
    pub(super) fn forget_idle(&mut self, now: Duration) -> Vec<TopicId> {
        let mut forgotten = std::mem::take(&mut self.displaced);
        let displaced = forgotten.len();
        for _ in 0..SWEEP_TOPICS {
            let Some(first) = self.sweep.first_entry() else { break };
            if first.key().0 + self.config.forget_after > now {
                break;
            }
            let topic = self.known.get_mut(first.get()).expect("what is swept is known");
            if topic.retained > 0 {
                topic.used = now;
            }
            if topic.used + self.config.forget_after > now {
                topic.swept = topic.used;
                let name = first.remove();
                self.sweep.insert((topic.swept, topic.id), name);
            } else {
                let name = first.get().clone();
                forgotten.push(self.forget(&name));
            }
        }
        self.epoch += u64::from(forgotten.len() > displaced);
        forgotten
    }

    /// Takes a topic out of everything that knows it.
    fn forget(&mut self, name: &str) -> TopicId {
        let topic = self.known.remove(name).expect("what is forgotten is known");
        self.sweep.remove(&(topic.swept, topic.id));
        self.take_off_account(topic.maker, topic.id);
        topic.id
    }

    fn take_off_account(&mut self, maker: SessionId, id: TopicId) {
        let Some(made) = self.made.get_mut(&maker) else { return };
        made.remove(&id);
        if made.is_empty() {
            self.made.remove(&maker);
            self.gone.remove(&maker);
        }
    }
}

#[cfg(test)]
impl Topics {
    pub(super) fn keeps_nothing(&self) -> bool {
        let Self { known, made, gone, sweep, displaced, .. } = self;
        let lists = [made.len(), gone.len(), sweep.len(), displaced.len()];
        known.is_empty() && lists == [0; 4]
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

    pub(super) fn id(&self) -> TopicId {
        self.id
    }

    pub(super) fn name(&self) -> &str {
        &self.name
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
        let (topic, expires) = (self.name.clone(), None);
        Publication { topic, topic_id, seq, epoch, time, expires, parts }
    }
}
