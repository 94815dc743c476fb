//! The lane: one independently ordered channel of a session, and what waits in it.
//!
//! A lane holds *references* to entries of a log, never bytes: what waits is a list of extents,
//! and for a lane that keeps up a delivery is the extension of the last one. Bounds, overflow and
//! the books are kept here; the bytes are the log's affair, reached through [`Entries`].
//!
//! *Waiting* begins when the link refuses ([`Lane::block`]) and ends when nothing is left: only
//! then the bound applies, and [conflation](Lane::conflate). What one turn gathers for a ready link
//! is never dropped and never conflated.
//!
//! Invariant: per topic, what was delivered plus what gaps told plus what waits is what was pushed.

mod books;
mod conflate;
mod entries;
mod expiry;
mod item;
mod kept;
mod ledger;
mod newest;
mod options;
mod overflow;
mod paced;
mod pacing;
mod unreliable;
mod walked;

pub use books::Books;
pub use conflate::Key;
pub use entries::{Entries, FoldedEntry};
pub use item::{Extent, Item};
pub use kept::{AsTheyAre, Departure, NoWayBack};
pub use ledger::{Gap, GapReason, Ledger, Missing};
pub use newest::{Newest, Skipped};
pub use options::{Bound, Keep, LaneOptions, OptionsError, Overflow, PRIORITY_MAX};
pub use overflow::{Overflowed, Pushed};

use std::collections::VecDeque;

use kept::{Kept, Leaving};
use walked::Walked;

/// One independently ordered channel of a session.
#[derive(Debug)]
pub struct Lane<F> {
    items: VecDeque<Item<F>>,
    /// What stands in front of `items` and isn't messages, once some were dropped there: so that
    /// dropping the next one moves nothing. Never empty.
    #[expect(clippy::box_collection, reason = "few lanes have it, and there are many lanes")]
    passed: Option<Box<VecDeque<Item<F>>>>,
    /// How far what waits was conflated, while anything waits.
    walked: Option<Box<Walked>>,
    messages: u32,
    bytes: u64,
    gap_bytes: u64,
    waiting: bool,
    /// Whether what is sent is kept.
    keeps: bool,
    /// Whether its client is away, or has come back and isn't up to date yet: then it isn't ended for
    /// being behind.
    lenient: bool,
    /// Whether what is pushed is discarded, since a [resync](Overflow::Resync) has begun.
    discarding: bool,
    /// Whether it was said that a walk is due.
    due: bool,
    options: LaneOptions,
    /// Frames handed to the link since the lane's start.
    frames: u64,
    /// What was sent last, of what is kept.
    recent: Extent,
    kept: Option<Box<Kept<F>>>,
    books: Books,
}

impl<F: Frame> Lane<F> {
    /// An empty lane.
    pub fn new(options: LaneOptions) -> Self {
        let mut lane = Self::keeping_up(options);
        lane.set_pace();
        lane
    }

    fn keeping_up(options: LaneOptions) -> Self {
        Self {
            items: VecDeque::new(),
            passed: None,
            walked: None,
            messages: 0,
            bytes: 0,
            gap_bytes: 0,
            waiting: false,
            keeps: false,
            lenient: false,
            discarding: false,
            due: false,
            options,
            frames: 0,
            recent: Extent::default(),
            kept: None,
            books: Books::default(),
        }
    }

    /// The options in force.
    pub fn options(&self) -> &LaneOptions {
        &self.options
    }

    /// Changes the options. What was conflated stays as it is; a lane that waits meets its new bound.
    pub fn set_options(&mut self, options: LaneOptions, log: &mut impl Entries) -> Pushed {
        if options.keep != self.options.keep
            && let Some(walked) = &mut self.walked
        {
            walked.forget_places();
        }
        self.options = options;
        self.change_pace(log);
        if self.waiting { self.enforce_bound(log) } else { Pushed::Kept }
    }

    /// The counters.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Messages that wait, frames and gaps not counted.
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Bytes that wait: messages, frames and gaps.
    pub fn bytes(&self) -> u64 {
        self.bytes + self.gap_bytes
    }

    /// Whether nothing is left to send, now or later.
    pub fn is_empty(&self) -> bool {
        !self.is_due() && !self.holds_any()
    }

    /// Whether something is to be sent now.
    #[inline]
    pub fn is_due(&self) -> bool {
        !self.items.is_empty() || self.passed.is_some()
    }

