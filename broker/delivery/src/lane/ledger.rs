//! What is missing at one place of a lane, until it is told.

use std::sync::Arc;

use hashbrown::HashMap;

use super::Skipped;

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

/// Messages of one topic that will never arrive.
#[derive(Debug, Clone, Copy)]
pub struct Missing<'a> {
    /// The topic.
    pub topic: &'a Arc<str>,
    /// The epoch of the sequences.
    pub epoch: u64,
    /// Their hull and their count.
    pub skipped: Skipped,
    /// Why they are missing.
    pub reason: GapReason,
    /// The one subscription that misses them; `None` for all of the lane.
    pub addressee: Option<u64>,
}

/// Of what a gap is: a topic and the epoch of its sequences, or the whole lane.
type Of = Option<(Arc<str>, u64)>;

/// What the messages that one gap tells have in common.
type Place = (Of, GapReason, Option<u64>);

/// The gaps that wait at one place of a lane: at most one per topic, epoch, reason and addressee;
/// once folded, one per reason and addressee.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    gaps: Vec<Gap>,
    places: HashMap<Place, usize, foldhash::fast::FixedState>,
    bytes: u64,
    folded: bool,
    /// Where the last message was counted: the next one mostly belongs there too.
    last: usize,
}

/// What a gap costs beside its topic, in bytes.
const GAP_BYTES: u64 = 64;

impl Ledger {
    /// The gaps, in the order in which they began.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Whether any of them tells of messages that were dropped.
    pub(super) fn tells_of_drops(&self) -> bool {
        self.gaps.iter().any(|gap| gap.reason == GapReason::Dropped && gap.count > 0)
    }

    /// What they cost against the bound, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts what is missing, however many gaps there are in the same time.
    ///
    /// Once the ledger was folded, everything of the same reason joins the gap of the whole lane.
    pub fn record(&mut self, missing: Missing<'_>) {
        let Skipped { count, .. } = missing.skipped;
        let (first_seq, last_seq) = match self.folded {
            true => (0, 0),
            false => (missing.skipped.first_seq, missing.skipped.last_seq),
        };
        let gap = match self.gaps.get(self.last).is_some_and(|last| last.tells(&missing)) {
            true => &mut self.gaps[self.last],
            false => {
                let Missing { topic, epoch, reason, addressee, .. } = missing;
                let of = (!self.folded).then(|| (topic.clone(), epoch));
                self.gap(of, first_seq, reason, addressee)
            }
        };
        gap.first_seq = gap.first_seq.min(first_seq);
        gap.last_seq = gap.last_seq.max(last_seq);
        gap.count += count;
    }

    /// The gap of a place, made where there is none.
    fn gap(&mut self, of: Of, seq: u64, reason: GapReason, addressee: Option<u64>) -> &mut Gap {
        let next = self.gaps.len();
        let place = *self.places.entry((of.clone(), reason, addressee)).or_insert(next);
        if place == next {
            let gap = Gap { of, first_seq: seq, last_seq: seq, count: 0, reason, addressee };
            self.bytes += gap.cost();
            self.gaps.push(gap);
        }
        self.last = place;
        &mut self.gaps[place]
    }

    /// Takes a gap in as it was told, beside those that are there.
    pub(super) fn put(&mut self, told: Gap) {
        let Gap { of, first_seq, last_seq, count, reason, addressee } = told;
        let gap = self.gap(of, first_seq, reason, addressee);
        gap.first_seq = gap.first_seq.min(first_seq);
        gap.last_seq = gap.last_seq.max(last_seq);
        gap.count += count;
    }

    /// Takes the oldest `count` gaps off. Returns them, and what they cost in bytes.
    ///
    /// # Panics
    /// If there are fewer.
    pub(super) fn take_front(&mut self, count: u32) -> (Vec<Gap>, u64) {
        let gaps: Vec<Gap> = self.gaps.drain(..count as usize).collect();
        let taken = gaps.iter().map(Gap::cost).sum();
        self.bytes -= taken;
        let left = self.gaps.iter().enumerate();
        self.places =
            left.map(|(place, gap)| ((gap.of.clone(), gap.reason, gap.addressee), place)).collect();
        (gaps, taken)
    }

