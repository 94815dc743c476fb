//! The newest values of one key, where the oldest that waited stood, and what they replaced.

use std::collections::VecDeque;

/// What a key's newest values replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// The lowest `seq` that was replaced.
    pub first_seq: u64,
    /// The highest `seq` that was replaced.
    pub last_seq: u64,
    /// How many were, exactly.
    pub count: u64,
}

impl Skipped {
    /// One message.
    pub fn one(seq: u64) -> Self {
        Self { first_seq: seq, last_seq: seq, count: 1 }
    }
}

/// The newest values of one key.
///
/// Costs nothing beside the newest until another is kept or was replaced.
#[derive(Debug, PartialEq, Eq)]
pub struct Newest {
    last: u64,
    past: Option<Box<Past>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Past {
    /// Values that are kept beside the newest, oldest first.
    earlier: VecDeque<u64>,
    skipped: Option<Skipped>,
}

impl Newest {
    pub(super) fn of(entry: u64) -> Self {
        Self { last: entry, past: None }
    }

    /// The newest entry.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The entries that are kept, oldest first; at least one.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = u64> + '_ {
        let earlier = self.past.iter().flat_map(|past| past.earlier.iter().copied());
        earlier.chain(std::iter::once(self.last))
    }

    /// What they replaced and nobody was told of.
    pub fn skipped(&self) -> Option<Skipped> {
        self.past.as_ref()?.skipped
    }

    /// Takes a newer value in. Returns the one that is no longer among the `keep` newest.
    pub(super) fn renew(&mut self, entry: u64, keep: u32) -> Option<u64> {
        let replaced = std::mem::replace(&mut self.last, entry);
        if keep <= 1 {
            return Some(replaced);
        }
        let earlier = &mut self.past.get_or_insert_default().earlier;
        earlier.push_back(replaced);
        if earlier.len() < keep as usize { None } else { earlier.pop_front() }
    }

    /// Notes that a value was replaced.
    pub(super) fn skip(&mut self, seq: u64) {
        let skipped = &mut self.past.get_or_insert_default().skipped;
        let told = skipped.get_or_insert(Skipped { first_seq: seq, last_seq: seq, count: 0 });
        told.first_seq = told.first_seq.min(seq);
        told.last_seq = told.last_seq.max(seq);
        told.count += 1;
    }

    /// Takes over what others replaced.
    pub(super) fn skip_all(&mut self, others: Skipped) {
        let skipped = &mut self.past.get_or_insert_default().skipped;
        let told = skipped.get_or_insert(Skipped { count: 0, ..others });
        told.first_seq = told.first_seq.min(others.first_seq);
        told.last_seq = told.last_seq.max(others.last_seq);
        told.count += others.count;
    }

    /// Takes what they replaced, to tell it.
    pub(super) fn take_skipped(&mut self) -> Option<Skipped> {
        self.past.as_mut()?.skipped.take()
    }

    /// Takes the oldest value off, unless it is the newest too.
    pub(super) fn take_oldest(&mut self) -> Option<u64> {
        self.past.as_mut()?.earlier.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_few_are_kept_in_order_and_the_oldest_of_them_is_replaced() {
        let mut newest = Newest::of(1);
        assert_eq!(newest.renew(5, 3), None);
        assert_eq!(newest.renew(6, 3), None);
        assert_eq!(newest.renew(9, 3), Some(1));
        assert_eq!(newest.entries().collect::<Vec<_>>(), [5, 6, 9]);
        assert_eq!(newest.take_oldest(), Some(5));
        assert_eq!(newest.entries().collect::<Vec<_>>(), [6, 9]);
    }

    #[test]
    fn of_one_value_each_replaces_the_last() {
        let mut newest = Newest::of(1);
        assert_eq!(newest.renew(2, 1), Some(1));
        assert_eq!(newest.entries().collect::<Vec<_>>(), [2]);
        assert_eq!(newest.take_oldest(), None);
    }

    #[test]
    fn what_was_replaced_is_told_once_with_its_hull_and_count() {
        let mut newest = Newest::of(1);
        assert_eq!(newest.skipped(), None);
        [7, 3, 9].into_iter().for_each(|seq| newest.skip(seq));
        let told = Skipped { first_seq: 3, last_seq: 9, count: 3 };
        assert_eq!(newest.take_skipped(), Some(told));
        assert_eq!(newest.take_skipped(), None);
    }
}
