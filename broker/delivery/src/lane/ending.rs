//! How what waits is let go without being sent.

use std::collections::VecDeque;

use super::{Entries, Extent, Frame, Item, Lane};

impl<F: Frame> Lane<F> {
    /// Takes the messages off that wait for one of these subscriptions alone. Nothing, where what
    /// waits is out of order.
    pub fn take_addressed(
        &mut self,
        mut to: impl FnMut(u64) -> bool,
        log: &mut impl Entries,
    ) -> Vec<(u64, Extent)> {
        if self.walked.is_some() {
            return Vec::new();
        }
        let mut taken = Vec::new();
        self.items.retain(|item| match item {
            Item::Addressed { extent, subscription } if to(*subscription) => {
                taken.push((*subscription, *extent));
                false
            }
            _ => true,
        });
        for (_, extent) in &taken {
            self.messages -= extent.len();
            self.bytes -= log.bytes(*extent);
        }
        taken
    }

    /// Gives back the memory that it needed when more waited, if nothing waits.
    pub fn give_back(&mut self) {
        self.kept.take_if(|kept| kept.is_empty());
        if self.items.is_empty() {
            self.items = VecDeque::new();
        }
    }

    /// Lets everything go, returning what was waiting.
    pub fn clear(&mut self, log: &mut impl Entries) -> VecDeque<Item<F>> {
        for extent in self.items.iter().flat_map(Item::extents).chain(self.held_extents()) {
            log.let_go(extent);
        }
        self.kept_extents().for_each(|extent| log.let_go(extent));
        (self.recent, self.recent_bytes, self.kept) = (Extent::default(), 0, None);
        self.note_kept();
        (self.messages, self.bytes, self.gap_bytes) = (0, 0, 0);
        (self.waiting, self.discarding) = (false, false);
        self.set_pace();
        let mut items = self.passed.take().map_or_else(VecDeque::new, |passed| *passed);
        items.append(&mut self.items);
        items
    }
}
