//! The ledger of what was left out at one place and is still to be told.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{Gap, GapCause, Message};

/// Topics and causes whose losses are told apart. Beyond, they fold into one gap without a topic
/// for each cause: the ledger must stay small beside the inbox.
const GAPS_MAX: usize = 64;

/// The ledger: one gap for each topic, epoch and cause.
#[derive(Debug, Default)]
pub(super) struct Lost {
    gaps: VecDeque<Gap>,
}

impl Lost {
    pub(super) fn add(&mut self, gap: Gap) {
        if self.gaps.len() == GAPS_MAX && !self.gaps.iter().any(|told| told.covers(&gap)) {
            self.fold();
        }
        match self.gaps.iter_mut().find(|told| told.covers(&gap)) {
            Some(told) => told.absorb(&gap),
            None => self.gaps.push_back(gap),
        }
    }

    /// Takes the gap that has waited longest.
    pub(super) fn take(&mut self) -> Option<Gap> {
        self.gaps.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }

    fn fold(&mut self) {
        for gap in std::mem::take(&mut self.gaps) {
            self.fold_in(gap);
        }
    }

    fn fold_in(&mut self, gap: Gap) {
        match self.gaps.iter_mut().find(|told| told.reason == gap.reason) {
            Some(told) => told.count = told.count.saturating_add(gap.count),
            None => self.gaps.push_back(Gap {
                topic: None,
                epoch: None,
                first_seq: None,
                last_seq: None,
                ..gap
            }),
        }
    }
}

impl Gap {
    /// What stands for a message that is left out.
    pub(super) fn instead_of(message: &Message, reason: GapCause) -> Self {
        Self {
            topic: Some(Arc::clone(&message.topic)),
            epoch: Some(message.epoch),
            first_seq: Some(message.seq),
            last_seq: Some(message.seq),
            count: 1,
            reason,
        }
    }

    /// Counts what another gap of the same topic tells, or of any where this one has none.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        // Only the hull: what is left out of one topic needn't follow each other.
        self.first_seq = self.first_seq.zip(other.first_seq).map(|(one, two)| one.min(two));
        self.last_seq = self.last_seq.zip(other.last_seq).map(|(one, two)| one.max(two));
    }

    fn covers(&self, other: &Self) -> bool {
        self.reason == other.reason
            && (self.topic.is_none() || self.topic == other.topic && self.epoch == other.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(topic: &str, seq: u64, reason: GapCause) -> Gap {
        let topic = Some(Arc::from(topic));
        let (first_seq, last_seq) = (Some(seq), Some(seq));
        Gap { topic, epoch: Some(1), first_seq, last_seq, count: 1, reason }
    }

    fn told(mut lost: Lost) -> Vec<Gap> {
        std::iter::from_fn(|| lost.take()).collect()
    }

    #[test]
    fn losses_of_one_topic_and_cause_are_one_gap_and_those_of_others_are_not() {
        let mut lost = Lost::default();
        for (topic, seq, reason) in [
            ("a", 5, GapCause::Conflated),
            ("a", 3, GapCause::SlowSubscriber),
            ("b", 1, GapCause::Conflated),
            ("a", 2, GapCause::Conflated),
        ] {
            lost.add(gap(topic, seq, reason));
        }
        let [conflated, dropped, other] = &told(lost)[..] else { panic!("three gaps") };
        assert_eq!((conflated.first_seq, conflated.last_seq), (Some(2), Some(5)));
        assert_eq!((conflated.count, dropped.count, other.count), (2, 1, 1));
    }

    #[test]
    fn one_topic_too_many_folds_all_and_keeps_the_counts_of_each_cause() {
        for (topics, gaps) in [(GAPS_MAX, GAPS_MAX), (GAPS_MAX + 1, 2)] {
            let mut lost = Lost::default();
            for number in 0..topics {
                let reason =
                    if number < 10 { GapCause::Conflated } else { GapCause::SlowSubscriber };
                lost.add(gap(&number.to_string(), 1, reason));
            }
            let told = told(lost);
            assert_eq!(told.len(), gaps);
            let conflated = told.iter().filter(|gap| gap.reason == GapCause::Conflated);
            assert_eq!(conflated.map(|gap| gap.count).sum::<u64>(), 10);
            assert_eq!(told.iter().map(|gap| gap.count).sum::<u64>(), topics as u64);
        }
    }
}
