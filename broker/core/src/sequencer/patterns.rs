//! What was published to the topics of each pattern: sums that are bounded by the configuration, however
//! many topics there are, and that outlive them.

use std::sync::Arc;

use super::topics::{Topics, TopicsFull};
use crate::inspection::PatternSum;

/// What was published to the topics of each pattern, in the order of the patterns.
#[derive(Debug)]
pub(super) struct Patterns(Vec<PatternSum>);

impl Patterns {
    pub(super) fn new(count: usize) -> Self {
        Self(vec![PatternSum::default(); count])
    }

    /// Counts a message of these patterns.
    #[inline]
    pub(super) fn count(&mut self, places: &[u8], bytes: usize) {
        for place in places {
            let sum = &mut self.0[usize::from(*place)];
            sum.published += 1;
            sum.bytes += bytes as u64;
        }
    }

    /// Counts a message for whose topic a pattern has no room.
    pub(super) fn count_refused(&mut self, full: &TopicsFull) {
        if let TopicsFull::Pattern { place, .. } = full {
            self.0[usize::from(*place)].refused += 1;
        }
    }

    /// The sums now.
    pub(super) fn sums(&self, topics: &Topics) -> Arc<[PatternSum]> {
        let known = self.0.iter().zip(topics.by_pattern());
        known.map(|(sum, topics)| PatternSum { topics: *topics as u64, ..*sum }).collect()
    }
}
