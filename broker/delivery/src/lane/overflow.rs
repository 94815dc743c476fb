//! What happens at the bound.

use super::ledger::Missing;
use super::{Entries, Frame, GapReason, Item, Lane, Ledger, Overflow};

/// What a lane did with what was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It was kept, at whatever cost to older ones.
    Kept,
    /// The lane is at its bound and its overflow rule isn't the lane's own to carry out.
    Overflowed(Overflowed),
}

/// What the session has to do about a lane at its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflowed {
    /// End the connection.
    Disconnect,
    /// Discard what waits and send the retained state.
    Resync,
}

/// The ledger of waiting gaps may take one part in this many of the bound before it is folded.
const LEDGER_SHARE: u64 = 8;

impl<F: Frame> Lane<F> {
    #[cold]
    pub(super) fn enforce_bound(&mut self, log: &mut impl Entries) -> Pushed {
        while self.is_over() {
            match self.options.overflow {
                Overflow::Disconnect => return Pushed::Overflowed(Overflowed::Disconnect),
                Overflow::Resync => return Pushed::Overflowed(Overflowed::Resync),
                Overflow::DropOldest => {
                    if !self.drop_oldest(log) {
                        break;
                    }
                }
            }
        }
        Pushed::Kept
    }

    /// Whether more waits than the bound allows. One message alone is never too much.
    fn is_over(&self) -> bool {
        let bound = self.options.bound;
        self.messages > 1
            && (self.messages_and_gaps() > u64::from(bound.messages) || self.bytes() > bound.bytes)
    }

    /// What counts against the bound in messages.
    pub(super) fn messages_and_gaps(&self) -> u64 {
        let gaps = self.ledger().map_or(0, |ledger| ledger.gaps().len() as u64);
        u64::from(self.messages) + gaps
    }

    fn ledger(&self) -> Option<&Ledger> {
        match self.passed.as_ref()?.back() {
            Some(Item::Gaps(ledger)) => Some(ledger),
            _ => None,
        }
    }

    /// Drops the oldest message and tells it in the gap that stands in its place. Nothing that
    /// waits is walked or moved for it, except that each item is passed once.
    fn drop_oldest(&mut self, log: &mut impl Entries) -> bool {
        self.pass_what_leads();
        let Some(item) = self.items.front_mut() else { return false };
        let extent = item.extent().expect("what leads without messages was passed");
        let entry = extent.start;
        let dropped = super::Extent::one(entry);
        let addressee = match item {
            Item::Addressed { subscription, .. } => Some(*subscription),
            _ => None,
        };
        if extent.len() == 1 {
            self.items.pop_front();
        } else {
            item.take_front(1);
        }
        self.messages -= 1;
        self.bytes -= u64::from(log.size(entry));
        self.books.dropped += 1;
        self.record_drop(entry, addressee, log);
        log.let_go(dropped);
        true
    }

    fn pass_what_leads(&mut self) {
        while let Some(item) = self.items.pop_front_if(|item| item.extent().is_none()) {
            self.passed.get_or_insert_default().push_back(item);
        }
    }

    fn record_drop(&mut self, entry: u64, addressee: Option<u64>, log: &impl Entries) {
        let passed = self.passed.get_or_insert_default();
        if !matches!(passed.back(), Some(Item::Gaps(_))) {
            passed.push_back(Item::Gaps(Box::default()));
        }
        let share = u64::from(self.options.bound.messages).div_ceil(LEDGER_SHARE);
        let bytes_share = self.options.bound.bytes / LEDGER_SHARE;
        let Some(Item::Gaps(ledger)) = passed.back_mut() else {
            unreachable!("the ledger stands in front of the oldest message");
        };
        let before = ledger.bytes();
        let (topic, epoch) = log.topic(entry);
        let (seq, reason) = (log.seq(entry), GapReason::Dropped);
        ledger.record(Missing { topic, epoch, seq, reason, addressee });
        if ledger.gaps().len() as u64 > share || ledger.bytes() > bytes_share {
            ledger.fold();
        }
        self.gap_bytes = self.gap_bytes - before + ledger.bytes();
    }
}
