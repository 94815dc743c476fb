//! What can wait in a lane.

use std::time::Duration;

use super::{Ledger, Newest};

/// A range of entries of the log: all of them are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// The first entry.
    pub start: u64,
    /// The entry after the last.
    pub end: u64,
}

impl Extent {
    /// No entry yet; this is to be the first.
    pub fn beginning_at(entry: u64) -> Self {
        Self { start: entry, end: entry }
    }

    /// One entry.
    pub fn one(entry: u64) -> Self {
        Self { start: entry, end: entry + 1 }
    }

    /// How many entries.
    pub fn len(&self) -> u32 {
        (self.end - self.start) as u32
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Takes its first `count` entries off, of which there are no fewer.
    pub(super) fn split_off_front(&mut self, count: u64) -> Self {
        let front = Self { start: self.start, end: self.start + count };
        self.start = front.end;
        front
    }

    /// The entries.
    pub fn entries(&self) -> std::ops::Range<u64> {
        self.start..self.end
    }
}

/// One piece of what waits in a lane.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<F> {
    /// Messages for every subscription of the lane that matches them.
    Run(Extent),
    /// Messages for one subscription alone.
    Addressed {
        /// The messages.
        extent: Extent,
        /// The subscription.
        subscription: u64,
    },
    /// The newest messages of one key, for every subscription that matches them.
    Newest(Newest),
    /// A frame that is data of the lane.
    Frame(F),
    /// What is missing here. Boxed, for the sake of the lanes that keep up.
    Gaps(Box<Ledger>),
}

/// A frame that a lane carries without looking into it.
pub trait Frame {
    /// What it costs in a lane, in bytes.
    fn size(&self) -> u64;
    /// Whether it says what no longer holds when messages in front of it are discarded.
    fn is_void_behind_losses(&self) -> bool {
        false
    }
    /// Whether nothing else tells the same: it is sent again to who hasn't received it, however much was
    /// sent behind it.
    fn must_arrive(&self) -> bool {
        false
    }
    /// Whether it isn't worth delivering any more to who has to wait: it goes without a word.
    fn has_expired(&self, _now: Duration) -> bool {
        false
    }
    /// What it costs while it is kept after it was sent, in bytes.
    fn held(&self) -> u64 {
        self.size()
    }
}

impl<F> Item<F> {
    /// The range of entries that it refers to, if they are a range.
    pub(super) fn extent(&self) -> Option<Extent> {
        match self {
            Self::Run(extent) | Self::Addressed { extent, .. } => Some(*extent),
            Self::Newest(_) | Self::Frame(_) | Self::Gaps(_) => None,
        }
    }

    /// All entries that it refers to, oldest first.
    pub(super) fn extents(&self) -> impl DoubleEndedIterator<Item = Extent> + '_ {
        let newest = match self {
            Self::Newest(newest) => Some(newest.entries().map(Extent::one)),
            _ => None,
        };
        self.extent().into_iter().chain(newest.into_iter().flatten())
    }

    /// The one subscription that its messages are for.
    pub(super) fn subscription(&self) -> Option<u64> {
        match self {
            Self::Addressed { subscription, .. } => Some(*subscription),
            _ => None,
        }
    }

    /// Whether it is a frame that has expired.
    pub(super) fn is_expired_frame(&self, now: Duration) -> bool
    where
        F: Frame,
    {
        matches!(self, Self::Frame(frame) if frame.has_expired(now))
    }

    /// Whether it is messages.
    pub(super) fn is_messages(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Addressed { .. } | Self::Newest(_))
    }

    /// Takes the oldest `count` messages off.
    ///
    /// # Panics
    /// If it has no or fewer messages.
    pub(super) fn take_front(&mut self, count: u32) -> Extent {
        let (Self::Run(extent) | Self::Addressed { extent, .. }) = self else {
            panic!("only messages are taken one by one");
        };
        assert!(count < extent.len(), "an item that is taken whole is removed");
        extent.split_off_front(u64::from(count))
    }
}
