//! Which shards want which topics.

use std::sync::Arc;

use broker_delivery::Matcher;
use hashbrown::HashMap;

use crate::ShardId;

/// Which shards want which topics: the filters of all subscriptions, counted per shard.
#[derive(Debug, Default)]
pub(super) struct Interest {
    counts: HashMap<(Arc<str>, ShardId), u32>,
    matcher: Matcher<ShardId>,
    seen: ShardSet,
}

impl Interest {
    pub(super) fn begin(&mut self, filter: &Arc<str>, shard: ShardId) {
        self.seen.add(shard);
        let count = self.counts.entry((filter.clone(), shard)).or_default();
        *count += 1;
        if *count == 1 {
            self.matcher.insert(filter, shard);
        }
    }

    pub(super) fn end(&mut self, filter: &Arc<str>, shard: ShardId) {
        let key = (filter.clone(), shard);
        let count = self.counts.get_mut(&key).expect("what ends has begun");
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&key);
            self.matcher.remove(filter, &shard);
        }
    }

    /// Changes whenever the answer of [`Interest::wanting`] may have changed.
    pub(super) fn generation(&self) -> u64 {
        self.matcher.generation()
    }

    pub(super) fn wanting(&self, topic: &str) -> ShardSet {
        let mut shards = ShardSet::default();
        self.matcher.for_each_match(topic, |shard| shards.add(*shard));
        shards
    }

    /// Every shard that ever wanted anything.
    pub(super) fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        self.seen.iter()
    }
}

/// A set of shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ShardSet(u64);

impl ShardSet {
    pub(super) fn of(shards: impl Iterator<Item = ShardId>) -> Self {
        let mut set = Self::default();
        shards.for_each(|shard| set.add(shard));
        set
    }

    pub(super) fn add(&mut self, shard: ShardId) {
        self.0 |= 1 << shard.0;
    }

    pub(super) fn has(self, shard: ShardId) -> bool {
        self.0 & (1 << shard.0) != 0
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = ShardId> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let shard = left.trailing_zeros();
            (left != 0).then(|| {
                left &= left - 1;
                ShardId(shard as u16)
            })
        })
    }
}
