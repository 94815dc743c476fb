//! Limits of topics.

/// Why a topic isn't made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::sequencer) enum TopicsFull {
    /// The broker knows as many as it may.
    #[error(
        "the broker knows {most} topics, and may know no more; wait until idle ones are forgotten, \
         or raise limits.topics_max"
    )]
    Broker { most: usize },
    /// The session was the first to use as many as it may.
    #[error(
        "this session was the first to use {most} topics, and may be of no more; use fewer, or \
         raise limits.topics_per_session_max"
    )]
    Session { most: usize },
    /// As many are known that match a pattern as it allows.
    #[error(
        "pattern {pattern:?} allows {most} topics, and the broker knows as many that match it; use \
         fewer, wait until idle ones are forgotten, or raise its topics_max"
    )]
    Pattern {
        /// Its place among the patterns.
        place: u8,
        pattern: String,
        most: usize,
    },
}
