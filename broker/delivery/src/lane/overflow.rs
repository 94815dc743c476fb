//! What happens at the bound.

use std::collections::VecDeque;
use std::sync::Arc;

use super::ledger::Missing;
use super::{Bound, Entries, Extent, Frame, GapReason, Item, Lane, Ledger, Overflow, Skipped};

/// What a lane did with what was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It was kept, at whatever cost to older ones.
    Kept,
    /// It was kept, and so much waits that was never walked that the lane is half way to the walk
    /// that it can't put off: an [early one](Lane::walk_early) spares it that. Said once.
    Due,
    /// The lane is at its bound and its overflow rule isn't the lane's own to carry out.
    Overflowed(Overflowed),
}

/// What the session has to do about a lane at its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflowed {
    /// End the connection.
    Disconnect,
    /// Send the retained state. What waited is discarded, as is what comes until the session says
    /// that the lane [goes on](Lane::go_on).
    Resync,
}

impl Overflowed {
    /// Where several lanes are at their bound, the hardest rule holds.
    #[must_use]
    pub fn harder(self, other: Option<Self>) -> Self {
        match other {
            Some(Self::Disconnect) => Self::Disconnect,
            _ => self,
        }
    }
}

/// The ledger of waiting gaps may take one part in this many of the bound before it is folded.
const LEDGER_SHARE: u64 = 8;

impl<F: Frame> Lane<F> {
    #[cold]
    pub(super) fn enforce_bound(&mut self, log: &mut impl Entries) -> Pushed {
        if self.discarding {
            self.discard(log);
            return Pushed::Kept;
        }
        if self.conflates() && self.is_unwalked() {
            if !self.is_at_twice_its_bound() {
                return self.say_when_due();
            }
            self.walk(log);
        }
        self.forget_beyond_bound();
        let pushed = self.drop_beyond_bound(log);
        self.note_left();
        pushed
    }

    fn say_when_due(&mut self) -> Pushed {
        match !self.due && self.is_half_way() {
            true => {
                self.due = true;
                Pushed::Due
            }
            false => Pushed::Kept,
        }
    }

    fn drop_beyond_bound(&mut self, log: &mut impl Entries) -> Pushed {
        loop {
            match (self.too_many(), self.overflow()) {
                (0, _) => return Pushed::Kept,
                (_, Overflow::Disconnect) => return Pushed::Overflowed(Overflowed::Disconnect),
                (_, Overflow::Resync) => {
                    self.begin_resync(log);
                    return Pushed::Overflowed(Overflowed::Resync);
                }
                (count, Overflow::DropOldest) => {
                    if !self.drop_oldest(count, log) {
                        return Pushed::Kept;
                    }
                }
            }
        }
    }

    /// What happens at the bound: nobody is ended while it is away.
    fn overflow(&self) -> Overflow {
        match self.options.overflow {
            Overflow::Disconnect if self.lenient => Overflow::DropOldest,
            overflow => overflow,
        }
    }

    /// Discards what waits, and what comes until it [goes on](Lane::go_on).
    pub fn begin_resync(&mut self, log: &mut impl Entries) {
        (self.waiting, self.discarding) = (true, true);
        self.discard(log);
        self.take_back_frames(F::is_void_behind_losses);
    }

    /// Takes frames back of what was passed.
    pub(super) fn take_back_frames(&mut self, goes: impl FnMut(&F) -> bool) {
        let Some(passed) = self.passed.take() else { return };
        let left = self.without_frames(*passed, goes);
        self.passed = (!left.is_empty()).then(|| Box::new(left));
    }

    /// What is left of items that wait without some of the frames.
    pub(super) fn without_frames(
        &mut self,
        items: VecDeque<Item<F>>,
        mut goes: impl FnMut(&F) -> bool,
    ) -> VecDeque<Item<F>> {
        let mut left = VecDeque::new();
        for item in items {
            match (item, left.back_mut()) {
                (Item::Frame(frame), _) if goes(&frame) => {
                    self.bytes -= frame.size();
                }
                (Item::Gaps(ledger), Some(Item::Gaps(last))) => {
                    let before = last.bytes() + ledger.bytes();
                    last.absorb(*ledger);
                    self.gap_bytes = self.gap_bytes - before + last.bytes();
                }
                (item, _) => left.push_back(item),
            }
        }
        left
    }

    /// Drops every message that waits and tells it in its place; frames and gaps stay.
    fn discard(&mut self, log: &mut impl Entries) {
        while self.drop_oldest(u32::MAX, log) {}
    }

    fn is_at_twice_its_bound(&self) -> bool {
        let bound = self.options.bound;
        self.messages_and_gaps() >= 2 * u64::from(bound.messages) || self.bytes() >= 2 * bound.bytes
    }

    /// Whether what waits is half way from what the last walk left to twice the bound. Where that was
    /// above the bound, the walk at twice the bound has to come, and the overflow rule with it.
    fn is_half_way(&self) -> bool {
        let (Bound { messages, bytes }, left) = (self.options.bound, self.left());
        let messages = u64::from(messages);
        let half_way = 2 * self.messages_and_gaps() >= left.0 + 2 * messages
            || 2 * self.bytes() >= left.1 + 2 * bytes;
        half_way && left.0 <= messages && left.1 <= bytes
    }

