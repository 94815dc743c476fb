//! Topics that nobody uses any more: found a few at a time, and forgotten.

use std::time::Duration;

use super::super::Name;
use super::super::interest::ShardSet;
use super::Topics;
use crate::TopicId;

/// How many topics are looked at for idleness in one batch, so that no batch waits for a sweep.
const SWEEP_TOPICS: usize = 64;

/// A topic that was idle for long when it was looked at, and of which something may wait in shards.
#[derive(Debug)]
pub(in crate::sequencer) struct Idle {
    name: Name,
    pub(in crate::sequencer) id: TopicId,
    /// When it was used last.
    used: Duration,
    /// The shards that may have something of it.
    pub(in crate::sequencer) reached: ShardSet,
}

/// A topic that was forgotten.
#[derive(Debug)]
pub(in crate::sequencer) struct Forgotten {
    pub(in crate::sequencer) id: TopicId,
    /// The shards that may know it.
    pub(in crate::sequencer) reached: ShardSet,
}

impl Topics {
    /// Looks at some topics for whether they were idle for long. Those that never reached a shard are
    /// forgotten at once; of the others, `most` at most, something may wait.
    pub(in crate::sequencer) fn find_idle(&mut self, now: Duration, most: usize) -> Vec<Idle> {
        let mut idle = Vec::new();
        for _ in 0..SWEEP_TOPICS.min(most) {
            let Some((swept, id)) = self.sweep.first().copied() else { break };
            if swept + self.config.forget_after > now {
                break;
            }
            let name = self.by_id[&id].clone();
            let topic = self.known.get_mut(&name).expect("what is swept is known");
            let is_idle = topic.retained == 0 && topic.used + self.config.forget_after <= now;
            if is_idle && topic.reached.is_empty() {
                self.forget(&name);
                continue;
            }
            // Whatever becomes of it now, it is looked at again when it may be idle the next time.
            topic.swept = if is_idle || topic.retained > 0 { now } else { topic.used };
            self.sweep.remove(&(swept, id));
            self.sweep.insert((topic.swept, id));
            if is_idle {
                self.idle.add(topic);
                let (id, used, reached) = (topic.id, topic.used, topic.reached);
                idle.push(Idle { name, id, used, reached });
            }
        }
        idle
    }

    /// Forgets a topic of which nothing waits, unless it was used since it was found to be idle.
    pub(in crate::sequencer) fn forget_idle(&mut self, idle: &Idle) {
        let known = self.known.get(&idle.name).filter(|topic| topic.id == idle.id);
        if known.is_some_and(|topic| topic.used == idle.used && topic.retained == 0) {
            self.forget(&idle.name);
        }
    }

    /// The topics that were forgotten since the last time.
    pub(in crate::sequencer) fn take_forgotten(&mut self) -> Vec<Forgotten> {
        std::mem::take(&mut self.forgotten)
    }

    /// Takes a topic out of everything that knows it. One that comes back has a later epoch.
    pub(super) fn forget(&mut self, name: &str) {
        let mut topic = self.known.remove(name).expect("what is forgotten is known");
        self.idle.remove(&mut topic);
        self.sweep.remove(&(topic.swept, topic.id));
        self.by_id.remove(&topic.id);
        self.take_off_account(topic.maker, topic.id);
        topic.patterns.iter().for_each(|place| self.by_pattern[usize::from(*place)] -= 1);
        self.epoch = self.epoch.max(topic.epoch + 1);
        self.forgotten.push(Forgotten { id: topic.id, reached: topic.reached });
    }
}
