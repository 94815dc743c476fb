//! A client comes back: what it hasn't received is put back in front of what waits.

use std::collections::VecDeque;

use super::super::{Entries, Frame, Gap, Item, Lane, Ledger};
use super::gone::Stretch;
use super::{Kept, Was};

/// A position behind what is known of a lane: behind its end, or too far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lane can't go on from there")]
pub struct NoWayBack;

impl<F: Frame> Lane<F> {
    /// Whether the lane can [go on](Lane::rewind) behind its first `frames` frames.
    pub fn can_rewind(&self, frames: u64) -> bool {
        let kept = self.kept.as_ref().map_or(0, |kept| kept.frames);
        let kept = kept + u64::from(self.recent.len());
        let lost = (self.frames - kept).saturating_sub(frames);
        let known = |kept: &Kept<F>| kept.gone.last(lost).is_some();
        frames <= self.frames && (lost == 0 || self.kept.as_deref().is_some_and(known))
    }

    /// Puts back what was handed to the link behind the first `frames` frames: it didn't arrive.
    /// Returns after how many frames the lane goes on: more, if some of it is no longer kept, which
    /// a gap in front of everything tells then.
    ///
    /// # Errors
    /// If there weren't so many frames, or it isn't known any more what was behind them.
    pub fn rewind(&mut self, frames: u64, log: &mut impl Entries) -> Result<u64, NoWayBack> {
        if !self.can_rewind(frames) {
            return Err(NoWayBack);
        }
        self.settle_recent(log);
        self.put_held_back();
        let mut kept = self.kept.take().unwrap_or_default();
        let begins = self.frames - kept.frames;
        let lost = kept.gone.last(begins.saturating_sub(frames)).unwrap_or_default();
        kept.let_go_front(frames.saturating_sub(begins), log);
        let mut items = VecDeque::new();
        self.tell_lost(lost, &mut items);
        for was in kept.items.drain(..) {
            self.put_back(was, &mut items, log);
        }
        items.extend(self.passed.take().into_iter().flat_map(|passed| *passed));
        items.append(&mut self.items);
        self.items = if lost.frames > 0 { self.what_holds(items) } else { items };
        self.frames = begins.max(frames);
        self.waiting = self.discarding || !self.is_empty();
        self.lenient = self.waiting;
        self.walk_again(log);
        Ok(self.frames)
    }

    /// Tells what was handed to the link, isn't kept and didn't arrive.
    fn tell_lost(&mut self, lost: Stretch, items: &mut VecDeque<Item<F>>) {
        let count = lost.messages + lost.told;
        if lost.frames == 0 {
            return;
        }
        let mut ledger = Box::<Ledger>::default();
        ledger.put(Gap::of_the_lane(count));
        self.gap_bytes += ledger.bytes();
        self.books.dropped += lost.messages;
        self.books.received -= lost.messages;
        items.push_back(Item::Gaps(ledger));
    }

    fn put_back(&mut self, was: Was<F>, items: &mut VecDeque<Item<F>>, log: &mut impl Entries) {
        match was {
            Was::Messages { extent, subscription } => {
                self.messages += extent.len();
                self.bytes += log.bytes(extent);
                self.books.received -= u64::from(extent.len());
                items.push_back(match subscription {
                    None => Item::Run(extent),
                    Some(subscription) => Item::Addressed { extent, subscription },
                });
            }
            Was::Frame(frame) => {
                self.bytes += frame.size();
                items.push_back(Item::Frame(frame));
            }
            Was::Gap(gap) => {
                if !matches!(items.back(), Some(Item::Gaps(_))) {
                    items.push_back(Item::Gaps(Box::default()));
                }
                let Some(Item::Gaps(ledger)) = items.back_mut() else { return };
                let before = ledger.bytes();
                ledger.put(*gap);
                self.gap_bytes += ledger.bytes() - before;
                self.books.gaps -= 1;
            }
        }
    }
}
