//! Where the values of each key are among what was walked.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::paced::Paced;
use super::{Entries, Item};

/// How far what waits in a lane was walked.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The number of the item in front; each has the next number.
    front: u64,
    /// How many items were walked, counted from the front.
    pub(super) items: usize,
    /// The entry behind the newest that is or was in one of them.
    pub(super) end: u64,
    /// Where each key's values are, by the number of the item; those behind the last frame.
    places: HashTable<u64>,
    /// Clients choose the keys.
    hasher: DefaultHashBuilder,
    /// What was delivered within the minimum interval, where there is one.
    pub(super) paced: Option<Box<Paced>>,
}

impl Walked {
    /// So many items, with entries up to this one, that are out of order and stay as they are.
    pub(super) fn out_of_order(items: usize, end: u64) -> Self {
        Self { items, end, ..Self::default() }
    }

    /// Nothing was walked, and keys are delivered once in an interval.
    pub(super) fn paced(paced: Paced) -> Self {
        Self { paced: Some(Box::new(paced)), ..Self::default() }
    }

    /// Where a key's values are among `items`, the next place if they are nowhere.
    pub(super) fn place<F>(
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

    /// Notes where a key's newest values are now.
    pub(super) fn note<F>(
        &mut self,
        items: &impl std::ops::Index<usize, Output = Item<F>>,
        place: usize,
        log: &impl Entries,
    ) {
        let Item::Newest(newest) = &items[place] else { return };
        let number = self.front + place as u64;
        let known = self.place(items, newest.last(), place, log);
        if known != place {
            let hash = self.hasher.hash_one(log.key(newest.last()));
            let known = self.front + known as u64;
            if let Some(found) = self.places.find_mut(hash, |place| *place == known) {
                *found = number;
            }
        }
    }

    /// How many items were walked, counted from the front.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// The same, if any of them may refer to entries from `first` on.
    pub(super) fn items_since(&self, first: u64) -> usize {
        if self.end > first { self.items } else { 0 }
    }

    /// Nothing of the key of this entry is at a place any more.
    pub(super) fn forget_place(&mut self, place: usize, entry: u64, log: &impl Entries) {
        let (hash, number) = (self.hasher.hash_one(log.key(entry)), self.front + place as u64);
        if let Ok(noted) = self.places.find_entry(hash, |place| *place == number) {
            noted.remove();
        }
    }

    /// Nothing is left that was walked.
    pub(super) fn begin_again(&mut self) {
        (self.items, self.end, self.places) = (0, 0, HashTable::new());
    }

    /// Lets what was walked be: what comes is conflated by itself.
    pub(super) fn forget_places(&mut self) {
        self.places.clear();
    }

    /// Learns that the item in front leaves.
    pub(super) fn leave<F>(&mut self, item: &Item<F>, log: &impl Entries) {
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
