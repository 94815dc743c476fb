//! What of the log is still wanted.

use std::collections::VecDeque;

use super::walked::Walked;
use super::{Extent, Frame, Item, Lane};

impl<F: Frame> Lane<F> {
    /// The oldest entry that is still wanted. Costs a visit to all that was conflated.
    pub fn oldest(&self) -> Option<u64> {
        match &self.walked {
            None => self.extents().next().map(|extent| extent.start),
            Some(_) => self.extents().map(|extent| extent.start).min(),
        }
    }

    /// What is still wanted of the log, in the order in which it is to be sent: what is conflated
    /// is out of the order of the log.
    pub fn extents(&self) -> impl DoubleEndedIterator<Item = Extent> + '_ {
        self.items().flat_map(Item::extents).chain(self.held_extents())
    }

    /// Visits what is wanted of the log from `first` on, in no order. What is older isn't visited, as
    /// long as it isn't conflated with what is newer.
    pub fn visit_since(&self, first: u64, mut visit: impl FnMut(Extent)) {
        let walked = self.walked.as_deref().map_or(0, |walked| walked.items_since(first));
        let single = self.walked.as_deref().is_some_and(Walked::is_single);
        for item in self.items.range(..walked) {
            match item {
                // There are many, and what they replaced lies elsewhere.
                Item::Newest(newest) if single => visit(Extent::one(newest.last())),
                item => item.extents().for_each(&mut visit),
            }
        }
        let unwalked = self.walked.as_deref().map_or(0, Walked::items);
        let unwalked = self.items.range(unwalked..).rev().flat_map(Item::extents);
        unwalked.take_while(|extent| extent.end > first).for_each(&mut visit);
        self.held_extents().for_each(visit);
    }

    /// What is to be sent, oldest first.
    pub fn items(&self) -> impl DoubleEndedIterator<Item = &Item<F>> {
        let passed = self.passed.as_deref().map(VecDeque::iter).unwrap_or_default();
        passed.chain(self.items.iter())
    }
}
