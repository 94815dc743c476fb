//! The topics that are known, and their order.

mod displaced;
mod full;
mod idle;
mod topic;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use hashbrown::HashMap;

use super::{Name, SequencerConfig};
use crate::{SessionId, ShardId, TopicId};
use displaced::Resting;
pub(super) use full::TopicsFull;
pub(super) use idle::{Forgotten, Idle};
pub(super) use topic::Topic;

/// The topics that are known.
#[derive(Debug)]
pub(super) struct Topics {
    config: SequencerConfig,
    known: HashMap<Name, Topic>,
    /// The same by their ids, which grow: whoever looks at all goes on where it stopped.
    by_id: BTreeMap<TopicId, Name>,
    /// How many match each pattern.
    by_pattern: Vec<usize>,
    /// The topics that each session was the first to use.
    made: HashMap<SessionId, BTreeMap<TopicId, Name>>,
    /// Those of these sessions that are gone.
    gone: BTreeSet<SessionId>,
    /// Topics by the time since which they are known to be idle.
    sweep: BTreeSet<(Duration, TopicId)>,
    /// Topics that were found idle for long, and not forgotten: something of them may wait.
    idle: Resting,
    /// How many made room at a limit.
    displaced: u64,
    /// Topics that were forgotten, of which nobody was told.
    forgotten: Vec<Forgotten>,
    epoch: u64,
    next_id: u64,
}

impl Topics {
    pub(super) fn new(config: SequencerConfig, epoch: u64) -> Self {
        Self {
            by_pattern: vec![0; config.policies.filters().count()],
            config,
            known: HashMap::new(),
            by_id: BTreeMap::new(),
            made: HashMap::new(),
            gone: BTreeSet::new(),
            sweep: BTreeSet::new(),
            idle: Resting::default(),
            displaced: 0,
            forgotten: Vec::new(),
            epoch,
            next_id: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// What the next topic that is made will be known by.
    pub(super) fn next_id(&self) -> TopicId {
        TopicId(self.next_id)
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

    /// Notes that a message of a topic is on its way again, to a shard. Returns whether it is known.
    pub(super) fn sent_again(
        &mut self,
        name: &str,
        id: TopicId,
        shard: ShardId,
        now: Duration,
    ) -> bool {
        let topic = self.known.get_mut(name).filter(|topic| topic.id == id);
        let Some(topic) = topic else { return false };
        topic.used = now;
        topic.reached.add(shard);
        true
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
        self.idle.remove(topic);
        let gone = std::mem::replace(&mut topic.maker, session);
        self.take_off_account(gone, id);
        self.made.entry(session).or_default().insert(id, name);
    }

    #[cold]
    fn make(&mut self, name: &str, maker: SessionId, now: Duration) -> Result<(), TopicsFull> {
        let (most, most_of_session) = (self.config.topics_max, self.config.topics_per_session_max);
        // First what costs least: whoever is refused asks again and again.
        let is_full = self.made.get(&maker).is_some_and(|made| made.len() >= most_of_session);
        if is_full && !self.has_idle_of(maker) {
            return Err(TopicsFull::Session { most: most_of_session });
        }
        let patterns = self.config.policies.places(name);
        if let Some(full) = patterns.iter().find_map(|place| self.full_pattern(*place)) {
            return Err(full);
        }
        if is_full {
            self.displace_idle_of(maker);
        }
        if self.known.len() >= most && !self.displace() {
            return Err(TopicsFull::Broker { most });
        }
        let name = Name::from(name);
        let id = TopicId(self.next_id);
        self.next_id += 1;
        self.made.entry(maker).or_default().insert(id, name.clone());
        let retains = self.config.policies.retains(&name);
        patterns.iter().for_each(|place| self.by_pattern[usize::from(*place)] += 1);
        let topic = Topic::new(name.clone(), (id, maker), (self.epoch, now), retains, patterns);
        self.known.insert(name.clone(), topic);
        self.sweep.insert((now, id));
        self.by_id.insert(id, name);
        Ok(())
    }

    /// Why a pattern allows no more topics, if it doesn't.
    fn full_pattern(&self, place: u8) -> Option<TopicsFull> {
        let (most, pattern) = self.config.policies.topics_max(place)?;
        let pattern = pattern.to_owned();
        let is_full = self.by_pattern[usize::from(place)] >= most;
        is_full.then_some(TopicsFull::Pattern { place, pattern, most })
    }

    /// How many topics match each pattern.
    pub(super) fn by_pattern(&self) -> &[usize] {
        &self.by_pattern
    }

    /// The topics that were made after this one, in the order in which they were.
    pub(super) fn made_after(&self, after: Option<TopicId>) -> impl Iterator<Item = &Topic> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_id.range((from, Bound::Unbounded)).map(|(_, name)| &self.known[name])
    }

    /// Notes that a session is gone. Its topics live on, but make room when there is none.
    pub(super) fn maker_gone(&mut self, session: SessionId) {
        if self.made.contains_key(&session) {
            self.gone.insert(session);
        }
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
        let Self { known, by_id, by_pattern, made, gone, sweep, idle, forgotten, .. } = self;
        let lists = [made.len(), gone.len(), sweep.len(), forgotten.len(), by_id.len()];
        known.is_empty()
            && idle.is_empty()
            && lists == [0; 5]
            && by_pattern.iter().all(|count| *count == 0)
    }
}
