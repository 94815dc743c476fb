//! What a lane must know of the log.

use std::sync::Arc;
use std::time::Duration;

use super::{Extent, Key};

/// The log as a lane sees it: what it must know of an entry to drop or conflate it.
pub trait Entries {
    /// The topic of an entry and the epoch of its `seq`.
    fn topic(&self, entry: u64) -> (&Arc<str>, u64);
    /// The place of an entry in its topic's order.
    fn seq(&self, entry: u64) -> u64;
    /// What an entry is about.
    fn key(&self, entry: u64) -> Key<'_>;
    /// The number of what an entry is about: the same for all of one key, and of no other, as long as
    /// any of them is wanted for which it was asked.
    fn thing(&mut self, entry: u64) -> u64;
    /// What an entry costs in a lane, in bytes: its frame.
    fn size(&self, entry: u64) -> u32;
    /// What a range of entries costs in a lane, in bytes.
    fn bytes(&self, extent: Extent) -> u64 {
        extent.entries().map(|entry| u64::from(self.size(entry))).sum()
    }
    /// Whether an entry isn't worth delivering any more.
    fn has_expired(&self, _entry: u64, _now: Duration) -> bool {
        false
    }
    /// Folds what waits of one key, oldest first: entries that stand for all of them, in order.
    fn fold(&mut self, entries: &[u64]) -> Vec<FoldedEntry> {
        entries.iter().map(|entry| FoldedEntry { entry: *entry, count: 1 }).collect()
    }
    /// Learns that a lane no longer wants these entries.
    fn let_go(&mut self, extent: Extent);
}

/// An entry that stands for so many: itself alone, or one that they were folded into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldedEntry {
    /// The entry.
    pub entry: u64,
    /// For how many it stands.
    pub count: usize,
}
