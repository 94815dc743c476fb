//! The stable codes of everything that can be refused, and what decoding can fail with.

/// Why a command was refused or a connection ended. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The client or the broker ends in good order.
    Closed,
    /// Bytes that aren't a frame.
    Malformed,
    /// A frame that isn't allowed here, as a second `connect`.
    Unexpected,
    /// A major version that isn't spoken here.
    UnsupportedVersion,
    /// A frame that is known but not served by this broker.
    Unsupported,
    /// The first frame didn't come in time.
    HandshakeTimeout,
    /// The peer was silent for too long.
    IdleTimeout,
    /// A frame above the limit.
    FrameTooLarge,
    /// A payload above the limit.
    PayloadTooLarge,
    /// A topic that breaks the rules for topics.
    InvalidTopic,
    /// A filter that breaks the rules for filters.
    InvalidFilter,
    /// A topic that belongs to the broker.
    ReservedTopic,
    /// A name, key, header or other field that breaks its rules.
    InvalidField,
    /// A publish id that doesn't grow.
    InvalidId,
    /// An unknown subscription.
    UnknownSubscription,
    /// A lane that doesn't exist.
    UnknownLane,
    /// An open lane with other options than asked for.
    LaneOptions,
    /// An unknown callback token.
    UnknownCallback,
    /// The limit of subscriptions in a session.
    TooManySubscriptions,
    /// The limit of topics in the broker.
    TooManyTopics,
    /// The limit of connections to the broker.
    TooManyConnections,
    /// The limit of commands without an answer.
    TooManyCommands,
    /// The lane was at its bound, with overflow `disconnect`.
    SlowConsumer,
    /// The control queue was at its bound.
    ControlOverrun,
    /// No client of that name.
    NoSuchClient,
    /// Nobody serves the request topic.
    NobodyAnswers,
    /// The provider went away before it answered.
    ProviderGone,
    /// The provider has no room for another request.
    Busy,
    /// The answer didn't come in time.
    TimedOut,
    /// The asker gave up.
    Cancelled,
    /// The broker shuts down.
    ShuttingDown,
    /// A fault of the broker's own.
    Internal,
}
