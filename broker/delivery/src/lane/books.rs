//! The counters of a lane.

/// What became of everything that was pushed into a lane, counted since its start.
///
/// received + conflated + merged + dropped + expired + waiting = pushed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Books {
    /// Messages handed to the link.
    pub received: u64,
    /// Messages that a newer one of their key replaced.
    pub conflated: u64,
    /// Messages that were folded into another.
    pub merged: u64,
    /// Messages dropped at the bound.
    pub dropped: u64,
    /// Messages that expired while waiting.
    pub expired: u64,
    /// Gaps handed to the link.
    pub gaps: u64,
}
