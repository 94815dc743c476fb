//! What the sequencer has told a shard and the shard hasn't applied yet.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use broker_core::Item;
use tokio::sync::Notify;

/// The queue between the sequencer and one shard.
///
/// Nothing is dropped here: above its bound the connections that publish are read more slowly
/// (see `exchange`).
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    items: Mutex<Vec<Item>>,
    bytes: AtomicUsize,
    arrived: Notify,
}

impl Inbox {
    /// Appends items, in order.
    pub(crate) fn put(&self, items: &mut Vec<Item>) {
        if items.is_empty() {
            return;
        }
        let bytes: usize = items.iter().map(Item::size).sum();
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.items.lock().unwrap_or_else(PoisonError::into_inner).append(items);
        self.arrived.notify_one();
    }

    /// Takes everything, leaving `empty` in its place so that its memory is used again.
    pub(crate) fn take(&self, mut empty: Vec<Item>) -> Vec<Item> {
        std::mem::swap(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner), &mut empty);
        let bytes: usize = empty.iter().map(Item::size).sum();
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        empty
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Wakes whoever waits, though nothing is there.
    pub(crate) fn wake(&self) {
        self.arrived.notify_one();
    }

    /// Waits until something is there, or it is woken.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }
}