    /// Takes over what another tells that stood right behind.
    pub(super) fn absorb(&mut self, other: Self) {
        if other.folded {
            self.fold();
        }
        for gap in other.gaps {
            match self.folded {
                true => self.put(Gap { of: None, first_seq: 0, last_seq: 0, ..gap }),
                false => self.put(gap),
            }
        }
    }

    /// Folds everything into one gap per reason and addressee for the whole lane, for good.
    pub fn fold(&mut self) {
        if self.folded {
            return;
        }
        let gaps = std::mem::take(self).gaps;
        self.folded = true;
        for gap in gaps {
            self.gap(None, 0, gap.reason, gap.addressee).count += gap.count;
        }
    }
}

impl Gap {
    /// So many messages of the whole lane, dropped.
    pub(super) fn of_the_lane(count: u64) -> Self {
        let reason = GapReason::Dropped;
        Self { of: None, first_seq: 0, last_seq: 0, count, reason, addressee: None }
    }

    /// Whether it is told in front of the messages of its packet, with what those replaced: a topic
    /// has one gap of a reason in a packet.
    pub fn moves_to_the_front(&self) -> bool {
        let moves = match self.reason {
            GapReason::Conflated | GapReason::Merged => true,
            GapReason::Expired => self.addressee.is_none(),
            GapReason::Dropped => false,
        };
        moves && self.of.is_some()
    }

    /// Whether it is the one that tells of a message, as far as can be seen at a glance.
    fn tells(&self, missing: &Missing<'_>) -> bool {
        let of_it = self.of.as_ref().is_none_or(|(topic, epoch)| {
            Arc::ptr_eq(topic, missing.topic) && *epoch == missing.epoch
        });
        of_it && self.reason == missing.reason && self.addressee == missing.addressee
    }

    /// What it costs against the bound, in bytes.
    fn cost(&self) -> u64 {
        GAP_BYTES + self.of.as_ref().map_or(0, |(topic, _)| topic.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lose(ledger: &mut Ledger, topic: &Arc<str>, epoch: u64, seq: u64) {
        lose_to(ledger, topic, epoch, seq, None);
    }

    /// Loses a message to one subscription alone, where one is named.
    fn lose_to(ledger: &mut Ledger, topic: &Arc<str>, epoch: u64, seq: u64, to: Option<u64>) {
        let (skipped, reason, addressee) = (Skipped::one(seq), GapReason::Dropped, to);
        ledger.record(Missing { topic, epoch, skipped, reason, addressee });
    }

    #[test]
    fn what_one_subscription_misses_is_no_gap_of_the_others() {
        let topic = &Arc::from("a");
        let mut ledger = Ledger::default();
        for seq in 1..=3 {
            for to in [None, Some(2)] {
                lose_to(&mut ledger, topic, 1, seq, to);
            }
        }
        let told = |ledger: &Ledger| -> Vec<_> {
            ledger.gaps().iter().map(|gap| (gap.addressee, gap.count)).collect()
        };
        assert_eq!(told(&ledger), [(None, 3), (Some(2), 3)]);
        ledger.fold();
        lose_to(&mut ledger, topic, 1, 4, Some(2));
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
        assert_eq!(ledger.take_front(1).1 + ledger.bytes(), before);
        lose(&mut ledger, &topics[2], 1, 2);
        lose(&mut ledger, &topics[0], 1, 2);
        let told: Vec<_> = ledger.gaps().iter().map(|gap| (gap.first_seq, gap.count)).collect();
        assert_eq!(told, [(1, 1), (1, 2), (2, 1)]);
        assert_eq!(ledger.take_front(3).1, before);
        assert_eq!(ledger.bytes(), 0);
    }

    #[test]
    fn a_folded_ledger_told_in_part_stays_folded() {
        let topic = &Arc::from("a");
        let mut ledger = Ledger::default();
        let lose = |ledger: &mut Ledger, seq, to| lose_to(ledger, topic, 1, seq, to);
        lose(&mut ledger, 1, None);
        lose(&mut ledger, 2, Some(2));
        ledger.fold();
        ledger.take_front(1);
        lose(&mut ledger, 3, None);
        lose(&mut ledger, 4, Some(2));
        let told: Vec<_> =
            ledger.gaps().iter().map(|gap| (&gap.of, gap.addressee, gap.count)).collect();
        assert_eq!(told, [(&None, Some(2), 2), (&None, None, 1)]);
        assert_eq!(ledger.bytes(), 2 * GAP_BYTES);
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
