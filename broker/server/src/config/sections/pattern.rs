//! `[[pattern]]`: what holds for the topics of one pattern.

use std::time::Duration;

use broker_core::{KeepRule, Retention};
use broker_delivery::lane;

use super::Overflow;
use crate::config::declare::section;
use crate::config::kind::{
    Choice, GIB, KIB, bytes, choice, choices, count, filter, keep, optional, switch, time,
};

/// The most patterns of a configuration.
pub(in crate::config) const PATTERNS_MAX: usize = broker_core::Policies::PATTERNS_MAX;

/// What is in a subscription's lane where its client doesn't wish for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Keep {
    /// Everything, up to the bound.
    All,
    /// The newest so many messages of each key.
    Latest(u32),
    /// One document of each key, merged from the messages that waited.
    Merge,
}

impl From<Keep> for lane::Keep {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::All => Self::All,
            Keep::Latest(count) => Self::Latest(count),
            Keep::Merge => Self::Merge,
        }
    }
}

impl Choice for KeepRule {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("all", Self::All), ("latest", Self::Latest), ("merge", Self::Merge)];
}

impl Choice for Retention {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("none", Self::Nothing), ("last", Self::Last), ("merged", Self::Merged)];
}

section! {
    /// What holds for the topics of one pattern; there may be several, and there are none built in.
    /// What a client doesn't wish for is set by the first pattern that covers its filter, then by
    /// `[lanes]`. What a client may have is bounded by every pattern that its filter overlaps. Lane 0
    /// has what `[lanes]` says: a filter that may not have that is refused there, and needs a lane of
    /// its own. Every pattern needs `filter`.
    pub struct Pattern {
        /// Which topics: as a subscription's filter, with `*` for one token and `>` for one or more at
        /// the end.
        filter: String = ">".to_owned(), filter();
        /// What survives while a subscriber is behind: everything, the newest message of each key, so
        /// many newest, or one patch of each key, merged from those that waited. Members of queue groups
        /// keep everything.
        keep: Option<Keep> = None, optional(keep());
        /// What happens at the bound; without, what `[lanes]` says where all is kept, "drop-oldest" for
        /// the newest, and "resync" for what is merged.
        overflow: Option<Overflow> = None, optional(choice());
        /// Messages that wait in a lane at most, where the client doesn't say.
        bound_messages: Option<usize> = None, optional(count(1..=1_000_000));
        /// Bytes that wait in a lane at most, where the client doesn't say.
        bound_bytes: Option<usize> = None, optional(bytes(KIB..=GIB));
        /// Which lanes leave first: 7 before 0, which is the default.
        priority: Option<usize> = None, optional(count(0..=7));
        /// Each key at most once in this time, to fast clients too; not where everything is kept.
        min_interval: Option<Duration> = None, optional(time(0..=3_600_000));
        /// The largest bound in messages that a client is granted; `[lanes]` bounds it too.
        bound_messages_max: Option<usize> = None, optional(count(1..=1_000_000));
        /// The largest bound in bytes that a client is granted; `[lanes]` bounds it too.
        bound_bytes_max: Option<usize> = None, optional(bytes(KIB..=GIB));
        /// The highest priority that a client is granted.
        priority_max: Option<usize> = None, optional(count(0..=7));
        /// The shortest minimum interval that a client is granted; not where everything is kept.
        min_interval_min: Option<Duration> = None, optional(time(0..=3_600_000));
        /// What a client may not ask for: "all" where everything would be too much for anybody, "latest"
        /// and "merge" where nothing may be missing.
        forbid_keep: Vec<KeepRule> = Vec::new(), choices();
        /// What a client may not have happen at the bound.
        forbid_overflow: Vec<Overflow> = Vec::new(), choices();
        /// Whether datagrams, which may be lost, are forbidden.
        forbid_unreliable: bool = false, switch();
        /// What the broker keeps of a message that is published with `retain`: "last" keeps it as the last
        /// value of its key, "merged" takes it for a JSON Merge Patch and keeps the document of the key,
        /// "none" refuses it with `not-allowed`. The first pattern that matches the topic and says
        /// something holds; without, it is "last".
        retain: Option<Retention> = None, optional(choice());
        /// Keys of one topic whose last value or document is kept; `[retained]`, and every other pattern
        /// that matches the topic, bounds it too.
        keys_max: Option<usize> = None, optional(count(1..=100_000_000));
        /// Topics that match the pattern and that the broker knows at one time; every other pattern that
        /// matches a topic, and `limits.topics_max`, bounds them too. At the bound the first message on
        /// another is refused with `too-many-topics`, until an idle one is forgotten: one of which nothing
        /// waits for a client.
        topics_max: Option<usize> = None, optional(count(1..=100_000_000));
    }
}

impl Pattern {
    /// A pattern for these topics that says nothing yet.
    pub fn new(filter: impl Into<String>) -> Self {
        Self { filter: filter.into(), ..Self::default() }
    }
}
