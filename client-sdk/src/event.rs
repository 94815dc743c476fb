//! What a subscription delivers.

use std::sync::Arc;
use std::time::SystemTime;

use broker_protocol::ErrorCode;
use broker_protocol::frame::LaneOptions;

use crate::{Body, ClosedReason};

pub use broker_protocol::frame::GapReason;

/// One thing that a subscription delivers, in the order of delivery.
///
/// The first is [`Event::Subscribed`], the last [`Event::Ended`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The subscription begins here, for the first time or after a reconnect.
    Subscribed(Granted),
    /// A message.
    Message(Message),
    /// What will never arrive.
    Gap(Gap),
    /// What is retained has come, as it was when the subscription began or was sent it again.
    CaughtUp,
    /// Who is subscribed to the filter.
    Presence(Presence),
    /// The connection was lost for a while, and the session with it; followed by
    /// [`Event::Subscribed`].
    Interrupted(Interruption),
    /// Nothing more is delivered.
    Ended(Ended),
}

/// A message, as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The topic. `$to.` and the client's own name for what was sent to it alone.
    pub topic: Arc<str>,
    /// The place in the topic's order, from 1 without holes.
    pub seq: u64,
    /// The epoch of `seq`.
    pub epoch: u64,
    /// When the broker accepted it, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The name of the client that published it.
    pub from: Option<Arc<str>>,
    /// What it carries.
    pub body: Body,
    /// Whether it was retained, and is sent again.
    pub replayed: bool,
}

impl Message {
    /// Whether it was retained, and is sent again: as the subscription began, or after it was behind
    /// in a lane with overflow `resync`.
    ///
    /// It takes the place of what came of its key before, also where messages are patches: of these the
    /// broker may keep the document that they make.
    pub fn is_replayed(&self) -> bool {
        self.replayed
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.body.payload
    }

    /// The payload as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        self.body.text()
    }
}

/// Messages that will never arrive, told where they would have stood, or in front of those of the
/// same key that took their place.
///
/// The count is exact. What lies between the first and the last `seq` may have been delivered in
/// part, and in a subscription that keeps the [latest](crate::Keep::Latest) some of it may be still
/// to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The topic; `None` stands for any of the topics in the subscription's lane.
    pub topic: Option<Arc<str>>,
    /// The epoch of the sequences; `None` without topic.
    pub epoch: Option<u64>,
    /// The first `seq` that is missing.
    pub first_seq: Option<u64>,
    /// The last `seq` that is missing.
    pub last_seq: Option<u64>,
    /// How many are missing, exactly.
    pub count: u64,
    /// Why.
    pub reason: GapCause,
}

/// Why messages are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapCause {
    /// The broker left them out.
    Broker(GapReason),
    /// They were dropped in this program: the subscriber was slower than the messages came, what
    /// waited reached the bound, and the subscription's overflow rule is `drop-oldest`.
    SlowSubscriber,
    /// Newer ones of the same key took their place in this program: the subscriber was slower than
    /// the messages came, and the subscription keeps the [latest](crate::Keep::Latest).
    Conflated,
    /// They were folded into a later one in this program: the subscriber was slower than the messages
    /// came, and the subscription [merges](crate::Keep::Merge).
    Merged,
    /// They were published while the connection was lost.
    Interrupted,
}

impl GapCause {
    /// Whether all that is missing was replaced by newer messages of the same keys, in the broker
    /// or in this program: who only shows how things are misses nothing.
    pub fn is_conflated(self) -> bool {
        matches!(self, Self::Conflated | Self::Broker(GapReason::Conflated))
    }

    /// Whether all that is missing was folded into messages that come, in the broker or in this
    /// program: what they said isn't lost.
    pub fn is_merged(self) -> bool {
        matches!(self, Self::Merged | Self::Broker(GapReason::Merged))
    }
}

/// A time without connection.
///
/// What was published meanwhile was not received. It is counted as far as that can be exact: the
/// first message of a topic that was received before is preceded by a [`Gap`] with the cause
/// [`GapCause::Interrupted`], if its epoch is still the same. Where the
/// [latest](crate::Keep::Latest) are kept, its `first_seq` is the first that can be missing. What
/// of other topics was missed, and topics that stay silent, nobody counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption {
    /// When the connection was lost. What was sent shortly before may be missing as well.
    pub from: SystemTime,
    /// When the subscription began anew.
    pub until: SystemTime,
}

/// What the broker granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The number of the subscription in the broker's session; another one after a reconnect.
    pub subscription: u64,
    /// The lane in which it is delivered.
    pub lane: u8,
    /// The options that the lane has.
    pub options: LaneOptions,
}

/// Who is subscribed to the filter: everybody at first, then the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The names of clients that are now there.
    pub joined: Vec<String>,
    /// The names of clients that are gone.
    pub left: Vec<String>,
}

/// Why a subscription has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// It was unsubscribed, or its guard was dropped.
    #[error("unsubscribed")]
    Unsubscribed,
    /// The subscriber was slower than the messages came, and what waited reached the bound.
    #[error("the subscriber was too slow: {messages} messages of {bytes} bytes waited")]
    TooSlow {
        /// How many messages waited.
        messages: usize,
        /// How many bytes they were.
        bytes: usize,
    },
    /// The broker refused it when it was to begin anew after a reconnect.
    #[error("refused after a reconnect: {message} ({code})")]
    Refused {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
    /// The client is closed.
    #[error("{0}")]
    Closed(ClosedReason),
}
