//! Conflation: of what waits, each key keeps its place and takes its newest values, or what came is
//! folded into what waits there. It is one walk; the rule says what becomes of a value whose key
//! waits.
//!
//! What waits is walked once, oldest first, when the lane is to be sent from or when twice its
//! bound waits; a message that is pushed costs an append and its share of that walk. Keys keep the
//! place of their oldest message, so that under permanent overload every key has its turn; ordered
//! by their last change, those that change in every round would starve.
//!
//! Frames are barriers: no value moves across one. So nothing reaches a subscription in front of
//! the `accepted` that begins it, and nothing that is for it is delivered before it is there.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::newest::Newest;
use super::{Entries, Extent, Frame, GapReason, Item, Keep, Lane};

/// What message a message replaces: one of the same topic about the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    /// The topic; another number once it was forgotten and came back.
    pub topic: u64,
    /// The thing; `None` is the topic itself.
    pub key: Option<&'a str>,
}

/// How far what waits in a lane was walked.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The number of the item in front; each has the next number.
    front: u64,
    /// How many items were walked, counted from the front.
    items: usize,
    /// The entry behind the newest that is or was in one of them.
    end: u64,
    /// Where each key's values are, by the number of the item; those behind the last frame.
    places: HashTable<u64>,
    /// Clients choose the keys.
    hasher: DefaultHashBuilder,
}

impl Walked {
    /// Where a key's values are among `items`, the next place if they are nowhere.
    fn place<F>(
        &mut self,
        items: &impl std::ops::Index<usize, Output = Item<F>>,
        entry: u64,
        next: usize,
        log: &impl Entries,
    ) -> usize {
        let Self { front, places, hasher, .. } = self;
        let key = |place: u64| match &items[(place - *front) as usize] {
            Item::Newest(newest) => log.key(newest.last()),
            _ => unreachable!("only values are noted"),
        };
        let (wanted, next) = (log.key(entry), *front + next as u64);
        let hash = hasher.hash_one(wanted);
        let found = places.find(hash, |place| key(*place) == wanted).copied();
        if found.is_none() {
            places.insert_unique(hash, next, |place| hasher.hash_one(key(*place)));
        }
        (found.unwrap_or(next) - *front) as usize
    }

    /// How many items were walked, counted from the front.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// The same, if any of them may refer to entries from `first` on.
    pub(super) fn items_since(&self, first: u64) -> usize {
        if self.end > first { self.items } else { 0 }
    }

    /// Lets what was walked be: what comes is conflated by itself.
    pub(super) fn forget_places(&mut self) {
        self.places.clear();
    }

    /// Learns that the item in front leaves.
    fn leave<F>(&mut self, item: &Item<F>, log: &impl Entries) {
        if let Item::Newest(newest) = item {
            let hash = self.hasher.hash_one(log.key(newest.last()));
            // One in front of a frame isn't there any more.
            if let Ok(noted) = self.places.find_entry(hash, |place| *place == self.front) {
                noted.remove();
            }
        }
        self.front += 1;
        self.items = self.items.saturating_sub(1);
    }
}

impl<F: Frame> Lane<F> {
    /// Whether not all that waits survives.
    pub fn conflates(&self) -> bool {
        self.options.keep != Keep::All
    }

    /// Conflates what waits. To be called before anything is taken from [`items`](Lane::items).
    #[inline]
    pub fn conflate(&mut self, log: &mut impl Entries) {
        if self.waiting && self.conflates() {
            self.walk(log);
        }
    }

    /// Whether something waits that wasn't walked.
    pub(super) fn is_unwalked(&self) -> bool {
        self.walked.as_ref().map_or(0, |walked| walked.items) < self.items.len()
    }

