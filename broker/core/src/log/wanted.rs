//! What lanes want of the log, counted once for all of them.

use broker_delivery::lane::Extent;

/// By how many lanes each entry of a log is wanted.
///
/// Costs two steps per extent that is added, and one per entry when it is read.
#[derive(Debug)]
pub struct Wanted {
    first: u64,
    /// How many lanes more, or fewer, want an entry than the one before it.
    changes: Vec<i32>,
}

impl Wanted {
    pub(super) fn new(first: u64, entries: usize) -> Self {
        Self { first, changes: vec![0; entries + 1] }
    }

    /// The first entry that is counted: what is in front of it has survived its block.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Adds what one lane wants, in whatever order.
    pub fn add(&mut self, extents: impl Iterator<Item = Extent>) {
        extents.for_each(|extent| self.add_one(extent));
    }

    /// Adds a part of what one lane wants.
    #[inline]
    pub fn add_one(&mut self, extent: Extent) {
        if extent.end > self.first {
            let start = extent.start.max(self.first);
            self.changes[(start - self.first) as usize] += 1;
            self.changes[(extent.end - self.first) as usize] -= 1;
        }
    }

    /// By how many lanes each entry is wanted, in order.
    pub(super) fn counts(&self) -> impl Iterator<Item = u32> + '_ {
        let mut count = 0;
        self.changes.iter().map(move |change| {
            count += change;
            count as u32
        })
    }
}
