//! Which connections are to be polled, and the one task that polls them.
//!
//! A task for each connection would be the largest part of an idle one. What is left of it here is
//! a signal, which knows a slot and whether it stands in the list.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

use tokio::sync::Notify;
use tokio::task::coop::unconstrained;

use super::Shard;

/// How many connections are polled in a row before other tasks come, the turn among them. With many
/// more the bound of a batch would stop some in the middle of a packet, and what clients sent
/// together would leave in pieces.
const IN_A_ROW: usize = 64;

/// The connections that something happened to, in that order.
///
/// Bounded by the connections: each stands in it once at most.
#[derive(Debug, Default)]
pub(super) struct Ready {
    signals: Mutex<Vec<Arc<Signal>>>,
    arrived: Notify,
}

/// Says that something happened to the connection in a slot.
///
/// It may outlive the connection: then whoever has the slot is polled once for nothing.
#[derive(Debug)]
pub(super) struct Signal {
    slot: AtomicU32,
    /// Whether it stands in the list.
    raised: AtomicBool,
    ready: Arc<Ready>,
}

impl Ready {
    /// The signal of a connection, raised: it is to be polled a first time.
    pub(super) fn enter(self: &Arc<Self>, slot: u32) -> Arc<Signal> {
        let slot = AtomicU32::new(slot);
        let signal = Signal { slot, raised: AtomicBool::new(false), ready: self.clone() };
        let signal = Arc::new(signal);
        signal.wake_by_ref();
        signal
    }

    fn push(&self, signal: Arc<Signal>) {
        let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        signals.push(signal);
        if signals.len() == 1 {
            self.arrived.notify_one();
        }
    }

    /// Exchanges the list for an empty one.
    fn swap(&self, signals: &mut Vec<Arc<Signal>>) {
        std::mem::swap(&mut *self.signals.lock().unwrap_or_else(PoisonError::into_inner), signals);
    }
}

impl Signal {
    /// The connection is in another slot from now on.
    pub(super) fn settle_in(&self, slot: u32) {
        self.slot.store(slot, Ordering::Relaxed);
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            self.ready.clone().push(self);
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            self.ready.push(self.clone());
        }
    }
}

/// Polls the connections that are ready, until the task is aborted.
///
/// How much each may do is bounded by the connection; what the runtime would grant to a task is
/// too little for all of them.
pub(super) async fn poll_all(shard: Rc<Shard>) {
    unconstrained(async {
        let mut signals = Vec::new();
        loop {
            shard.ready.arrived.notified().await;
            shard.ready.swap(&mut signals);
            for (count, signal) in signals.drain(..).enumerate() {
                if count % IN_A_ROW == IN_A_ROW - 1 {
                    tokio::task::yield_now().await;
                }
                shard.poll_one(signal);
            }
        }
    })
    .await;
}

impl Shard {
    fn poll_one(self: &Rc<Self>, signal: Arc<Signal>) {
        // What happens from here on raises it again.
        signal.raised.swap(false, Ordering::AcqRel);
        let slot = signal.slot.load(Ordering::Relaxed);
        let Some(connection) = self.connection(slot) else { return };
        let waker = Waker::from(signal);
        let mut cx = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| connection.poll(self, &mut cx)));
        if polled.is_err() {
            // A fault of the broker costs this connection, not those that are polled with it.
            tracing::error!(slot, "a connection ended by a panic");
            self.drop_session(&connection);
        }
    }
}
