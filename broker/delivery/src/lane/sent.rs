//! What becomes of what has left.

use super::kept::Leaving;
use super::{Departure, Entries, Extent, Frame, Gap, Item, Lane};

/// What of a lane was handed to the link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Whole items from the front.
    pub items: usize,
    /// Messages, gaps or parts of the item behind them.
    pub of_next: u32,
    /// Gaps that were told in front of messages that replaced others, each with the number of
    /// frames that stand in front of it, such gaps not counted.
    pub told: Vec<(u32, Gap)>,
}

impl<F: Frame> Lane<F> {
    /// Says that what is at the front has left. What is kept of it is kept in the order in which
    /// it was written.
    pub fn sent(&mut self, sent: Sent, log: &mut impl Entries, departure: &mut impl Departure<F>) {
        self.books.gaps += sent.told.len() as u64;
        let mut leaving = Leaving::new(sent.told);
        for _ in 0..sent.items {
            let item = self.pop_front(log).expect("no more is sent than there was");
            self.account_sent(item, &mut leaving, log, departure);
        }
        if sent.of_next > 0 {
            self.sent_in_part(sent.of_next, &mut leaving, log, departure);
        }
        self.keep_told(&mut leaving);
        if self.is_paced() {
            self.forget_beyond_bound();
        }
        self.rest_if_idle();
    }

    /// Ends the waiting, if nothing is left to be sent.
    pub(super) fn rest_if_idle(&mut self) {
        if !self.is_due() {
            (self.waiting, self.lenient) = (self.discarding, false);
            self.end_walk();
            // Subscriptions are answered in a lane, and many lanes are quiet from then on.
            if self.books.received == 0 {
                self.give_back();
            }
        }
    }

    #[inline]
    fn pop_front(&mut self, log: &mut impl Entries) -> Option<Item<F>> {
        let Some(passed) = &mut self.passed else { return self.pop_item(log) };
        let item = passed.pop_front();
        if passed.is_empty() {
            self.passed = None;
        }
        item
    }

    fn front_mut(&mut self) -> Option<&mut Item<F>> {
        match &mut self.passed {
            None => self.items.front_mut(),
            Some(passed) => passed.front_mut(),
        }
    }

    fn sent_in_part(
        &mut self,
        count: u32,
        leaving: &mut Leaving,
        log: &mut impl Entries,
        departure: &mut impl Departure<F>,
    ) {
        match self.front_mut().expect("the item that was sent in part is there") {
            Item::Gaps(ledger) => {
                let (told, bytes) = ledger.take_front(count);
                self.gap_bytes -= bytes;
                told.into_iter().for_each(|gap| self.account_gap(leaving, gap));
            }
            Item::Frame(frame) => {
                // Its owner knows what of it was sent; it keeps its place until all was.
                let mut parts = Vec::new();
                departure.part(frame, count, &mut |part| parts.push(part));
                parts.into_iter().for_each(|part| self.keep_frame(leaving, part));
            }
            Item::Newest(newest) => {
                let last = newest.last();
                let left = (0..count).map_while(|_| newest.take_oldest());
                let left = left.collect::<Vec<_>>();
                // What is missing behind these is told with what is newer.
                if let Some(newest_left) = left.last() {
                    newest.take_told_until(log.seq(*newest_left));
                }
                // It was this key's turn: what comes of it now waits behind the others.
                if let Some(walked) = &mut self.walked {
                    walked.forget_place(0, last, log);
                }
                self.remember(last, log);
                for entry in left {
                    self.leave(Extent::one(entry), None, leaving, log);
                }
            }
            messages => {
                let subscription = messages.subscription();
                let extent = messages.take_front(count);
                self.leave(extent, subscription, leaving, log);
            }
        }
    }

    fn account_sent(
        &mut self,
        item: Item<F>,
        leaving: &mut Leaving,
        log: &mut impl Entries,
        departure: &mut impl Departure<F>,
    ) {
        match item {
            Item::Run(extent) => self.leave(extent, None, leaving, log),
            Item::Addressed { extent, subscription } => {
                self.leave(extent, Some(subscription), leaving, log);
            }
            Item::Newest(newest) => {
                self.remember(newest.last(), log);
                newest.entries().for_each(|one| self.leave(Extent::one(one), None, leaving, log));
            }
            Item::Frame(frame) => {
                self.bytes -= frame.size();
                departure.whole(frame, &mut |again| self.keep_frame(leaving, again));
            }
            Item::Gaps(mut ledger) => {
                self.gap_bytes -= ledger.bytes();
                let (told, _) = ledger.take_front(ledger.gaps().len() as u32);
                told.into_iter().for_each(|gap| self.account_gap(leaving, gap));
            }
        }
    }

    /// A gap has left, unless it was told in front of others.
    fn account_gap(&mut self, leaving: &mut Leaving, gap: Gap) {
        if !gap.moves_to_the_front() {
            self.books.gaps += 1;
            self.keep_gap(leaving, gap);
        }
    }

    #[inline]
    fn leave(
        &mut self,
        extent: Extent,
        subscription: Option<u64>,
        leaving: &mut Leaving,
        log: &mut impl Entries,
    ) {
        let bytes = log.bytes(extent);
        self.messages -= extent.len();
        self.bytes -= bytes;
        self.books.received += u64::from(extent.len());
        self.keep_messages(leaving, (extent, subscription, bytes), log);
    }
}
