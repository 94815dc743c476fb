//! One topic: its place in the order, and who wants it.

use std::time::Duration;

use bytes::Bytes;

use super::super::interest::ShardSet;
use super::super::{Groups, Interest, Name};
use crate::inspection::TopicRow;
use crate::policy::Retains;
use crate::{Publication, SessionId, TopicId};

/// One topic's place in the order, and who wants it.
#[derive(Debug)]
pub(in crate::sequencer) struct Topic {
    pub(super) name: Name,
    pub(super) id: TopicId,
    /// Who was the first to use it.
    pub(super) maker: SessionId,
    pub(super) epoch: u64,
    seq: u64,
    pub(super) used: Duration,
    /// Where it stands in the sweep.
    pub(super) swept: Duration,
    /// Since when it is idle, as it was when it was found to be so for long.
    pub(super) found_idle: Option<Duration>,
    /// The state of interest and groups for which the next two hold.
    fresh_for: Option<(u64, u64)>,
    shards: ShardSet,
    /// The shards that something of it may have come to.
    pub(super) reached: ShardSet,
    groups: Vec<usize>,
    /// How many last values of it are retained: while there are any it isn't forgotten.
    pub(in crate::sequencer) retained: u32,
    /// What of it is.
    pub(in crate::sequencer) retains: Retains,
    /// Of which patterns it counts.
    pub(super) patterns: Box<[u8]>,
    /// What was published, in bytes.
    bytes: u64,
}

impl Topic {
    /// A topic that nothing was published to.
    pub(super) fn new(
        name: Name,
        (id, maker): (TopicId, SessionId),
        (epoch, now): (u64, Duration),
        retains: Retains,
        patterns: Box<[u8]>,
    ) -> Self {
        Self {
            name,
            id,
            maker,
            epoch,
            seq: 0,
            used: now,
            swept: now,
            found_idle: None,
            fresh_for: None,
            shards: ShardSet::default(),
            reached: ShardSet::default(),
            groups: Vec::new(),
            retained: 0,
            retains,
            patterns,
            bytes: 0,
        }
    }

    /// Counts what has got its place, and tells of which patterns that is.
    pub(in crate::sequencer) fn count(&mut self, bytes: usize) -> &[u8] {
        self.bytes += bytes as u64;
        &self.patterns
    }

    /// What is told of it, whoever wants it.
    pub(in crate::sequencer) fn row(&self, now: Duration) -> TopicRow {
        TopicRow {
            id: self.id,
            name: self.name.clone(),
            epoch: self.epoch,
            published: self.seq,
            bytes: self.bytes,
            retained: u64::from(self.retained),
            groups: 0,
            idle: now.saturating_sub(self.used).as_millis() as u64,
        }
    }

    /// Notes that a message goes to these shards.
    pub(in crate::sequencer) fn reaches(&mut self, shards: ShardSet) {
        self.reached = self.reached.union(shards);
    }

    /// Looks up who wants the topic, if that may have changed.
    pub(in crate::sequencer) fn refresh(&mut self, interest: &Interest, groups: &Groups) {
        let generation = Some((interest.generation(), groups.generation()));
        if self.fresh_for != generation {
            self.fresh_for = generation;
            self.shards = interest.wanting(&self.name);
            self.groups = groups.wanting(&self.name);
        }
    }

    pub(in crate::sequencer) fn id(&self) -> TopicId {
        self.id
    }

    pub(in crate::sequencer) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::sequencer) fn shards(&self) -> ShardSet {
        self.shards
    }

    pub(in crate::sequencer) fn groups(&self) -> &[usize] {
        &self.groups
    }

    /// Gives a message its place. `None` if nobody wants it, which still takes a place.
    pub(in crate::sequencer) fn stamp(
        &mut self,
        time: u64,
        parts: impl FnOnce() -> Bytes,
    ) -> Option<Publication> {
        if self.shards.is_empty() && self.groups.is_empty() {
            self.seq += 1;
            return None;
        }
        Some(self.stamp_always(time, parts()))
    }

    /// Gives a message its place.
    pub(in crate::sequencer) fn stamp_always(&mut self, time: u64, parts: Bytes) -> Publication {
        self.seq += 1;
        let Self { id: topic_id, epoch, seq, .. } = *self;
        let (topic, expires) = (self.name.clone(), None);
        Publication { topic, topic_id, seq, epoch, time, expires, parts }
    }
}
