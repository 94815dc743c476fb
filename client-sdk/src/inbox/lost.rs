//! The ledger of messages that were dropped here and not yet told.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{Gap, GapCause, Message};

/// Topics whose losses are told apart. Beyond, everything folds into one gap without a topic: the
/// ledger must stay small beside the inbox.
const TOPICS_MAX: usize = 64;

/// The ledger: one gap for each topic and epoch.
#[derive(Debug, Default)]
pub(super) struct Lost {
    gaps: VecDeque<Gap>,
}

impl Lost {
    /// Counts a message that was dropped.
    pub(super) fn note(&mut self, message: &Message) {
        if let Some(gap) = self.gaps.iter_mut().find(|gap| gap.stands_for(message)) {
            gap.count += 1;
            // Only the hull: queue groups may hand on a message late.
            gap.first_seq = gap.first_seq.map(|first| first.min(message.seq));
            gap.last_seq = gap.last_seq.map(|last| last.max(message.seq));
            return;
        }
        if self.gaps.len() == TOPICS_MAX {
            return self.fold();
        }
        self.gaps.push_back(Gap {
            topic: Some(Arc::clone(&message.topic)),
            epoch: Some(message.epoch),
            first_seq: Some(message.seq),
            last_seq: Some(message.seq),
            count: 1,
            reason: GapCause::SlowSubscriber,
        });
    }

    /// Takes the gap that has waited longest.
    pub(super) fn take(&mut self) -> Option<Gap> {
        self.gaps.pop_front()
    }

    /// Folds everything, and the message at hand, into one gap.
    fn fold(&mut self) {
        let count = self.gaps.drain(..).map(|gap| gap.count).sum::<u64>() + 1;
        let reason = GapCause::SlowSubscriber;
        let (epoch, first_seq, last_seq) = (None, None, None);
        self.gaps.push_back(Gap { topic: None, epoch, first_seq, last_seq, count, reason });
    }
}

impl Gap {
    fn stands_for(&self, message: &Message) -> bool {
        self.topic.as_ref().is_none_or(|topic| *topic == message.topic)
            && self.epoch.is_none_or(|epoch| epoch == message.epoch)
    }
}
