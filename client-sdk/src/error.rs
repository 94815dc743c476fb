//! What can go wrong, one enum per thing a caller can react to.

use std::time::Duration;

use broker_protocol::ErrorCode;

/// Why a client is closed for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClosedReason {
    /// The program closed it, or dropped its last handle.
    #[error("closed by this program")]
    Asked,
    /// The broker ended the connection and said not to return.
    #[error("closed by the broker: {message} ({code})")]
    Refused {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
    /// The connection was lost, and reconnection is off or was given up.
    #[error("the connection was lost: {error}; {attempts} attempts to reconnect failed")]
    Lost {
        /// How the last attempt, or else the connection, failed.
        error: String,
        /// How many attempts were made.
        attempts: u32,
    },
}

/// A client could not be connected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No transport of this program opens such URLs.
    #[error("no transport here opens {url:?}; known schemes: {known}")]
    UnknownScheme {
        /// The URL as given.
        url: String,
        /// The schemes that are known, as the crate's features have them.
        known: String,
    },
    /// It took longer than the connect time-out.
    #[error("no session within {0:?}")]
    TimedOut(Duration),
    /// The transport found no way.
    #[error(transparent)]
    Transport(#[from] transport_api::ConnectError),
    /// The broker refused the session.
    #[error("refused by the broker: {message} ({code})")]
    Refused {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
    /// The connection ended before the session was open.
    #[error("the connection was lost while the session opened: {reason}")]
    Lost {
        /// How.
        reason: String,
    },
    /// It was closed by this program meanwhile.
    #[error("closed by this program")]
    Closed,
}

/// A subscription or serving could not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The filter breaks the rules for filters.
    #[error("{filter:?} is no filter: {reason}")]
    InvalidFilter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// All lanes of the session are taken by other options. A lane stays open until its session ends,
    /// even if nothing is subscribed in it any more: use options again that were used before, or
    /// another client.
    #[error("at most {limit} different lane options are possible in one session")]
    TooManyLanes {
        /// The limit.
        limit: usize,
    },
    /// The broker refused.
    #[error("refused by the broker: {message} ({code})")]
    Refused {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
        /// The field that offends, where one does.
        field: Option<String>,
    },
    /// The session was lost while options were to change, or there is none. If they were on their way
    /// the subscription begins anew with them. A session that goes on answers.
    #[error("the session was lost while the options were to change")]
    Interrupted,
    /// Another change of the subscription's options is under way.
    #[error("another change of the options is under way")]
    Changing,
    /// The subscription has ended.
    #[error("the subscription has ended")]
    Ended,
    /// The client is closed.
    #[error("the client is closed: {0}")]
    Closed(ClosedReason),
}

/// A message was not published or sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic breaks the rules for topics.
    #[error("{topic:?} is no topic to publish to: {reason}")]
    InvalidTopic {
        /// The topic as given.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The payload is over the broker's limit.
    #[error("a payload of {bytes} bytes is over the broker's limit of {limit}")]
    TooLarge {
        /// The payload's length.
        bytes: usize,
        /// The limit.
        limit: u64,
    },
    /// There is no room in the outgoing queue; only `try_publish` says so.
    #[error("the outgoing queue is full: {bytes_max} bytes")]
    Full {
        /// The bound of the queue, in bytes.
        bytes_max: usize,
    },
    /// Nobody of that name is connected; only `send` says so.
    #[error("no client of that name: {message}")]
    NoSuchClient {
        /// What the broker said.
        message: String,
    },
    /// The receiver has no room for another message; only `send` says so.
    #[error("the receiver is busy: {message}")]
    Busy {
        /// What the broker said.
        message: String,
    },
    /// The broker refused.
    #[error("refused by the broker: {message} ({code})")]
    Refused {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
    /// The connection was lost before the acknowledgement came. Nobody knows whether the message
    /// was published.
    #[error("the connection was lost before the acknowledgement came; the outcome is unknown")]
    Disconnected,
    /// No acknowledgement came in time. Nobody knows whether the message was published.
    #[error("no acknowledgement within {0:?}; the outcome is unknown")]
    TimedOut(Duration),
    /// The client is closed.
    #[error("the client is closed: {0}")]
    Closed(ClosedReason),
}

/// A request was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The topic breaks the rules for topics.
    #[error("{topic:?} is no topic to ask: {reason}")]
    InvalidTopic {
        /// The topic as given.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The payload is over the broker's limit.
    #[error("a payload of {bytes} bytes is over the broker's limit of {limit}")]
    TooLarge {
        /// The payload's length.
        bytes: usize,
        /// The limit.
        limit: u64,
    },
    /// Nobody serves the topic.
    #[error("nobody serves the topic")]
    NobodyAnswers,
    /// The provider has no room for another request.
    #[error("the provider is busy: {message}")]
    Busy {
        /// What was said.
        message: String,
    },
    /// No answer came in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The provider went away before it answered.
    #[error("the provider went away before it answered")]
    ProviderGone,
    /// The provider answered with a refusal of its own.
    #[error("refused by the provider: {message} ({code})")]
    Failed {
        /// The provider's own code.
        code: String,
        /// A sentence for people.
        message: String,
    },
    /// The broker refused.
    #[error("refused by the broker: {message} ({code})")]
    Refused {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
    /// The connection was lost before the answer came. Nobody knows whether the request was
    /// carried out.
    #[error("the connection was lost before the answer came; the outcome is unknown")]
    Disconnected,
    /// The client is closed.
    #[error("the client is closed: {0}")]
    Closed(ClosedReason),
}

/// Why nobody knows how far behind the client is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LagError {
    /// The connection was lost before the broker answered.
    #[error("the connection was lost before the broker answered")]
    Disconnected,
    /// No answer came in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The client is closed.
    #[error("{0}")]
    Closed(ClosedReason),
}
