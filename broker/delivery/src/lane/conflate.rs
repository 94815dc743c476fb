//! Conflation: of what waits, each key keeps its place and takes its newest values, or what came is
//! folded into what waits there. It is one walk; the rule says what becomes of a value whose key
//! waits.
//!
//! What waits is walked once, oldest first, when the lane is to be sent from, when twice its bound
//! waits, or somewhat before, when there is time; a message that is pushed costs an append and its
//! share of that walk. Keys keep the place of their oldest message, so that under permanent overload
//! every key has its turn; ordered by their last change, those that change in every round would
//! starve.
//!
//! Frames are barriers: no value moves across one. So nothing reaches a subscription in front of
//! the `accepted` that begins it, and nothing that is for it is delivered before it is there. Gaps that
//! tell of drops are barriers too: they stand behind messages only where those were put back.

use super::newest::{Newest, TakenIn};
use super::paced::{Due, Named, Paced};
use super::walked::Walked;
use super::{Entries, Extent, Frame, GapReason, Item, Keep, Lane};

/// A message that is folded is read whole, and what it is folded into written anew: that many steps of a walk
/// which looks at keys alone.
const STEPS_PER_FOLD: u32 = 8;

/// What message a message replaces: one of the same topic about the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    /// The topic; another number once it was forgotten and came back.
    pub topic: u64,
    /// The thing; `None` is the topic itself.
    pub key: Option<&'a str>,
}

impl<F: Frame> Lane<F> {
    /// Whether not all that waits survives.
    pub fn conflates(&self) -> bool {
        self.options.keep != Keep::All
    }

    /// Conflates what waits. To be called before anything is taken from [`items`](Lane::items).
    #[inline]
    pub fn conflate(&mut self, log: &mut impl Entries) {
        if (self.waiting || self.is_paced()) && self.conflates() {
            self.walk(log);
        }
    }

    /// Conflates what waits before the lane has to: nothing is dropped. Returns how many steps that
    /// took.
    pub fn walk_early(&mut self, log: &mut impl Entries) -> u32 {
        self.due = false;
        let unwalked = self.messages_and_gaps().saturating_sub(self.left().0) as u32;
        let walks = self.waiting && self.conflates() && self.is_unwalked();
        if walks {
            self.walk(log);
            self.note_left();
        }
        if walks { self.walk_steps(unwalked.max(1)) } else { 0 }
    }

    /// How many steps the walk of so many messages is.
    #[inline]
    pub fn walk_steps(&self, messages: u32) -> u32 {
        match self.options.keep {
            Keep::All => 0,
            Keep::Merge => messages.saturating_mul(STEPS_PER_FOLD),
            Keep::Latest(_) => messages,
        }
    }

    /// What the last walk left of messages and bytes.
    pub(super) fn left(&self) -> (u64, u64) {
        self.walked.as_ref().map_or((0, 0), |walked| walked.left)
    }

    /// Notes what a walk has left.
    pub(super) fn note_left(&mut self) {
        let left = (self.messages_and_gaps(), self.bytes());
        if let Some(walked) = &mut self.walked {
            walked.left = left;
        }
    }

    /// Whether something waits that wasn't walked.
    pub(super) fn is_unwalked(&self) -> bool {
        self.walked.as_ref().map_or(0, |walked| walked.items) < self.items.len()
    }

    /// Walks what wasn't walked.
    pub(super) fn walk(&mut self, log: &mut impl Entries) {
        if self.is_unwalked() {
            self.walk_behind(Vec::new(), log);
        }
    }

