//! Topics that make room for others at a limit, whatever waits of them.
//!
//! Whoever doesn't take what waits for it would else use up what others may have of topics.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Topic, Topics};
use crate::{SessionId, TopicId};

/// Topics that were found idle for long, by the time since which they are. Those that were used since
/// are left out when they are come upon.
#[derive(Debug, Default)]
pub(super) struct Resting {
    all: BTreeSet<(Duration, TopicId)>,
    /// The same by those on whose account they are.
    by_maker: BTreeSet<(SessionId, Duration, TopicId)>,
}

impl Resting {
    /// Notes a topic that is idle, in place of what was noted of it.
    pub(super) fn add(&mut self, topic: &mut Topic) {
        self.remove(topic);
        topic.found_idle = Some(topic.used);
        self.all.insert((topic.used, topic.id));
        self.by_maker.insert((topic.maker, topic.used, topic.id));
    }

    pub(super) fn remove(&mut self, topic: &mut Topic) {
        if let Some(since) = topic.found_idle.take() {
            self.all.remove(&(since, topic.id));
            self.by_maker.remove(&(topic.maker, since, topic.id));
        }
    }

    fn first(&self) -> Option<TopicId> {
        self.all.first().map(|(_, id)| *id)
    }

    fn first_of(&self, maker: SessionId) -> Option<TopicId> {
        let range = (maker, Duration::ZERO, TopicId(0))..=(maker, Duration::MAX, TopicId(u64::MAX));
        self.by_maker.range(range).next().map(|(_, _, id)| *id)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.by_maker.is_empty()
    }
}

impl Topics {
    /// How many topics made room at a limit.
    pub(in crate::sequencer) fn displaced(&self) -> u64 {
        self.displaced
    }

    /// Whether a session was the first to use some topic that is idle for long.
    pub(super) fn has_idle_of(&mut self, maker: SessionId) -> bool {
        self.resting(|idle| idle.first_of(maker)).is_some()
    }

    /// Forgets the one of these that is idle longest.
    pub(super) fn displace_idle_of(&mut self, maker: SessionId) {
        if let Some(id) = self.resting(|idle| idle.first_of(maker)) {
            self.displace_one(id);
        }
    }

    /// Makes room for one topic, if any may go: one whose maker is gone and that nobody used since,
    /// else whoever connects again and again could fill the broker; then the one that is idle longest.
    pub(super) fn displace(&mut self) -> bool {
        let id = self.left_behind().or_else(|| self.resting(Resting::first));
        id.into_iter().for_each(|id| self.displace_one(id));
        id.is_some()
    }

    fn displace_one(&mut self, id: TopicId) {
        let name = self.by_id[&id].clone();
        self.forget(&name);
        self.displaced += 1;
    }

    /// A topic whose maker is gone, and that nobody used since.
    fn left_behind(&mut self) -> Option<TopicId> {
        while let Some(maker) = self.gone.first().copied() {
            let (id, name) = self.made[&maker].first_key_value().expect("a maker has topics");
            let (id, name) = (*id, name.clone());
            if self.known[&name].retained == 0 {
                return Some(id);
            }
            // On nobody's account from now on, so that none is passed twice.
            self.take_off_account(maker, id);
        }
        None
    }

    /// The first topic of these that is still idle. Each that isn't is passed once.
    fn resting(&mut self, first: impl Fn(&Resting) -> Option<TopicId>) -> Option<TopicId> {
        while let Some(id) = first(&self.idle) {
            let topic = self.known.get_mut(&self.by_id[&id]).expect("what is idle is known");
            if topic.found_idle == Some(topic.used) && topic.retained == 0 {
                return Some(id);
            }
            self.idle.remove(topic);
        }
        None
    }
}