    /// How many messages have to go at least, for as much as the bound allows to be left. One message
    /// alone is never too much.
    fn too_many(&self) -> u32 {
        let bound = self.options.bound;
        let beyond = self.messages_and_gaps().saturating_sub(u64::from(bound.messages));
        let beyond = beyond.max(u64::from(self.bytes() > bound.bytes));
        beyond.min(u64::from(self.messages.saturating_sub(1))) as u32
    }

    /// How many of these have to go, for as many bytes as the bound allows to be left. One message alone
    /// is never too much.
    fn too_large(&self, oldest: Extent, log: &impl Entries) -> u32 {
        let mut beyond = self.bytes().saturating_sub(self.options.bound.bytes);
        let most = oldest.entries().take(self.messages.saturating_sub(1) as usize);
        let go = most.take_while(|entry| {
            let goes = beyond > 0;
            if goes {
                beyond = beyond.saturating_sub(u64::from(log.size(*entry)));
            }
            goes
        });
        go.count() as u32
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

    /// Drops some of the oldest messages, at most `most`, and tells them in the gap that stands in
    /// their place. Nothing that waits is walked or moved for it, except that each item is passed
    /// once. Returns whether there was one.
    fn drop_oldest(&mut self, most: u32, log: &mut impl Entries) -> bool {
        self.pass_what_leads(log);
        let (extent, addressee) = match self.items.front() {
            None => return self.release_next(log),
            Some(Item::Newest(_)) => {
                self.drop_value(log);
                return true;
            }
            Some(Item::Addressed { extent, subscription }) => (*extent, Some(*subscription)),
            Some(item) => (item.extent().expect("what leads without messages was passed"), None),
        };
        let most =
            extent.start + u64::from(most.max(self.too_large(extent, log)).min(extent.len()));
        let end = self.record_drops(Extent { end: most, ..extent }, addressee, log);
        let dropped = Extent { end, ..extent };
        match self.items.front_mut() {
            Some(item) if end < extent.end => drop(item.take_front(dropped.len())),
            _ => drop(self.pop_item(log)),
        }
        self.count_dropped(dropped, log);
        true
    }

    /// Drops the oldest value of the key in front; what it and its like replaced is told with it.
    fn drop_value(&mut self, log: &mut impl Entries) {
        let Some(Item::Newest(newest)) = self.items.front_mut() else { return };
        let skipped = newest.take_skipped();
        let (last, oldest) = (newest.last(), newest.take_oldest());
        let dropped = oldest.unwrap_or(last);
        let one = Skipped::one(log.seq(dropped));
        for (reason, skipped) in skipped.into_iter().chain([(GapReason::Dropped, one)]) {
            let (topic, epoch) = log.topic(dropped);
            self.record(Missing { topic, epoch, skipped, reason, addressee: None });
        }
        if oldest.is_none() {
            self.pop_item(log);
        }
        self.count_dropped(Extent::one(dropped), log);
    }

    fn count_dropped(&mut self, dropped: Extent, log: &mut impl Entries) {
        self.messages -= dropped.len();
        self.bytes -= log.bytes(dropped);
        self.books.dropped += u64::from(dropped.len());
        log.let_go(dropped);
    }

    fn pass_what_leads(&mut self, log: &mut impl Entries) {
        while self.items.front().is_some_and(|item| !item.is_messages()) {
            let passed = self.pop_item(log);
            self.passed.get_or_insert_default().extend(passed);
        }
    }

    /// Tells messages in the gap in front of the oldest. Returns the one behind the last that was
    /// told: when the ledger folds there is room again, and fewer may have to go.
    fn record_drops(&mut self, dropped: Extent, addressee: Option<u64>, log: &impl Entries) -> u64 {
        let mut entries = dropped.entries().peekable();
        while let Some(entry) = entries.next() {
            let ((topic, epoch), reason) = (log.topic(entry), GapReason::Dropped);
            let of = |skipped| Missing { topic, epoch, skipped, reason, addressee };
            if self.record(of(Skipped::one(log.seq(entry)))) {
                return entry + 1;
            }
            // Those of the same topic that follow join the gap that is there by now.
            let same = |entry: &u64| {
                let (other, other_epoch) = log.topic(*entry);
                Arc::ptr_eq(topic, other) && epoch == other_epoch
            };
            let mut others: Option<Skipped> = None;
            while let Some(entry) = entries.next_if(same) {
                let one = Skipped::one(log.seq(entry));
                others.get_or_insert(Skipped { count: 0, ..one }).add(one);
            }
            if let Some(skipped) = others {
                self.record(of(skipped));
            }
        }
        dropped.end
    }

    /// Tells what is missing in the gap in front of the oldest message. Returns whether the ledger
    /// was folded for it.
    fn record(&mut self, missing: Missing<'_>) -> bool {
        let passed = self.passed.get_or_insert_default();
        if !matches!(passed.back(), Some(Item::Gaps(_))) {
            passed.push_back(Item::Gaps(Box::default()));
        }
        let Some(Item::Gaps(ledger)) = passed.back_mut() else {
            unreachable!("the ledger stands in front of the oldest message");
        };
        let share = u64::from(self.options.bound.messages).div_ceil(LEDGER_SHARE);
        let bytes_share = self.options.bound.bytes / LEDGER_SHARE;
        let before = ledger.bytes();
        ledger.record(missing);
        let folds = ledger.gaps().len() as u64 > share || ledger.bytes() > bytes_share;
        if folds {
            ledger.fold();
        }
        self.gap_bytes = self.gap_bytes - before + ledger.bytes();
        folds
    }
}
