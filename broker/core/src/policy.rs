//! What the operator says of lanes by topic: defaults, caps, and what is forbidden.
//!
//! Plain functions of filters. Nothing here is asked per message: a filter is looked at when it
//! comes into a lane, and a lane remembers which patterns it touches.

mod counted;
mod offence;
mod retention;
mod set;

use std::sync::Arc;
use std::time::Duration;

use broker_delivery::lane::{Bound, Keep, LaneOptions, Overflow};
use broker_delivery::{filter_covers, filters_overlap};

pub(crate) use retention::Retains;
pub use retention::Retention;
pub(crate) use set::PatternSet;

/// What holds for the topics of one pattern. Whatever is `None` is left to others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Which topics, as a filter.
    pub filter: String,
    /// What survives while a lane is behind, where its client doesn't say.
    pub keep: Option<Keep>,
    /// What happens at the bound, where the client doesn't say.
    pub overflow: Option<Overflow>,
    /// How many messages may wait, where the client doesn't say.
    pub bound_messages: Option<u32>,
    /// How many bytes may wait, where the client doesn't say.
    pub bound_bytes: Option<u64>,
    /// The priority, where the client doesn't say.
    pub priority: Option<u8>,
    /// At most one delivery per key in this time, where the client doesn't say.
    pub min_interval: Option<Duration>,
    /// How many messages may wait at most.
    pub bound_messages_max: Option<u32>,
    /// How many bytes may wait at most.
    pub bound_bytes_max: Option<u64>,
    /// The highest priority.
    pub priority_max: Option<u8>,
    /// The shortest minimum interval of a lane that doesn't keep everything.
    pub min_interval_min: Option<Duration>,
    /// Rules that a lane may not have.
    pub forbidden_keeps: Vec<KeepRule>,
    /// What may not happen at the bound.
    pub forbidden_overflows: Vec<Overflow>,
    /// Whether datagrams are forbidden.
    pub forbids_unreliable: bool,
    /// What the broker keeps of a topic.
    pub retain: Option<Retention>,
    /// Of how many keys of a topic it keeps anything at most.
    pub keys_max: Option<usize>,
    /// How many topics that match may be known at a time.
    pub topics_max: Option<usize>,
}

/// A rule of what survives, whatever its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeepRule {
    /// Everything.
    All,
    /// The newest of each key, one or several.
    Latest,
    /// One document per key.
    Merge,
}

impl From<Keep> for KeepRule {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::All => Self::All,
            Keep::Latest(_) => Self::Latest,
            Keep::Merge => Self::Merge,
        }
    }
}

/// All patterns, in the order in which they are asked for defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies(Arc<[Pattern]>);

impl Policies {
    /// The most patterns; what is beyond is left out.
    pub const PATTERNS_MAX: usize = PatternSet::CAPACITY;

    /// Takes the patterns.
    pub fn new(mut patterns: Vec<Pattern>) -> Self {
        patterns.truncate(Self::PATTERNS_MAX);
        Self(patterns.into())
    }

    /// The first pattern that matches every topic which the filter matches.
    pub fn first_covering(&self, filter: &str) -> Option<&Pattern> {
        self.0.iter().find(|pattern| filter_covers(&pattern.filter, filter))
    }

    /// The patterns that match a topic which the filter matches too.
    pub(crate) fn overlapping(&self, filter: &str) -> PatternSet {
        let mut set = PatternSet::default();
        for (place, pattern) in self.0.iter().enumerate() {
            if filters_overlap(&pattern.filter, filter) {
                set.add(place);
            }
        }
        set
    }

    /// The options, brought down to what all these patterns grant.
    pub(crate) fn capped(&self, touched: PatternSet, options: LaneOptions) -> LaneOptions {
        self.among(touched).fold(options, |granted, pattern| pattern.capped(granted))
    }

    /// The filter of the first of these patterns that grants less than the options.
    pub(crate) fn narrowing(&self, touched: PatternSet, options: LaneOptions) -> Option<&str> {
        let mut among = self.among(touched);
        let narrower = among.find(|pattern| pattern.capped(options) != options)?;
        Some(&narrower.filter)
    }

    fn among(&self, touched: PatternSet) -> impl Iterator<Item = &Pattern> {
        touched.places().filter_map(|place| self.0.get(place))
    }
}

impl Pattern {
    /// What a lane has that is opened for a filter which this pattern covers, before its client's
    /// wishes; what isn't said here is as in `default`.
    pub(crate) fn opens(&self, default: LaneOptions) -> LaneOptions {
        let bound = Bound {
            messages: self.bound_messages.unwrap_or(default.bound.messages),
            bytes: self.bound_bytes.unwrap_or(default.bound.bytes),
        };
        let keep = self.keep.unwrap_or(default.keep);
        let priority = self.priority.unwrap_or(default.priority);
        let min_interval = self.min_interval.unwrap_or(default.min_interval);
        LaneOptions { keep, bound, priority, min_interval, ..default }
    }

    fn capped(&self, options: LaneOptions) -> LaneOptions {
        let Bound { messages, bytes } = options.bound;
        let bound = Bound {
            messages: self.bound_messages_max.map_or(messages, |most| messages.min(most)),
            bytes: self.bound_bytes_max.map_or(bytes, |most| bytes.min(most)),
        };
        let priority =
            self.priority_max.map_or(options.priority, |most| options.priority.min(most));
        let least = self.min_interval_min.filter(|_| options.keep != Keep::All);
        let min_interval = options.min_interval.max(least.unwrap_or_default());
        LaneOptions { bound, priority, min_interval, ..options }
    }
}

#[cfg(test)]
mod tests;