    /// Walks what wasn't walked.
    pub(super) fn walk(&mut self, log: &mut impl Entries) {
        if !self.is_unwalked() {
            return;
        }
        let (mut walked, mut unfolded) = (self.walked.take().unwrap_or_default(), Vec::new());
        for item in self.items.split_off(walked.items) {
            walked.end = item.extents().fold(walked.end, |end, extent| end.max(extent.end));
            match item {
                Item::Run(extent) => {
                    for entry in extent.entries() {
                        self.take_in(&mut walked, entry, &mut unfolded, log);
                    }
                }
                Item::Newest(newest) => self.join(&mut walked, newest, &mut unfolded, log),
                item => {
                    if matches!(item, Item::Frame(_)) {
                        walked.forget_places();
                    }
                    self.items.push_back(item);
                }
            }
        }
        for place in unfolded {
            let end = self.fold(place, log);
            walked.end = walked.end.max(end);
        }
        walked.items = self.items.len();
        self.walked = Some(walked);
    }

    /// Puts a value where its key waits, or behind everything.
    fn take_in(
        &mut self,
        walked: &mut Walked,
        entry: u64,
        unfolded: &mut Vec<usize>,
        log: &mut impl Entries,
    ) {
        let place = walked.place(&self.items, entry, self.items.len(), log);
        let Some(Item::Newest(newest)) = self.items.get_mut(place) else {
            return self.items.push_back(Item::Newest(Newest::of(entry)));
        };
        match self.options.keep {
            Keep::Latest(keep) => self.renew(place, entry, keep, log),
            Keep::Merge if newest.add(entry) => unfolded.push(place),
            Keep::Merge => {}
            Keep::All => unreachable!("a lane that keeps all isn't walked"),
        }
    }

    fn renew(&mut self, place: usize, entry: u64, keep: u32, log: &mut impl Entries) {
        let Some(Item::Newest(newest)) = self.items.get_mut(place) else { return };
        if let Some(replaced) = newest.renew(entry, keep) {
            newest.skip(GapReason::Conflated, log.seq(replaced));
            self.messages -= 1;
            self.bytes -= u64::from(log.size(replaced));
            self.books.conflated += 1;
            log.let_go(Extent::one(replaced));
        }
    }

    /// Puts values of a key that were conflated before where older ones of it wait, or behind everything.
    fn join(
        &mut self,
        walked: &mut Walked,
        newer: Newest,
        unfolded: &mut Vec<usize>,
        log: &mut impl Entries,
    ) {
        let place = walked.place(&self.items, newer.last(), self.items.len(), log);
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
        self.walked = None;
        if self.conflates() {
            return self.walk(log);
        }
        // What was conflated before the rule changed is out of order.
        if self.items.iter().any(|item| matches!(item, Item::Newest(_))) {
            let end = self.extents().fold(0, |end, extent| end.max(extent.end));
            let items = self.items.len();
            self.walked = Some(Box::new(Walked { items, end, ..Walked::default() }));
        }
    }

    /// Folds what came of a key into what waits of it. Returns the entry behind the newest.
    fn fold(&mut self, place: usize, log: &mut impl Entries) -> u64 {
        let Some(Item::Newest(newest)) = self.items.get_mut(place) else { return 0 };
        let unfolded = newest.take_unfolded();
        let folded = log.fold(&unfolded);
        newest.settle(folded.iter().map(|folded| folded.entry));
        let mut rest = unfolded.as_slice();
        for one in &folded {
            let (gone, left) = rest.split_at(one.count);
            rest = left;
            if let [earlier @ .., _] = gone
                && !earlier.is_empty()
            {
                earlier.iter().for_each(|entry| newest.skip(GapReason::Merged, log.seq(*entry)));
                self.messages -= earlier.len() as u32;
                self.books.merged += earlier.len() as u64;
                let size = |entry: &u64| u64::from(log.size(*entry));
                self.bytes += size(&one.entry);
                self.bytes -= gone.iter().map(size).sum::<u64>();
                gone.iter().for_each(|entry| log.let_go(Extent::one(*entry)));
            }
        }
        folded.iter().map(|one| one.entry + 1).max().unwrap_or(0)
    }

    /// Takes the item in front, of those that were never passed.
    pub(super) fn pop_item(&mut self, log: &impl Entries) -> Option<Item<F>> {
        let item = self.items.pop_front()?;
        if let Some(walked) = &mut self.walked {
            walked.leave(&item, log);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests;