    /// Walks what wasn't walked, behind values that were held until now.
    pub(super) fn walk_behind(&mut self, released: Vec<Newest>, log: &mut impl Entries) {
        let mut walked = self.walked.take().unwrap_or_default();
        walked.several |= self.options.keep != Keep::Latest(1);
        let unwalked = self.items.split_off(walked.items.min(self.items.len()));
        let mut unfolded = Unfolded::default();
        self.put_behind(released, &mut walked, &mut unfolded, log);
        for item in unwalked {
            walked.end = item.extents().fold(walked.end, |end, extent| end.max(extent.end));
            match item {
                Item::Run(extent) => {
                    for entry in extent.entries() {
                        self.take_in(&mut walked, entry, &mut unfolded, log);
                    }
                }
                Item::Newest(newest) => self.join(&mut walked, newest, &mut unfolded, log),
                item => {
                    match &item {
                        Item::Frame(_) => {
                            self.let_pass(&mut walked, &mut unfolded, log);
                            walked.forget_places();
                        }
                        // It stands in front of all that is newer, also where what was sent is put back.
                        Item::Gaps(ledger) if ledger.tells_of_drops() => walked.forget_places(),
                        _ => {}
                    }
                    self.items.push_back(item);
                }
            }
        }
        self.fold_all(&mut walked, unfolded, log);
        walked.items = self.items.len();
        self.walked = Some(walked);
    }

    /// Puts what was held behind what waits.
    fn put_behind(
        &mut self,
        released: Vec<Newest>,
        walked: &mut Walked,
        unfolded: &mut Unfolded,
        log: &mut impl Entries,
    ) {
        for newest in released {
            walked.several = true;
            let (place, newest_entry) = (self.items.len(), newest.last());
            walked.end = newest.entries().fold(walked.end, |end, entry| end.max(entry + 1));
            if newest.is_unfolded() {
                unfolded.places.push(place);
            }
            self.items.push_back(Item::Newest(newest));
            walked.note(place, newest_entry, log);
        }
    }

    /// Nothing that is held stays behind a frame: it goes in front of it at once.
    fn let_pass(&mut self, walked: &mut Walked, unfolded: &mut Unfolded, log: &mut impl Entries) {
        if let Some(paced) = &mut walked.paced {
            let released = paced.release_all();
            unfolded.held.clear();
            self.put_behind(released, walked, unfolded, log);
        }
    }

    /// Puts a value where its key waits or is held, or behind everything.
    fn take_in(
        &mut self,
        walked: &mut Walked,
        entry: u64,
        unfolded: &mut Unfolded,
        log: &mut impl Entries,
    ) {
        if let Some(paced) = &mut walked.paced
            && let Some(due) = paced.find(Named::of(entry, log))
        {
            if !paced.is_forgotten(due, Named::of(entry, log)) {
                return self.hold_back(paced, due, entry, unfolded, log);
            }
            // Its topic began anew: what is held of the key from before comes in front of it.
            let held = paced.let_go(due);
            self.put_behind(held.into_iter().collect(), walked, unfolded, log);
        }
        let place = walked.place(entry, self.items.len(), log);
        let Some(Item::Newest(newest)) = self.items.get_mut(place) else {
            return self.items.push_back(Item::Newest(Newest::of(entry)));
        };
        match newest.take_in(entry, self.options.keep) {
            TakenIn::Beside => {}
            TakenIn::Unfolded => unfolded.places.push(place),
            TakenIn::Replaced(replaced) => {
                newest.skip(GapReason::Conflated, log.seq(replaced));
                self.count_replaced(replaced, log);
            }
        }
    }

    /// Puts values of a key that were conflated before where older ones of it wait, or behind
    /// everything.
    fn join(
        &mut self,
        walked: &mut Walked,
        newer: Newest,
        unfolded: &mut Unfolded,
        log: &mut impl Entries,
    ) {
        walked.several = true;
        let place = walked.place(newer.last(), self.items.len(), log);
        if place == self.items.len() {
            return self.items.push_back(Item::Newest(newer));
        }
        newer.entries().for_each(|entry| self.take_in(walked, entry, unfolded, log));
        if let Some(Item::Newest(newest)) = self.items.get_mut(place) {
            newest.skip_all(newer.skipped());
        }
    }

    /// Walks what waits from its beginning: something was put in front of it.
    pub(super) fn walk_again(&mut self, log: &mut impl Entries) {
        self.set_pace();
        if self.conflates() {
            return self.walk(log);
        }
        // What was conflated before the rule changed is out of order, also what of it was sent.
        let (mut end, mut in_order) = (0, true);
        for extent in self.extents() {
            in_order &= end <= extent.start;
            end = end.max(extent.end);
        }
        if !in_order || self.items.iter().any(|item| matches!(item, Item::Newest(_))) {
            let items = self.items.len();
            self.walked = Some(Box::new(Walked::out_of_order(items, end)));
        }
    }

