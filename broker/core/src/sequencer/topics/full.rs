//! Limits of topics.

/// Why a topic isn't made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
}
