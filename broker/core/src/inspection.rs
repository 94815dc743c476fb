//! What the broker tells of itself: who is connected, who is behind, and what was done.
//!
//! A client asks on a topic of the broker's own. Its shard reads the [`Question`], the sequencer has
//! every shard look at its sessions ([`Item::Inspect`](crate::Item::Inspect)), and each [`Part`] goes
//! back to the asker's shard, which puts the answer together. A shard looks at a bounded number of
//! sessions in one turn and goes on in the next, so that nobody waits for it.
//!
//! Topics are the sequencer's. It looks at them a page at a time, for one question after the other, and the
//! asker's shard comes again for the next page; of those that come first, shards count who gets them.

mod answer;
mod part;
mod question;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use crate::{SequencerStatistics, SessionId, Token};
pub(crate) use answer::Answered;
pub use part::Part;
pub(crate) use part::{Counted, LaneReport, Rank, SessionReport, Waiting, rank};
pub(crate) use question::{Question, Sort, Subject};
pub(crate) use topics::{Counting, TopicSort, TopicsAnswered};
pub use topics::{PatternSum, TopicCounts, TopicRow, TopicsPage, WantedTopics};

/// What one client wants to know, on its way to all shards.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// Who asks.
    pub(crate) asker: SessionId,
    /// Its id for it.
    pub(crate) id: u64,
    pub(crate) token: Token,
    pub(crate) question: Question,
}

/// What the sequencer adds to an inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// How many shards were asked.
    pub(crate) shards: u32,
    pub(crate) sequencer: SequencerStatistics,
    /// How many topics are known.
    pub(crate) topics: u64,
    /// What was published to the topics of each pattern.
    pub(crate) patterns: Arc<[PatternSum]>,
}

/// What is known of a link, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The transport's name.
    pub transport: &'static str,
    /// The other end's address.
    pub address: String,
}

/// How many inspections begin in a second, in the whole broker: each looks at every session.
const PER_SECOND: u32 = 20;

/// Admits so many inspections in a second.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    since: Duration,
    admitted: u32,
}

impl Admission {
    /// Whether another one may begin.
    pub(crate) fn admits(&mut self, now: Duration) -> bool {
        if now >= self.since + Duration::from_secs(1) {
            *self = Self { since: now, admitted: 0 };
        }
        let admits = self.admitted < PER_SECOND;
        self.admitted += u32::from(admits);
        admits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_inspections_begin_in_a_second_and_the_next_ones_after_it() {
        let mut admission = Admission::default();
        let at = Duration::from_millis;
        let admitted = (0..30).filter(|_| admission.admits(at(500))).count();
        assert_eq!(admitted, 20);
        assert!(!admission.admits(at(999)) && admission.admits(at(1000)));
    }
}
