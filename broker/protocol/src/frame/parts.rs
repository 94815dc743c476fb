//! Parts that several frames share.

use std::borrow::Cow;

/// What kind of bytes a payload is, as its publisher states it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Content {
    /// Any bytes. In the json codec they travel as `base64`.
    #[default]
    Bytes,
    /// UTF-8 text. In the json codec it travels as `text`.
    Text,
    /// A JSON document. In the json codec it travels as `json`.
    Json,
}

/// Names and values beside a payload, in the order given.
pub type Headers<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// What a message, request or reply carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body<'a> {
    /// What thing the message is about, within its topic; the topic itself where `None`.
    pub key: Option<Cow<'a, str>>,
    /// What kind of bytes the payload is.
    pub content: Content,
    /// Names and values beside the payload.
    pub headers: Headers<'a>,
    /// The payload, opaque to the broker.
    pub payload: Cow<'a, [u8]>,
}

/// How a request ended at its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The provider answered.
    Answer(Body<'a>),
    /// The provider refused; its own code and sentence.
    Failure(RequestError),
}

/// A provider's refusal, opaque to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError {
    /// A code for programs, the provider's own.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// Asks the other end for a sign of life.
///
/// Without `mark` it is control; with one it travels in its lane behind the data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ping {
    /// An opaque number, echoed by the `pong`.
    pub mark: Option<u64>,
}

/// Answers a ping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pong {
    /// The mark of the ping.
    pub mark: Option<u64>,
    /// How far behind each lane is at the sender; empty where it isn't known.
    pub lag: Vec<LaneLag>,
}

/// How far behind a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLag {
    /// The lane.
    pub lane: u8,
    /// Messages that wait.
    pub messages: u64,
    /// Bytes that wait.
    pub bytes: u64,
    /// Age of the oldest that waits, in milliseconds.
    pub age: u64,
}

/// How many data frames of a lane there were since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanePosition {
    /// The lane.
    pub lane: u8,
    /// Data frames since the lane's start, over all connections.
    pub frames: u64,
}
