//! What is missing at one place of a lane, until it is told.

use std::sync::Arc;

use hashbrown::HashMap;

/// Why messages are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// A newer one of the same key is delivered.
    Conflated,
    /// They were folded into one.
    Merged,
    /// The lane was at its bound.
    Dropped,
    /// They expired while waiting.
    Expired,
}

/// What is missing of one topic, or of the whole lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The topic and the epoch of the sequences; `None` stands for the whole lane.
    pub of: Option<(Arc<str>, u64)>,
    /// The first `seq` missing; 0 for the whole lane.
    pub first_seq: u64,
    /// The last `seq` missing; 0 for the whole lane.
    pub last_seq: u64,
    /// How many are missing, exactly.
    pub count: u64,
    /// Why.
    pub reason: GapReason,
    /// The one subscription that misses them; `None` for all of the lane.
    pub addressee: Option<u64>,
}

/// One message that will never arrive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing<'a> {
    pub(super) topic: &'a Arc<str>,
    pub(super) epoch: u64,
    pub(super) seq: u64,
    pub(super) reason: GapReason,
    pub(super) addressee: Option<u64>,
}

/// What gaps of one topic have in common.
type Place = (Arc<str>, u64, GapReason, Option<u64>);

/// The gaps that wait at one place of a lane: at most one per topic, epoch, reason and addressee.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    gaps: Vec<Gap>,
    places: HashMap<Place, usize, foldhash::fast::FixedState>,
    bytes: u64,
}

/// What a gap costs beside its topic, in bytes.
const GAP_BYTES: u64 = 64;

impl Ledger {
    /// The gaps, in the order in which they began.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// What they cost against the bound, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts one missing message.
    ///
    /// Once the ledger was folded, everything of the same reason joins the gap of the whole lane.
    pub(super) fn record(&mut self, missing: Missing<'_>) {
        let Missing { topic, epoch, seq, reason, addressee } = missing;
        if let Some(whole) = self.whole_lane(reason, addressee) {
            whole.count += 1;
            return;
        }
        let next = self.gaps.len();
        let place = (topic.clone(), epoch, reason, addressee);
        let place = *self.places.entry(place).or_insert(next);
        if place == next {
            self.bytes += GAP_BYTES + topic.len() as u64;
            let of = Some((topic.clone(), epoch));
            let (first_seq, last_seq, count) = (seq, seq, 1);
            self.gaps.push(Gap { of, first_seq, last_seq, count, reason, addressee });
            return;
        }
        let gap = &mut self.gaps[place];
        gap.first_seq = gap.first_seq.min(seq);
        gap.last_seq = gap.last_seq.max(seq);
        gap.count += 1;
    }

    /// Takes the oldest `count` gaps off. Returns what they cost, in bytes.
    ///
    /// # Panics
    /// If there are fewer.
    pub(super) fn take_front(&mut self, count: u32) -> u64 {
        let cost =
            |gap: &Gap| GAP_BYTES + gap.of.as_ref().map_or(0, |(topic, _)| topic.len() as u64);
        let taken = self.gaps.drain(..count as usize).map(|gap| cost(&gap)).sum();
        self.bytes -= taken;
        let topics = self.gaps.iter().enumerate();
        self.places = topics
            .filter_map(|(place, gap)| {
                let (topic, epoch) = gap.of.clone()?;
                Some(((topic, epoch, gap.reason, gap.addressee), place))
            })
            .collect();
        taken
    }

    fn whole_lane(&mut self, reason: GapReason, addressee: Option<u64>) -> Option<&mut Gap> {
        let first = self.gaps.first()?;
        if first.of.is_some() {
            return None;
        }
        let same =
            |gap: &&mut Gap| gap.of.is_none() && gap.reason == reason && gap.addressee == addressee;
        self.gaps.iter_mut().find(same)
    }

