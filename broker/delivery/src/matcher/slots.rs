//! Places with small stable numbers, reused when they are freed, so that the trie can name its
//! nodes and tokens in four bytes.

/// The number of no place.
pub(super) const NOWHERE: u32 = u32::MAX;

/// How many free places are tolerated beside three for each one in use.
const FREE_PLACES_TOLERATED: usize = 1024;

/// A growable list of numbered places.
#[derive(Debug)]
pub(super) struct Slots<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    /// Tells whether so much is free that compacting pays, amortised over the removals before.
    pub(super) fn is_sparse(&self) -> bool {
        self.free.len() > FREE_PLACES_TOLERATED + 3 * self.len()
    }

    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = Some(value);
            return place;
        }
        let place = u32::try_from(self.places.len()).expect("memory ends before the numbers do");
        assert_ne!(place, NOWHERE, "memory ends before the numbers do");
        self.places.push(Some(value));
        place
    }

    pub(super) fn remove(&mut self, place: u32) -> T {
        let value = self.places[place as usize].take().expect("only places in use are freed");
        self.free.push(place);
        value
    }

    /// Moves everything together, in the same order, gives the memory back, and tells by the old
    /// number what the new one is.
    pub(super) fn compact(&mut self) -> Vec<u32> {
        let mut moved = vec![NOWHERE; self.places.len()];
        let mut kept = Vec::with_capacity(self.len());
        for (old, place) in std::mem::take(&mut self.places).into_iter().enumerate() {
            if place.is_some() {
                moved[old] = u32::try_from(kept.len()).expect("fewer than before");
                kept.push(place);
            }
        }
        *self = Self { places: kept, free: Vec::new() };
        moved
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        (0..).zip(&mut self.places).filter_map(|(at, place)| Some((at, place.as_mut()?)))
    }
}

impl<T> std::ops::Index<u32> for Slots<T> {
    type Output = T;

    fn index(&self, place: u32) -> &T {
        self.places[place as usize].as_ref().expect("only places in use are named")
    }
}

impl<T> std::ops::IndexMut<u32> for Slots<T> {
    fn index_mut(&mut self, place: u32) -> &mut T {
        self.places[place as usize].as_mut().expect("only places in use are named")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_place_is_used_again() {
        let mut slots = Slots::new();
        let (a, b) = (slots.insert('a'), slots.insert('b'));
        assert_eq!(slots.remove(a), 'a');
        assert_eq!((slots.insert('c'), slots[a], slots[b]), (a, 'c', 'b'));
    }

    #[test]
    fn compacting_keeps_the_order_and_tells_every_move() {
        let mut slots = Slots::new();
        for value in 0..4 {
            slots.insert(value);
        }
        slots.remove(0);
        slots.remove(2);
        assert_eq!(slots.compact(), [NOWHERE, 0, NOWHERE, 1]);
        assert_eq!((slots[0], slots[1], slots.len()), (1, 3, 2));
    }
}
