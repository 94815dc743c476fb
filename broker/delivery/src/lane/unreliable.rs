//! What leaves a lane by another way than in its order: it may get lost, and isn't kept.

use super::kept::{AsTheyAre, Leaving};
use super::{Entries, Frame, Gap, Item, Lane, Sent};

impl<F: Frame> Lane<F> {
    /// Says that messages at the front have left as a datagram: they aren't frames of the lane, and are
    /// never sent again.
    pub fn sent_unreliably(&mut self, sent: Sent, log: &mut impl Entries) {
        let (keeps, frames) = (std::mem::take(&mut self.keeps), self.frames);
        self.sent(sent, log, &mut AsTheyAre);
        (self.keeps, self.frames) = (keeps, frames);
    }

    /// Says that what the first items replaced was told apart from them, in these gaps.
    pub fn told_replaced(&mut self, items: usize, told: Vec<(u32, Gap)>) {
        for item in self.items.iter_mut().take(items) {
            if let Item::Newest(newest) = item {
                newest.take_skipped();
            }
        }
        self.books.gaps += told.len() as u64;
        self.keep_told(&mut Leaving::new(told));
    }
}