    /// Folds everything into one gap per reason and addressee for the whole lane.
    pub fn fold(&mut self) {
        let mut folded: Vec<Gap> = Vec::new();
        for gap in self.gaps.drain(..) {
            let same =
                |whole: &&mut Gap| whole.reason == gap.reason && whole.addressee == gap.addressee;
            match folded.iter_mut().find(same) {
                Some(whole) => whole.count += gap.count,
                None => folded.push(Gap { of: None, first_seq: 0, last_seq: 0, ..gap }),
            }
        }
        self.places = HashMap::default();
        self.bytes = GAP_BYTES * folded.len() as u64;
        self.gaps = folded;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lose(ledger: &mut Ledger, topic: &Arc<str>, epoch: u64, seq: u64) {
        let (reason, addressee) = (GapReason::Dropped, None);
        ledger.record(Missing { topic, epoch, seq, reason, addressee });
    }

    #[test]
    fn what_one_subscription_misses_is_no_gap_of_the_others() {
        let (topic, reason) = (&Arc::from("a"), GapReason::Dropped);
        let mut ledger = Ledger::default();
        for seq in 1..=3 {
            for addressee in [None, Some(2)] {
                ledger.record(Missing { topic, epoch: 1, seq, reason, addressee });
            }
        }
        let told = |ledger: &Ledger| -> Vec<_> {
            ledger.gaps().iter().map(|gap| (gap.addressee, gap.count)).collect()
        };
        assert_eq!(told(&ledger), [(None, 3), (Some(2), 3)]);
        ledger.fold();
        ledger.record(Missing { topic, epoch: 1, seq: 4, reason, addressee: Some(2) });
        assert_eq!(told(&ledger), [(None, 3), (Some(2), 4)]);
    }

    #[test]
    fn gaps_of_one_topic_join_and_keep_their_hull_and_count() {
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        let mut ledger = Ledger::default();
        for seq in [3, 4, 9] {
            lose(&mut ledger, &a, 1, seq);
        }
        lose(&mut ledger, &b, 1, 1);
        let first = &ledger.gaps()[0];
        assert_eq!((first.first_seq, first.last_seq, first.count), (3, 9, 3));
        assert_eq!(ledger.gaps().len(), 2);
    }

    #[test]
    fn a_new_epoch_of_a_topic_is_a_gap_of_its_own() {
        let topic = Arc::from("a");
        let mut ledger = Ledger::default();
        lose(&mut ledger, &topic, 1, 7);
        lose(&mut ledger, &topic, 2, 1);
        assert_eq!(ledger.gaps().len(), 2);
    }

    #[test]
    fn a_ledger_told_in_part_goes_on_with_what_is_left() {
        let topics: [Arc<str>; 3] = ["a".into(), "b".into(), "c".into()];
        let mut ledger = Ledger::default();
        topics.iter().for_each(|topic| lose(&mut ledger, topic, 1, 1));
        let before = ledger.bytes();
        assert_eq!(ledger.take_front(1) + ledger.bytes(), before);
        lose(&mut ledger, &topics[2], 1, 2);
        lose(&mut ledger, &topics[0], 1, 2);
        let told: Vec<_> = ledger.gaps().iter().map(|gap| (gap.first_seq, gap.count)).collect();
        assert_eq!(told, [(1, 1), (1, 2), (2, 1)]);
        assert_eq!(ledger.take_front(3), before);
        assert_eq!(ledger.bytes(), 0);
    }

    #[test]
    fn a_folded_ledger_keeps_counting_exactly() {
        let mut ledger = Ledger::default();
        for topic in 0..10 {
            lose(&mut ledger, &Arc::from(format!("t{topic}")), 1, 1);
        }
        ledger.fold();
        lose(&mut ledger, &Arc::from("new"), 1, 1);
        assert_eq!(ledger.gaps().len(), 1);
        assert_eq!((ledger.gaps()[0].count, &ledger.gaps()[0].of), (11, &None));
    }
}
