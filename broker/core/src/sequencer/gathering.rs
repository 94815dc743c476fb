//! The calls of a batch are told to a shard together.

use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{Inboxes, expires};
use crate::item::{SentCall, SentCalls};
use crate::{Batch, CallbackItem, Item, Now, ShardId};

/// The shards' inboxes while a batch is carried out: calls that aren't answered wait here, until
/// something comes that must not pass them.
pub(super) struct Gathering<'a, I> {
    inboxes: &'a mut I,
    now: Now,
    batch: &'a Batch,
    /// By the shard's number.
    shards: Vec<Option<Gathered>>,
}

/// Calls for sessions of one shard.
struct Gathered {
    calls: SentCalls,
    /// Where the last call for each session is, by its slot.
    lasts: HashMap<u32, u32, FixedState>,
}

impl Gathered {
    fn push(&mut self, call: SentCall) {
        let last = self.lasts.insert(call.to.owner.slot, self.calls.len());
        self.calls.push(call, last);
    }

    /// Whether an item may be carried out in front of these calls: what goes into no lane, and a
    /// request to whom none of them is for.
    fn lets_pass(&self, item: &Item) -> bool {
        match item {
            Item::Reply { .. } | Item::Answer { .. } => true,
            Item::Request { provider, .. } => !self.lasts.contains_key(&provider.slot),
            _ => false,
        }
    }
}

impl<'a, I: Inboxes> Gathering<'a, I> {
    pub(super) fn new(inboxes: &'a mut I, now: Now, batch: &'a Batch) -> Self {
        Self { inboxes, now, batch, shards: Vec::new() }
    }

    /// When a call of this batch expires, if ever.
    pub(super) fn expires(&self, expires_in: Option<u64>) -> Option<Duration> {
        expires(self.now, expires_in)
    }

    /// A call that isn't answered, for a callback of this shard.
    pub(super) fn call(&mut self, shard: ShardId, call: SentCall) {
        let place = usize::from(shard.0);
        if self.shards.len() <= place {
            self.shards.resize_with(place + 1, || None);
        }
        let gathered = self.shards[place].get_or_insert_with(|| Gathered {
            calls: SentCalls::new(self.now.wall, self.batch.arena.clone()),
            lasts: HashMap::default(),
        });
        gathered.push(call);
    }

    /// Tells all shards of the calls that still wait.
    pub(super) fn end(mut self) {
        for (shard, gathered) in (0..).zip(std::mem::take(&mut self.shards)) {
            self.tell(ShardId(shard), gathered);
        }
    }

    fn tell(&mut self, shard: ShardId, gathered: Option<Gathered>) {
        if let Some(Gathered { calls, .. }) = gathered {
            self.inboxes.put(shard, Item::Callback(CallbackItem::Sent(calls)));
        }
    }
}

impl<I: Inboxes> Inboxes for Gathering<'_, I> {
    fn put(&mut self, shard: ShardId, item: Item) {
        let waiting = self.shards.get_mut(usize::from(shard.0));
        let passed = waiting.and_then(|gathered| gathered.take_if(|it| !it.lets_pass(&item)));
        self.tell(shard, passed);
        self.inboxes.put(shard, item);
    }
}
