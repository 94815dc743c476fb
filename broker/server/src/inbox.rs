//! What a shard is behind with: what the sequencer told it and it hasn't applied yet, and what it
//! has applied and hasn't offered to every link yet.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use broker_core::Item;
use tokio::sync::Notify;

/// The queue between the sequencer and one shard.
///
/// Nothing is dropped here: above its bounds the connections that publish are read more slowly
/// (see `exchange`).
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    items: Mutex<Vec<Item>>,
    bytes: AtomicUsize,
    unserved: AtomicUsize,
    arrived: Notify,
}

/// Bytes that a shard was behind with before something was done, and after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    before: usize,
    after: usize,
}

impl Change {
    /// Whether this is what brought it back to its bound.
    pub(crate) fn ends_overrun(self, bytes_max: usize) -> bool {
        self.before > bytes_max && self.after <= bytes_max
    }
}

impl Inbox {
    /// Appends items, in order. Returns whether there were any: then the shard is to be woken.
    pub(crate) fn put(&self, items: &mut Vec<Item>) -> bool {
        if items.is_empty() {
            return false;
        }
        let bytes: usize = items.iter().map(Item::size).sum();
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.items.lock().unwrap_or_else(PoisonError::into_inner).append(items);
        true
    }

    /// Takes everything, leaving `empty` in its place so that its memory is used again. Returns how
    /// the bytes that wait have changed, too.
    pub(crate) fn take(&self, mut empty: Vec<Item>) -> (Vec<Item>, Change) {
        std::mem::swap(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner), &mut empty);
        let bytes: usize = empty.iter().map(Item::size).sum();
        let before = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        (empty, Change { before, after: before - bytes })
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of messages that were applied for one lane since the first of those who have something to
    /// write came to have it, at most.
    pub(crate) fn unserved(&self) -> usize {
        self.unserved.load(Ordering::Relaxed)
    }

    /// Notes how many these are by now. Returns how that has changed.
    pub(crate) fn note_unserved(&self, bytes: usize) -> Change {
        Change { before: self.unserved.swap(bytes, Ordering::Relaxed), after: bytes }
    }

    /// Wakes whoever waits, whether or not something is there.
    pub(crate) fn wake(&self) {
        self.arrived.notify_one();
    }

    /// Waits until something is there, or it is woken.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }
}
