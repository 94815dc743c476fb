//! How what comes is appended.

use super::{Entries, Extent, Frame, Item, Lane, Pushed};

impl<F: Frame> Lane<F> {
    /// Appends entries, of so many bytes together, for every subscription of the lane that matches
    /// them. However many they are, it is one step.
    #[inline]
    pub fn push(&mut self, entries: Extent, bytes: u64, log: &mut impl Entries) -> Pushed {
        let extends = self.may_extend();
        match self.items.back_mut() {
            Some(Item::Run(last)) if last.end == entries.start && extends => last.end = entries.end,
            _ => self.append(Item::Run(entries)),
        }
        self.count(entries.len(), bytes, log)
    }

    /// Appends an entry for one subscription alone: a message of a queue group, or a replay.
    pub fn push_addressed(
        &mut self,
        entry: u64,
        size: u32,
        subscription: u64,
        log: &mut impl Entries,
    ) -> Pushed {
        let extends = self.may_extend();
        match self.items.back_mut() {
            Some(Item::Addressed { extent, subscription: to })
                if extent.end == entry && *to == subscription && extends =>
            {
                extent.end += 1;
            }
            _ => {
                let extent = Extent::one(entry);
                self.append(Item::Addressed { extent, subscription });
            }
        }
        self.count(1, u64::from(size), log)
    }

    /// Appends a frame that is data of the lane but no entry of the log: the answer to a
    /// subscribe, a routed request, presence. It is never dropped; it counts in bytes.
    pub fn push_frame(&mut self, frame: F) {
        self.bytes += frame.size();
        self.append(Item::Frame(frame));
    }

    /// The first item is given no room for others: a lane that keeps up has one at a time.
    pub(super) fn append(&mut self, item: Item<F>) {
        if self.items.capacity() == 0 {
            self.items.reserve_exact(1);
        }
        self.items.push_back(item);
    }

    #[inline]
    pub(super) fn count(&mut self, messages: u32, bytes: u64, log: &mut impl Entries) -> Pushed {
        self.messages += messages;
        self.bytes += bytes;
        if self.waiting { self.enforce_bound(log) } else { Pushed::Kept }
    }

    /// Whether the last item may grow: what was walked is as it is.
    #[inline]
    pub(super) fn may_extend(&self) -> bool {
        self.walked.as_ref().is_none_or(|walked| walked.items() < self.items.len())
    }
}
