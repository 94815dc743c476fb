//! Which shards want which topics.

use broker_delivery::Matcher;

use crate::ShardId;

/// Which shards want which topics: the filters of all subscriptions, counted per shard.
#[derive(Debug, Default)]
pub(super) struct Interest {
    matcher: Matcher<Wanted>,
}

/// How many subscriptions of a shard have one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    shard: ShardId,
    count: u32,
}

impl Interest {
    pub(super) fn begin(&mut self, filter: &str, shard: ShardId) {
        match self.wanted(filter, shard) {
            Some(wanted) => wanted.count += 1,
            None => self.matcher.insert(filter, Wanted { shard, count: 1 }),
        }
    }

    pub(super) fn end(&mut self, filter: &str, shard: ShardId) {
        let wanted = self.wanted(filter, shard).expect("what ends has begun");
        wanted.count -= 1;
        if wanted.count == 0 {
            let unwanted = *wanted;
            self.matcher.remove(filter, &unwanted);
        }
    }

    fn wanted(&mut self, filter: &str, shard: ShardId) -> Option<&mut Wanted> {
        self.matcher.values_mut(filter).iter_mut().find(|wanted| wanted.shard == shard)
    }

    /// Changes whenever the answer of [`Interest::wanting`] may have changed.
    pub(super) fn generation(&self) -> u64 {
        self.matcher.generation()
    }

    pub(super) fn wanting(&self, topic: &str) -> ShardSet {
        let mut shards = ShardSet::default();
        self.matcher.for_each_match(topic, |wanted| shards.add(wanted.shard));
        shards
    }
}

/// A set of shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ShardSet(u64);

impl ShardSet {
    /// Every shard that there could be.
    pub(super) const ALL: Self = Self(u64::MAX);

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

    pub(super) fn among(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn remove(&mut self, shard: ShardId) {
        self.0 &= !(1 << shard.0);
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
