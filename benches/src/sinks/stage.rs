//! What all links of a flood and the bench share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use tokio::sync::Notify;

/// When publishers are at work.
#[derive(Debug)]
pub(super) struct Stage {
    /// How many answers of the broker are still to come until everybody is there.
    missing: AtomicUsize,
    there: Notify,
    at_work: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Stage {
    pub(super) fn new(answers: usize) -> Self {
        let (there, waiting) = (Notify::new(), Mutex::default());
        Self { missing: AtomicUsize::new(answers), there, at_work: AtomicBool::new(false), waiting }
    }

    /// Notes that the broker has answered.
    pub(super) fn answered(&self, answers: usize) {
        if answers > 0 && self.missing.fetch_sub(answers, Relaxed) == answers {
            self.there.notify_one();
        }
    }

    pub(super) async fn all_there(&self) {
        self.there.notified().await;
    }

    /// Whether a publisher may go on; if not, it is woken when it may.
    pub(super) fn is_at_work(&self, cx: &Context<'_>) -> bool {
        if self.at_work.load(Relaxed) {
            return true;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(cx.waker().clone());
        self.at_work.load(Relaxed)
    }

    pub(super) fn begin(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.at_work.store(true, Relaxed);
        waiting.drain(..).for_each(Waker::wake);
    }

    pub(super) fn end(&self) {
        self.at_work.store(false, Relaxed);
    }
}

/// What one sink took. Written by its shard alone, so that a count costs no more than a store; in
/// cache lines of its own, since its neighbours belong to other shards.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Tally {
    messages: AtomicU64,
    packets: AtomicU64,
}

/// What all sinks took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) messages: u64,
    pub(super) packets: u64,
}

impl Tally {
    pub(super) fn add(&self, messages: u64) {
        self.messages.store(self.messages.load(Relaxed) + messages, Relaxed);
        self.packets.store(self.packets.load(Relaxed) + 1, Relaxed);
    }

    pub(super) fn sum<'a>(tallies: impl Iterator<Item = &'a Arc<Self>>) -> Sum {
        tallies.fold(Sum::default(), |sum, tally| Sum {
            messages: sum.messages + tally.messages.load(Relaxed),
            packets: sum.packets + tally.packets.load(Relaxed),
        })
    }
}
