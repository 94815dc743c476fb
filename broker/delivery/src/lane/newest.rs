//! The newest values of one key, where the oldest that waited stood, and what they replaced.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::{GapReason, Keep};

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

    /// Counts others of the same topic.
    pub(super) fn add(&mut self, other: Self) {
        self.first_seq = self.first_seq.min(other.first_seq);
        self.last_seq = self.last_seq.max(other.last_seq);
        self.count += other.count;
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
    skipped: Reasons,
    /// How many of the newest values weren't folded yet.
    unfolded: usize,
}

/// What a newer value did.
pub(super) enum TakenIn {
    /// It stands beside the others.
    Beside,
    /// The same, and it is the first that is to be folded.
    Unfolded,
    /// It replaced this one.
    Replaced(u64),
}

/// What is missing, by the reason.
pub(super) type Reasons = SmallVec<[(GapReason, Skipped); 1]>;

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

    /// What they replaced, or took in, and nobody was told of; one for each reason.
    pub fn skipped(&self) -> &[(GapReason, Skipped)] {
        self.past.as_ref().map_or(&[], |past| &past.skipped)
    }

    /// Takes a newer value in, as the rule says.
    pub(super) fn take_in(&mut self, entry: u64, keep: Keep) -> TakenIn {
        let newest = match keep {
            Keep::Merge if self.add(entry) => return TakenIn::Unfolded,
            Keep::Merge => return TakenIn::Beside,
            Keep::Latest(newest) => newest,
            Keep::All => u32::MAX,
        };
        self.renew(entry, newest).map_or(TakenIn::Beside, TakenIn::Replaced)
    }

    /// Keeps these of its values; at least one.
    pub(super) fn leave_only(&mut self, values: Vec<u64>) {
        self.past.get_or_insert_default().earlier.clear();
        self.settle(values.into_iter());
    }

    /// Whether some of it is to be folded.
    pub(super) fn is_unfolded(&self) -> bool {
        self.past.as_ref().is_some_and(|past| past.unfolded > 0)
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

    /// Takes a newer value in that is to be folded. Returns whether it is the first such.
    pub(super) fn add(&mut self, entry: u64) -> bool {
        let past = self.past.get_or_insert_default();
        past.earlier.push_back(std::mem::replace(&mut self.last, entry));
        past.unfolded += 1;
        past.unfolded == 1
    }

    /// Takes out what is to be folded, oldest first: what came, and the one before.
    pub(super) fn take_unfolded(&mut self) -> Vec<u64> {
        let Some(past) = &mut self.past else { return vec![self.last] };
        let settled = past.earlier.len() - past.unfolded;
        past.unfolded = 0;
        let mut unfolded: Vec<u64> = past.earlier.drain(settled..).collect();
        unfolded.push(self.last);
        unfolded
    }

    /// Puts back what became of it, oldest first.
    pub(super) fn settle(&mut self, folded: impl Iterator<Item = u64>) {
        let earlier = &mut self.past.get_or_insert_default().earlier;
        earlier.extend(folded);
        self.last = earlier.pop_back().expect("folding leaves at least one");
    }

    /// Notes that a value won't be delivered.
    pub(super) fn skip(&mut self, reason: GapReason, seq: u64) {
        self.skip_all(&[(reason, Skipped::one(seq))]);
    }

    /// Whether something that is missing stands in front of the `place`th value, whose `seq` is this:
    /// behind all values that are older, and in any case in front of the newest.
    pub fn stands_in_front_of(&self, skipped: &Skipped, (place, seq): (usize, u64)) -> bool {
        let earlier = self.past.as_ref().map_or(0, |past| past.earlier.len());
        skipped.first_seq < seq || place == earlier
    }

    /// Takes over what others replaced, or took in.
    pub(super) fn skip_all(&mut self, others: &[(GapReason, Skipped)]) {
        for (reason, other) in others {
            let skipped = &mut self.past.get_or_insert_default().skipped;
            match skipped.iter_mut().find(|(known, _)| known == reason) {
                Some((_, told)) => told.add(*other),
                None => skipped.push((*reason, *other)),
            }
        }
    }

    /// Takes what won't be delivered, to tell it.
    pub(super) fn take_skipped(&mut self) -> Reasons {
        self.past.as_mut().map(|past| std::mem::take(&mut past.skipped)).unwrap_or_default()
    }

    /// Takes what is told in front of the value of this `seq`, and of those before.
    pub(super) fn take_told_until(&mut self, seq: u64) {
        if let Some(past) = &mut self.past {
            past.skipped.retain(|(_, skipped)| skipped.first_seq > seq);
        }
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
    fn a_key_costs_little_until_something_of_it_was_replaced_and_not_much_then() {
        assert!(size_of::<Newest>() <= 16);
        assert!(size_of::<Past>() <= 100, "{}", size_of::<Past>());
    }

    #[test]
    fn of_one_value_each_replaces_the_last() {
        let mut newest = Newest::of(1);
        assert_eq!(newest.renew(2, 1), Some(1));
        assert_eq!(newest.entries().collect::<Vec<_>>(), [2]);
        assert_eq!(newest.take_oldest(), None);
    }

    #[test]
    fn what_was_replaced_is_told_once_with_its_hull_and_count_for_each_reason() {
        let mut newest = Newest::of(1);
        assert_eq!(newest.skipped(), []);
        [7, 3, 9].into_iter().for_each(|seq| newest.skip(GapReason::Merged, seq));
        newest.skip(GapReason::Expired, 4);
        let told = (GapReason::Merged, Skipped { first_seq: 3, last_seq: 9, count: 3 });
        assert_eq!(newest.take_skipped()[..], [told, (GapReason::Expired, Skipped::one(4))]);
        assert_eq!(newest.skipped(), []);
    }

    #[test]
    fn what_was_folded_is_taken_out_again_only_with_what_comes() {
        let mut newest = Newest::of(1);
        assert_eq!([2, 3].map(|entry| newest.add(entry)), [true, false]);
        assert_eq!(newest.take_unfolded(), [1, 2, 3]);
        newest.settle([4, 5].into_iter());
        assert!(newest.add(6));
        assert_eq!(newest.take_unfolded(), [5, 6]);
        newest.settle([7].into_iter());
        assert_eq!(newest.entries().collect::<Vec<_>>(), [4, 7]);
    }
}