    /// Whether the link has refused and something still waits.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Whether a [resync](Overflow::Resync) has begun: messages are discarded and told until it
    /// [goes on](Lane::go_on).
    pub fn is_discarding(&self) -> bool {
        self.discarding
    }

    /// Ends the discarding: what is pushed from now on is kept.
    pub fn go_on(&mut self) {
        self.discarding = false;
        self.waiting = self.is_due();
    }

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

    /// The first item is given no room for others: a lane that keeps up has one at a time.
    fn append(&mut self, item: Item<F>) {
        if self.items.capacity() == 0 {
            self.items.reserve_exact(1);
        }
        self.items.push_back(item);
    }

    #[inline]
    fn count(&mut self, messages: u32, bytes: u64, log: &mut impl Entries) -> Pushed {
        self.messages += messages;
        self.bytes += bytes;
        if self.waiting { self.enforce_bound(log) } else { Pushed::Kept }
    }

    /// Appends a frame that is data of the lane but no entry of the log: the answer to a
    /// subscribe, a routed request, presence. It is never dropped; it counts in bytes.
    pub fn push_frame(&mut self, frame: F) {
        self.bytes += frame.size();
        self.append(Item::Frame(frame));
    }

    /// Whether one more of this size may join without an overflow: the room that a message to one
    /// client or a routed request needs.
    pub fn has_room(&self, size: u64) -> bool {
        let within_bound = || {
            self.messages_and_gaps() < u64::from(self.options.bound.messages)
                && self.bytes() + size <= self.options.bound.bytes
        };
        !self.discarding && (self.is_empty() || within_bound())
    }

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
        self.keep_told(&mut leaving, log);
        if self.is_paced() {
            self.forget_beyond_bound();
        }
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
                told.into_iter().for_each(|gap| self.account_gap(leaving, gap, log));
            }
            Item::Frame(frame) => {
                // Its owner knows what of it was sent; it keeps its place until all was.
                let mut parts = Vec::new();
                departure.part(frame, count, &mut |part| parts.push(part));
                parts.into_iter().for_each(|part| self.keep_frame(leaving, part, log));
            }
            Item::Newest(newest) => {
                newest.take_skipped();
                let last = newest.last();
                let left = (0..count).map_while(|_| newest.take_oldest());
                let left = left.collect::<Vec<_>>();
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
                departure.whole(frame, &mut |again| self.keep_frame(leaving, again, log));
            }
            Item::Gaps(mut ledger) => {
                self.gap_bytes -= ledger.bytes();
                let (told, _) = ledger.take_front(ledger.gaps().len() as u32);
                told.into_iter().for_each(|gap| self.account_gap(leaving, gap, log));
            }
        }
    }

    /// A gap has left, unless it was told in front of others.
    fn account_gap(&mut self, leaving: &mut Leaving, gap: Gap, log: &impl Entries) {
        if !gap.moves_to_the_front() {
            self.books.gaps += 1;
            self.keep_gap(leaving, gap, log);
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

    /// Whether the last item may grow: what was walked is as it is.
    #[inline]
    fn may_extend(&self) -> bool {
        self.walked.as_ref().is_none_or(|walked| walked.items() < self.items.len())
    }

    /// Has what comes from now on wait, since there is no link, and drops rather than ends at the
    /// bound until its client has caught up again.
    pub fn hold(&mut self) {
        (self.waiting, self.lenient) = (true, true);
    }

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

    /// Says that the link refused while something is left: waiting begins, and the bound applies.
    pub fn block(&mut self, log: &mut impl Entries) -> Pushed {
        if self.is_empty() {
            return Pushed::Kept;
        }
        self.waiting |= self.is_due();
        self.enforce_bound(log)
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
        (self.recent, self.kept) = (Extent::default(), None);
        (self.messages, self.bytes, self.gap_bytes) = (0, 0, 0);
        (self.waiting, self.discarding) = (false, false);
        self.set_pace();
        let mut items = self.passed.take().map_or_else(VecDeque::new, |passed| *passed);
        items.append(&mut self.items);
        items
    }
}

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

/// A frame that a lane carries without looking into it.
pub trait Frame {
    /// What it costs in a lane, in bytes.
    fn size(&self) -> u64;
    /// Whether it says what no longer holds when messages in front of it are discarded.
    fn is_void_behind_losses(&self) -> bool {
        false
    }
    /// What it costs while it is kept after it was sent, in bytes.
    fn held(&self) -> u64 {
        self.size()
    }
}

#[cfg(test)]
mod tests;
