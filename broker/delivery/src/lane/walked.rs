//! Where the values of each key are among what was walked.

use hashbrown::HashMap;

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
    /// In which item each thing's values are; those behind the last frame. Clients choose keys, and
    /// not the numbers of things.
    places: HashMap<u64, u64, foldhash::fast::FixedState>,
    /// Whether values may stand beside the newest of a key in some item.
    pub(super) several: bool,
    /// What was left of messages and bytes.
    pub(super) left: (u64, u64),
    /// What was delivered within the minimum interval, where there is one.
    pub(super) paced: Option<Box<Paced>>,
}

impl Walked {
    /// So many items, with entries up to this one, that are out of order and stay as they are.
    pub(super) fn out_of_order(items: usize, end: u64) -> Self {
        Self { items, end, several: true, ..Self::default() }
    }

    /// Nothing was walked, and keys are delivered once in an interval.
    pub(super) fn paced(paced: Paced) -> Self {
        Self { paced: Some(Box::new(paced)), ..Self::default() }
    }

    /// Where a key's values are among what waits, the next place if they are nowhere.
    pub(super) fn place(&mut self, entry: u64, next: usize, log: &mut impl Entries) -> usize {
        let next = self.front + next as u64;
        let place = *self.places.entry(log.thing(entry)).or_insert(next);
        (place - self.front) as usize
    }

    /// Notes where the newest values of an entry's key are now.
    pub(super) fn note(&mut self, place: usize, entry: u64, log: &mut impl Entries) {
        self.places.insert(log.thing(entry), self.front + place as u64);
    }

    /// Whether every key has its newest value alone.
    pub(super) fn is_single(&self) -> bool {
        !self.several
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
    pub(super) fn forget_place(&mut self, place: usize, entry: u64, log: &mut impl Entries) {
        let number = self.front + place as u64;
        self.forget_number(number, entry, log);
    }

    fn forget_number(&mut self, number: u64, entry: u64, log: &mut impl Entries) {
        if self.places.is_empty() {
            return;
        }
        let thing = log.thing(entry);
        // One in front of a frame isn't there any more.
        if self.places.get(&thing) == Some(&number) {
            self.places.remove(&thing);
        }
    }

    /// Nothing is left that was walked.
    pub(super) fn begin_again(&mut self) {
        (self.items, self.end, self.left) = (0, 0, (0, 0));
        self.places = HashMap::default();
    }

    /// Lets what was walked be: what comes is conflated by itself.
    pub(super) fn forget_places(&mut self) {
        self.places.clear();
    }

    /// Learns that the item in front leaves.
    pub(super) fn leave<F>(&mut self, item: &Item<F>, log: &mut impl Entries) {
        if let Item::Newest(newest) = item {
            self.forget_number(self.front, newest.last(), log);
        }
        self.front += 1;
        self.items = self.items.saturating_sub(1);
    }
}
