//! Of which idle topics something waits, and what it cost to learn that.

use broker_delivery::lane::Extent;

/// Of which of the topics something waits.
#[derive(Debug)]
pub(super) struct Waits {
    topics: Vec<bool>,
    /// Of how many of them nobody has found anything.
    unknown: usize,
    /// For each entry that was found, from which one on others may be that were in no lane so far: each
    /// is passed once, however many lanes hold it.
    next: Vec<u32>,
    /// How many steps were made in this turn.
    pub(super) steps: usize,
}

impl Waits {
    pub(super) fn new(topics: usize) -> Self {
        Self { topics: vec![false; topics], unknown: topics, next: Vec::new(), steps: 0 }
    }

    /// Whether something waits of each of the topics: nothing is left to learn.
    pub(super) fn are_all_known(&self) -> bool {
        self.unknown == 0
    }

    /// Marks a topic by its place.
    pub(super) fn note(&mut self, place: u32) {
        let waits = &mut self.topics[place as usize];
        self.unknown -= usize::from(!std::mem::replace(waits, true));
    }

    /// Marks the topics of the entries that are in an extent.
    pub(super) fn mark(&mut self, found: &[(u64, u32)], extent: Extent) {
        self.steps += 1;
        // More is found while lanes are looked at: what is folded there.
        self.next.extend(self.next.len() as u32..found.len() as u32);
        let mut at = self.skip(found.partition_point(|(entry, _)| *entry < extent.start));
        while let Some((_, place)) = found.get(at).filter(|(entry, _)| *entry < extent.end) {
            self.note(*place);
            self.next[at] = at as u32 + 1;
            at = self.skip(at);
        }
    }

    /// The first from `at` on that was in no lane so far.
    fn skip(&mut self, mut at: usize) -> usize {
        while let Some(next) = self.next.get(at).map(|next| *next as usize)
            && next != at
        {
            self.steps += 1;
            self.next[at] = self.next.get(next).map_or(next as u32, |beyond| *beyond);
            at = next;
        }
        at
    }

    /// Whether something waits of each.
    pub(super) fn into_topics(self) -> Vec<bool> {
        self.topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_lanes_hold_is_passed_once() {
        let found: Vec<(u64, u32)> = (0..1000).map(|entry| (entry * 2, entry as u32 % 4)).collect();
        let mut waits = Waits::new(5);
        (0..1000).for_each(|_| waits.mark(&found, Extent { start: 0, end: 2000 }));
        assert!(waits.steps < 5000, "{}", waits.steps);
        assert!(!waits.are_all_known());
        assert_eq!(waits.into_topics(), [true, true, true, true, false]);
    }

    #[test]
    fn what_is_found_later_is_marked_too_and_nothing_beyond_an_extent() {
        let mut waits = Waits::new(3);
        waits.mark(&[(1, 0), (3, 1)], Extent { start: 1, end: 3 });
        waits.mark(&[(1, 0), (3, 1)], Extent { start: 2, end: 3 });
        assert_eq!(waits.unknown, 2);
        waits.mark(&[(1, 0), (3, 1), (9, 2)], Extent { start: 0, end: 100 });
        assert!(waits.are_all_known());
    }
}
