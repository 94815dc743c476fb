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
}

/// The gaps that wait at one place of a lane: at most one per topic, epoch and reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    gaps: Vec<Gap>,
    places: HashMap<(Arc<str>, u64, GapReason), usize, foldhash::fast::FixedState>,
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
    pub fn record(&mut self, topic: &Arc<str>, epoch: u64, seq: u64, reason: GapReason) {
        if let Some(whole) = self.whole_lane(reason) {
            whole.count += 1;
            return;
        }
        let next = self.gaps.len();
        let place = *self.places.entry((topic.clone(), epoch, reason)).or_insert(next);
        if place == next {
            self.bytes += GAP_BYTES + topic.len() as u64;
            let of = Some((topic.clone(), epoch));
            self.gaps.push(Gap { of, first_seq: seq, last_seq: seq, count: 1, reason });
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
                Some(((topic, epoch, gap.reason), place))
            })
            .collect();
        taken
    }

    fn whole_lane(&mut self, reason: GapReason) -> Option<&mut Gap> {
        let first = self.gaps.first()?;
        if first.of.is_some() {
            return None;
        }
        self.gaps.iter_mut().find(|gap| gap.reason == reason)
    }

    /// Folds everything into one gap per reason for the whole lane.
    pub fn fold(&mut self) {
        let mut folded: Vec<Gap> = Vec::new();
        for gap in self.gaps.drain(..) {
            match folded.iter_mut().find(|whole| whole.reason == gap.reason) {
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

    #[test]
    fn gaps_of_one_topic_join_and_keep_their_hull_and_count() {
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        let mut ledger = Ledger::default();
        for seq in [3, 4, 9] {
            ledger.record(&a, 1, seq, GapReason::Dropped);
        }
        ledger.record(&b, 1, 1, GapReason::Dropped);
        let first = &ledger.gaps()[0];
        assert_eq!((first.first_seq, first.last_seq, first.count), (3, 9, 3));
        assert_eq!(ledger.gaps().len(), 2);
    }

    #[test]
    fn a_new_epoch_of_a_topic_is_a_gap_of_its_own() {
        let topic = Arc::from("a");
        let mut ledger = Ledger::default();
        ledger.record(&topic, 1, 7, GapReason::Dropped);
        ledger.record(&topic, 2, 1, GapReason::Dropped);
        assert_eq!(ledger.gaps().len(), 2);
    }

    #[test]
    fn a_ledger_told_in_part_goes_on_with_what_is_left() {
        let topics: [Arc<str>; 3] = ["a".into(), "b".into(), "c".into()];
        let mut ledger = Ledger::default();
        topics.iter().for_each(|topic| ledger.record(topic, 1, 1, GapReason::Dropped));
        let before = ledger.bytes();
        assert_eq!(ledger.take_front(1) + ledger.bytes(), before);
        ledger.record(&topics[2], 1, 2, GapReason::Dropped);
        ledger.record(&topics[0], 1, 2, GapReason::Dropped);
        let told: Vec<_> = ledger.gaps().iter().map(|gap| (gap.first_seq, gap.count)).collect();
        assert_eq!(told, [(1, 1), (1, 2), (2, 1)]);
        assert_eq!(ledger.take_front(3), before);
        assert_eq!(ledger.bytes(), 0);
    }

    #[test]
    fn a_folded_ledger_keeps_counting_exactly() {
        let mut ledger = Ledger::default();
        for topic in 0..10 {
            ledger.record(&Arc::from(format!("t{topic}")), 1, 1, GapReason::Dropped);
        }
        ledger.fold();
        ledger.record(&Arc::from("new"), 1, 1, GapReason::Dropped);
        assert_eq!(ledger.gaps().len(), 1);
        assert_eq!((ledger.gaps()[0].count, &ledger.gaps()[0].of), (11, &None));
    }
}
