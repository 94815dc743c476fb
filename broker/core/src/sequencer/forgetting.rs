//! Idle topics are forgotten once every shard has said that nothing of them waits.
//!
//! What waits is known to the shards alone. So topics that were found idle are named to the shards they
//! ever reached, many at a time, as an item of the one order: what was published before is in lanes
//! when a shard looks, and what is published after makes the topic one that isn't idle.
//!
//! Invariant: a topic that is forgotten wasn't used since it was named, and each of its shards has said
//! that no lane waits with a message of it; but for those that make room at a limit.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashSet;

use super::interest::ShardSet;
use super::topics::Idle;
use super::{Inboxes, Sequencer};
use crate::{Item, Now, ShardId, TopicId};

/// How many topics are named to the shards at a time at most. While so many are found no others are looked for.
const NAMED_MAX: usize = 1024;

/// How much time lies between two times that topics are named, unless topics are forgotten sooner: a
/// shard may have much to look through.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// The part of the time after which they are forgotten that lies between at most.
const PAUSE_PART: u32 = 16;

/// Topics that were found idle, and what the shards say of them.
#[derive(Debug)]
pub(super) struct Forgetting {
    pause: Duration,
    /// Those that weren't named yet.
    found: Vec<Idle>,
    named: Option<Named>,
    /// How often topics were named.
    rounds: u64,
    /// When they may be named again.
    not_before: Duration,
}

/// Topics that the shards are asked about.
#[derive(Debug)]
struct Named {
    topics: Vec<Idle>,
    /// The shards that haven't answered.
    missing: ShardSet,
    /// Topics of which something waits.
    waiting: HashSet<TopicId>,
}

impl Forgetting {
    pub(super) fn new(forget_after: Duration) -> Self {
        let pause = (forget_after / PAUSE_PART).min(PAUSE_MAX);
        Self { pause, found: Vec::new(), named: None, rounds: 0, not_before: Duration::ZERO }
    }
}

impl Sequencer {
    /// Looks for some topics that were idle for long, and names those that were found.
    pub(super) fn forget_some(&mut self, now: Now, out: &mut impl Inboxes) {
        let most = NAMED_MAX - self.forgetting.found.len();
        self.forgetting.found.extend(self.topics.find_idle(now.monotonic, most));
        let may_name =
            self.forgetting.named.is_none() && now.monotonic >= self.forgetting.not_before;
        if may_name && !self.forgetting.found.is_empty() {
            self.forgetting.not_before = now.monotonic + self.forgetting.pause;
            self.name_idle(out);
        }
        self.tell_forgotten(out);
    }

    fn name_idle(&mut self, out: &mut impl Inboxes) {
        let topics = std::mem::take(&mut self.forgetting.found);
        let reached = topics.iter().fold(ShardSet::default(), |all, one| all.union(one.reached));
        let missing = reached.among(self.inspections.shards());
        self.forgetting.rounds += 1;
        let round = self.forgetting.rounds;
        let named: Arc<[TopicId]> = topics.iter().map(|topic| topic.id).collect();
        self.forgetting.named = Some(Named { topics, missing, waiting: HashSet::new() });
        for shard in missing.iter() {
            out.put(shard, Item::Idle { round, topics: named.clone() });
        }
        self.forget_named();
    }

    /// A shard says of which of the topics something waits there.
    pub(super) fn still_waiting(&mut self, round: u64, shard: ShardId, topics: &[TopicId]) {
        if round == self.forgetting.rounds
            && let Some(named) = &mut self.forgetting.named
        {
            named.missing.remove(shard);
            named.waiting.extend(topics);
            self.forget_named();
        }
    }

    /// Once every shard has answered: what doesn't wait is forgotten, unless it was used meanwhile.
    fn forget_named(&mut self) {
        let answered = |named: &mut Named| named.missing.is_empty();
        let Some(Named { topics, waiting, .. }) = self.forgetting.named.take_if(answered) else {
            return;
        };
        self.statistics.topics_waited += waiting.len() as u64;
        let idle = topics.iter().filter(|topic| !waiting.contains(&topic.id));
        idle.for_each(|topic| self.topics.forget_idle(topic));
    }

    /// Tells the shards that may know them which topics were forgotten.
    fn tell_forgotten(&mut self, out: &mut impl Inboxes) {
        for forgotten in self.topics.take_forgotten() {
            self.statistics.forgotten += 1;
            let topic_id = forgotten.id;
            for shard in forgotten.reached.among(self.inspections.shards()).iter() {
                out.put(shard, Item::Forgotten { topic_id });
            }
        }
    }
}
