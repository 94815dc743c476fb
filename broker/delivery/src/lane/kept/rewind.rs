//! A client comes back: what it hasn't received is put back in front of what waits.

use std::collections::VecDeque;

use super::super::{Entries, Frame, Gap, Item, Lane, Ledger};
use super::gone::{Piece, Stretch};
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
        let known = |kept: &Kept<F>| kept.gone.knows(lost);
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
        self.settle_recent();
        self.put_held_back();
        let mut kept = self.kept.take().unwrap_or_default();
        self.note_kept();
        let begins = self.frames - kept.frames;
        let lost = std::mem::take(&mut kept.gone).into_last(begins.saturating_sub(frames));
        let loses = !lost.is_empty();
        kept.let_go_front(frames.saturating_sub(begins), log);
        let mut items = self.told_lost(lost);
        for was in kept.items.drain(..) {
            self.put_back(was, &mut items, log);
        }
        items.extend(self.passed.take().into_iter().flat_map(|passed| *passed));
        items.append(&mut self.items);
        self.items = match loses {
            true => self.without_frames(items, F::is_void_behind_losses),
            false => items,
        };
        self.frames = begins.max(frames);
        self.waiting = self.discarding || !self.is_empty();
        self.lenient = self.waiting;
        self.walk_again(log);
        Ok(self.frames)
    }

    /// Tells what was handed to the link, isn't kept in its order and didn't arrive: the frames that are
    /// kept aside, and gaps in the place of the rest. A gap comes first in any case.
    fn told_lost(&mut self, lost: VecDeque<Piece<F>>) -> VecDeque<Item<F>> {
        let (mut items, mut missing) = (VecDeque::new(), Stretch::default());
        let mut first = !lost.is_empty();
        for piece in lost {
            match piece {
                Piece::Stretch(stretch) => missing.add(stretch),
                Piece::Frame(frame) => {
                    items.extend(self.gap_of(std::mem::take(&mut missing), first));
                    first = false;
                    self.bytes += frame.size();
                    items.push_back(Item::Frame(frame));
                }
            }
        }
        items.extend(self.gap_of(missing, first));
        items
    }

    /// Tells that so much is missing, if anything is or it is the `first` word.
    fn gap_of(&mut self, missing: Stretch, first: bool) -> Option<Item<F>> {
        let count = missing.messages + missing.told;
        self.books.dropped += missing.messages;
        self.books.received -= missing.messages;
        (first || count > 0).then(|| {
            let mut ledger = Box::<Ledger>::default();
            ledger.put(Gap::of_the_lane(count));
            self.gap_bytes += ledger.bytes();
            Item::Gaps(ledger)
        })
    }

    fn put_back(&mut self, was: Was<F>, items: &mut VecDeque<Item<F>>, log: &mut impl Entries) {
        match was {
            Was::Messages { extent, subscription, .. } => {
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
                let ledger = match self.conflates() && gap.moves_to_the_front() {
                    true => front_ledger(items),
                    false => back_ledger(items),
                };
                let before = ledger.bytes();
                ledger.put(*gap);
                self.gap_bytes += ledger.bytes() - before;
                self.books.gaps -= 1;
            }
        }
    }
}

/// The gaps behind everything.
fn back_ledger<F>(items: &mut VecDeque<Item<F>>) -> &mut Ledger {
    let place = match items.back() {
        Some(Item::Gaps(_)) => items.len() - 1,
        _ => items.len(),
    };
    ledger_at(items, place)
}

/// The gaps in front of all messages behind the last frame. What replaced others is conflated again, and
/// may leave earlier than it did.
fn front_ledger<F>(items: &mut VecDeque<Item<F>>) -> &mut Ledger {
    let behind = items.iter().rev().position(|item| matches!(item, Item::Frame(_)));
    let place = items.len() - behind.unwrap_or(items.len());
    ledger_at(items, place)
}

fn ledger_at<F>(items: &mut VecDeque<Item<F>>, place: usize) -> &mut Ledger {
    if !matches!(items.get(place), Some(Item::Gaps(_))) {
        items.insert(place, Item::Gaps(Box::default()));
    }
    let Some(Item::Gaps(ledger)) = items.get_mut(place) else {
        unreachable!("it was inserted just now");
    };
    ledger
}