    /// Holds a value of a key that was delivered within the interval.
    fn hold_back(
        &mut self,
        paced: &mut Paced,
        due: Due,
        entry: u64,
        unfolded: &mut Unfolded,
        log: &mut impl Entries,
    ) {
        let Some(newest) = paced.held(due) else { return paced.hold(due, Newest::of(entry)) };
        match newest.take_in(entry, self.options.keep) {
            TakenIn::Beside => {}
            TakenIn::Unfolded => unfolded.held.push(due),
            TakenIn::Replaced(replaced) => {
                newest.skip(GapReason::Conflated, log.seq(replaced));
                self.count_replaced(replaced, log);
            }
        }
    }

    fn count_replaced(&mut self, replaced: u64, log: &mut impl Entries) {
        self.messages -= 1;
        self.bytes -= u64::from(log.size(replaced));
        self.books.conflated += 1;
        log.let_go(Extent::one(replaced));
    }

    /// Folds what came of keys into what waits of them.
    fn fold_all(&mut self, walked: &mut Walked, unfolded: Unfolded, log: &mut impl Entries) {
        for place in unfolded.places {
            if let Some(Item::Newest(newest)) = self.items.get_mut(place) {
                let change = fold(newest, log);
                walked.end = walked.end.max(change.end);
                self.count_folded(change);
            }
        }
        for due in unfolded.held {
            if let Some(newest) = walked.paced.as_mut().and_then(|paced| paced.held(due)) {
                let change = fold(newest, log);
                self.count_folded(change);
            }
        }
    }

    fn count_folded(&mut self, change: Change) {
        self.messages -= change.messages;
        self.bytes = self.bytes + change.bytes_come - change.bytes_gone;
        self.books.merged += u64::from(change.messages);
    }

    /// Nothing is left that was walked.
    pub(super) fn end_walk(&mut self) {
        match &mut self.walked {
            Some(walked) if walked.paced.is_some() => walked.begin_again(),
            walked => *walked = None,
        }
    }

    /// Takes the item in front, of those that were never passed.
    pub(super) fn pop_item(&mut self, log: &mut impl Entries) -> Option<Item<F>> {
        let item = self.items.pop_front()?;
        if let Some(walked) = &mut self.walked {
            walked.leave(&item, log);
        }
        Some(item)
    }
}

/// Of which keys something is to be folded at the end of a walk.
#[derive(Debug, Default)]
struct Unfolded {
    /// Their places among what is to be sent.
    places: Vec<usize>,
    /// When those may leave that are held.
    held: Vec<Due>,
}

/// What folding has changed.
#[derive(Debug, Default)]
struct Change {
    messages: u32,
    bytes_gone: u64,
    bytes_come: u64,
    /// The entry behind the newest.
    end: u64,
}

/// Folds what came of a key into what waits of it.
fn fold(newest: &mut Newest, log: &mut impl Entries) -> Change {
    let unfolded = newest.take_unfolded();
    let folded = log.fold(&unfolded);
    newest.settle(folded.iter().map(|folded| folded.entry));
    let (mut rest, mut change) = (unfolded.as_slice(), Change::default());
    for one in &folded {
        let (gone, left) = rest.split_at(one.count);
        rest = left;
        change.end = change.end.max(one.entry + 1);
        // Before the others go, so that it is known as the same thing.
        log.thing(one.entry);
        if let [earlier @ .., _] = gone
            && !earlier.is_empty()
        {
            earlier.iter().for_each(|entry| newest.skip(GapReason::Merged, log.seq(*entry)));
            let size = |entry: &u64| u64::from(log.size(*entry));
            change.messages += earlier.len() as u32;
            change.bytes_come += size(&one.entry);
            change.bytes_gone += gone.iter().map(size).sum::<u64>();
            gone.iter().for_each(|entry| log.let_go(Extent::one(*entry)));
        }
    }
    change
}

#[cfg(test)]
mod tests;
