//! What the shards share: the sequencer, and the way to each other's inboxes.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use broker_core::{Batch, Item, Now, Sequencer, SequencerConfig, SequencerStatistics, ShardId};

use crate::inbox::{Change, Inbox};
use crate::seating::Seating;

/// How much may come for a lane of sessions that have something to write before the last of them has
/// had its turn, in bytes of messages. A quarter of what a lane may hold by default, so that a client
/// that takes all that it is offered isn't ended because the broker was slow to offer it.
const UNSERVED_BYTES_MAX: usize = 256 << 10;

/// What the shards share.
///
/// One critical section for a turn's batch: whatever the sequencer says in it is in the inboxes
/// before the next batch is heard, so that every shard sees the one order.
#[derive(Debug)]
pub(crate) struct Exchange {
    sequencer: Mutex<Ordered>,
    inboxes: Vec<Inbox>,
    inbox_bytes_max: usize,
    pub(crate) seating: Seating,
    /// How many shards take no more commands, since the broker stops.
    quiet: AtomicUsize,
    /// How often a connection that publishes had to wait for the broker.
    pub(crate) publishers_paused: AtomicU64,
}

#[derive(Debug)]
struct Ordered {
    sequencer: Sequencer,
    /// What is on its way to each inbox while a batch is handled.
    outgoing: Vec<Vec<Item>>,
}

impl Exchange {
    pub(crate) fn new(config: SequencerConfig, shards: u16, bounds: Bounds, now: Now) -> Self {
        let sequencer = Sequencer::new(config, now);
        let outgoing = (0..shards).map(|_| Vec::new()).collect();
        Self {
            sequencer: Mutex::new(Ordered { sequencer, outgoing }),
            inboxes: (0..shards).map(|_| Inbox::default()).collect(),
            inbox_bytes_max: bounds.inbox_bytes_max,
            seating: Seating::new(shards, bounds.connections_max),
            quiet: AtomicUsize::new(0),
            publishers_paused: AtomicU64::new(0),
        }
    }

    /// Hands a shard's batch to the sequencer, and what it says to the shards. The one that asks
    /// isn't woken: it takes what is there next.
    pub(crate) fn submit(&self, from: ShardId, now: Now, batch: &Batch) {
        let mut ordered = self.sequencer.lock().unwrap_or_else(PoisonError::into_inner);
        let Ordered { sequencer, outgoing } = &mut *ordered;
        sequencer.handle(now, batch, &mut |shard: ShardId, item| {
            outgoing[usize::from(shard.0)].push(item);
        });
        for (place, (inbox, items)) in self.inboxes.iter().zip(outgoing).enumerate() {
            if inbox.put(items) && place != usize::from(from.0) {
                inbox.wake();
            }
        }
    }

    pub(crate) fn inbox(&self, shard: ShardId) -> &Inbox {
        &self.inboxes[usize::from(shard.0)]
    }

    /// Takes what a shard is to apply, leaving `empty` in its place. If that ends an overrun, every
    /// shard is woken: its connections that publish may be waiting for it.
    pub(crate) fn take(&self, shard: ShardId, empty: Vec<Item>) -> Vec<Item> {
        let (items, taken) = self.inbox(shard).take(empty);
        self.wake_behind(taken, self.inbox_bytes_max);
        items
    }

    /// Notes how much a shard has applied for a lane that it hasn't offered to every link. Whoever waits is
    /// woken as by [`take`](Self::take).
    pub(crate) fn note_unserved(&self, shard: ShardId, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.wake_behind(self.inbox(shard).note_unserved(bytes), UNSERVED_BYTES_MAX);
    }

    /// Wakes every shard where this ends an overrun.
    fn wake_behind(&self, taken: Change, bytes_max: usize) {
        if taken.ends_overrun(bytes_max) {
            self.inboxes.iter().for_each(Inbox::wake);
        }
    }

    /// Whether some shard has more to apply than it may, or to offer: then connections that publish
    /// aren't read. They wait for the broker, never for a subscriber: a link that takes no more has
    /// had its turn.
    pub(crate) fn is_overrun(&self) -> bool {
        let overrun = |inbox: &Inbox| {
            inbox.bytes() > self.inbox_bytes_max || inbox.unserved() > UNSERVED_BYTES_MAX
        };
        self.inboxes.iter().any(overrun)
    }

    /// Says that a shard takes no more commands, and has submitted those that it took.
    pub(crate) fn fall_quiet(&self) {
        self.quiet.fetch_add(1, Ordering::AcqRel);
        self.inboxes.iter().for_each(Inbox::wake);
    }

    /// Whether all shards are quiet: what they had to say is in the inboxes.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Acquire) >= self.inboxes.len()
    }

    pub(crate) fn statistics(&self) -> (SequencerStatistics, usize) {
        let ordered = self.sequencer.lock().unwrap_or_else(PoisonError::into_inner);
        (ordered.sequencer.statistics(), ordered.sequencer.topics())
    }
}

/// The bounds that shards share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) inbox_bytes_max: usize,
    pub(crate) connections_max: usize,
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use broker_core::SessionId;

    use super::*;

    const HERE: ShardId = ShardId(0);
    const THERE: ShardId = ShardId(1);

    fn item() -> Item {
        let session = SessionId { shard: THERE, slot: 0, generation: 1 };
        Item::Begun { session, subscription: 1, point: std::num::NonZero::<u64>::MIN }
    }

    fn exchange(inbox_bytes_max: usize) -> Exchange {
        let now = Now { monotonic: Duration::ZERO, wall: 0 };
        let bounds = Bounds { inbox_bytes_max, connections_max: 1 };
        Exchange::new(SequencerConfig::default(), 2, bounds, now)
    }

    fn is_woken(exchange: &Exchange, shard: ShardId) -> bool {
        let arrived = pin!(exchange.inbox(shard).arrived());
        arrived.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn the_end_of_an_overrun_elsewhere_wakes_this_shard() {
        let exchange = exchange(item().size());
        exchange.inbox(THERE).put(&mut vec![item(), item()]);
        assert!(exchange.is_overrun() && !is_woken(&exchange, HERE));
        exchange.take(THERE, Vec::new());
        assert!(!exchange.is_overrun() && is_woken(&exchange, HERE));
    }

    #[test]
    fn what_is_taken_within_the_bound_wakes_nobody_else() {
        let exchange = exchange(item().size());
        exchange.inbox(THERE).put(&mut vec![item()]);
        exchange.take(THERE, Vec::new());
        assert!(!is_woken(&exchange, HERE));
    }

    #[test]
    fn publishers_are_held_back_while_links_wait_for_their_turn_and_let_go_everywhere() {
        let exchange = exchange(item().size());
        exchange.note_unserved(THERE, UNSERVED_BYTES_MAX as u64 + 1);
        assert!(exchange.is_overrun());
        exchange.note_unserved(THERE, 2 * UNSERVED_BYTES_MAX as u64);
        assert!(exchange.is_overrun() && !is_woken(&exchange, HERE));
        exchange.note_unserved(THERE, UNSERVED_BYTES_MAX as u64);
        assert!(!exchange.is_overrun() && is_woken(&exchange, HERE));
    }
}
