//! Frames from the broker to the client.

use std::borrow::Cow;

use super::{Body, LaneOptions, LanePosition, Outcome, Ping, Pong};
use crate::ErrorCode;

/// A frame from the broker to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerFrame<'a> {
    /// The session is open.
    Connected(Connected),
    /// A command was carried out.
    Accepted(Accepted),
    /// A command was refused.
    Rejected(Rejected),
    /// A subscription's replay is complete.
    CaughtUp(CaughtUp),
    /// A message.
    Message(Message<'a>),
    /// What will never arrive.
    Gap(Gap),
    /// Names the lane and the addressee of what follows.
    Lane(LaneHeader),
    /// A request to answer.
    Request(RoutedRequest<'a>),
    /// The answer to a request.
    Reply(RoutedReply<'a>),
    /// The asker no longer waits for the answer.
    Cancelled(RoutedCancel),
    /// A callback or session that was held has ended, or nobody holds a callback any more.
    Released(Released),
    /// A callback was subscribed to a topic by a service.
    Attached(Attached),
    /// The end of what `attached` began.
    Detached(Detached),
    /// The client behind a callback or session that is held has lost its connection, or is back.
    Owner(Owner),
    /// Who is subscribed to a filter.
    Presence(Presence),
    /// A subscription goes on in another lane.
    Moved(Moved),
    /// The connection ends.
    Disconnect(Shutdown),
    /// Asks for a sign of life.
    Ping(Ping),
    /// Answers a ping.
    Pong(Pong),
}

/// The session is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connected {
    /// The session's id.
    pub session: String,
    /// What proves the session to be the client's, at a resume.
    pub secret: String,
    /// The name under which the client is known.
    pub name: String,
    /// Whether the session asked for was still there.
    pub resumed: bool,
    /// After which frame each lane goes on; empty for a new session.
    pub lanes: Vec<LanePosition>,
    /// What the client may do.
    pub limits: SessionLimits,
    /// How often a silent client is pinged, in milliseconds.
    pub ping_interval: u64,
    /// Who serves.
    pub server: ServerInfo,
    /// How much is sent and not yet consumed at most, in bytes per lane: what was asked for, or what
    /// of it is granted. Without it the broker takes no part in credit.
    pub receive_window: Option<u64>,
}

/// What a client may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionLimits {
    /// The largest payload, in bytes.
    pub payload_bytes_max: u64,
    /// The largest frame, in bytes.
    pub frame_bytes_max: u64,
    /// The largest packet that the broker sends, in bytes, larger single frames aside.
    pub packet_bytes_max: u64,
    /// The most subscriptions and servings.
    pub subscriptions_max: u64,
    /// The most commands without an answer.
    pub commands_open_max: u64,
}

/// Who serves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// The software's or installation's name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A command was carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The command's id.
    pub id: u64,
    /// The subscription that began, moved or ended.
    pub subscription: Option<u64>,
    /// Its lane.
    pub lane: Option<u8>,
    /// The token of the callback that was offered.
    pub callback: Option<String>,
    /// The options that the lane has now.
    pub granted: Option<LaneOptions>,
}

/// A command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The command's id.
    pub id: u64,
    /// Why, for programs.
    pub code: ErrorCode,
    /// Why, for people.
    pub message: String,
    /// The field that offends, where one does.
    pub field: Option<String>,
}

/// A subscription's replay is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaughtUp {
    /// The subscription.
    pub subscription: u64,
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// The place in the topic's order, from 1.
    pub seq: u64,
    /// The epoch of `seq`.
    pub epoch: u64,
    /// When the broker accepted it.
    pub time: u64,
    /// The topic.
    pub topic: Cow<'a, str>,
    /// The name of the client that published it.
    pub from: Option<Cow<'a, str>>,
    /// What it carries.
    pub body: Body<'a>,
}

/// What will never arrive, standing where it would have stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The topic; `None` stands for the whole lane.
    pub topic: Option<String>,
    /// The epoch of the sequences.
    pub epoch: Option<u64>,
    /// The first `seq` that is missing.
    pub first_seq: Option<u64>,
    /// The last `seq` that is missing.
    pub last_seq: Option<u64>,
    /// How many are missing, exactly.
    pub count: u64,
    /// Why.
    pub reason: GapReason,
}

/// Why messages are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum GapReason {
    /// A newer one of the same key was delivered.
    Conflated,
    /// They were folded into one.
    Merged,
    /// The lane was at its bound.
    Dropped,
    /// They expired while waiting.
    Expired,
    /// The broker no longer keeps them; in replays only.
    NotKept,
}

/// Names the lane and the addressee of what follows, until the next one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneHeader {
    /// The lane.
    pub lane: u8,
    /// The one subscription that the run is for; all that match where `None`.
    pub subscription: Option<u64>,
}

/// A request to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoutedRequest<'a> {
    /// The token to reply to, valid once and for this provider only.
    pub token: Cow<'a, str>,
    /// The request topic.
    pub topic: Cow<'a, str>,
    /// The name of the client that asks.
    pub from: Option<Cow<'a, str>>,
    /// How many milliseconds the asker still waits.
    pub timeout: u64,
    /// What it carries.
    pub body: Body<'a>,
    /// The asker's session.
    pub session: Option<Cow<'a, str>>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedReply<'a> {
    /// The id of the request.
    pub id: u64,
    /// The name of the client that answered.
    pub from: Option<Cow<'a, str>>,
    /// The answer or the refusal.
    pub outcome: Outcome<'a>,
}

/// The asker no longer waits for the answer: it gave up, is gone, or the time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedCancel {
    /// The token of the routed request.
    pub token: String,
}

/// A callback or session that was held has ended; or, told to a callback's owner, nobody holds it any
/// more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The callback's token, or the session's id.
    pub callback: String,
    /// Why.
    pub reason: ReleasedReason,
}

/// Why a callback or session has ended, or its last holder is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReleasedReason {
    /// Its client, or its last holder, released it.
    Released,
    /// That client's session was ended in good order.
    Closed,
    /// That client didn't come back in time, or fell silent.
    TimedOut,
    /// The broker ended that client's session.
    Kicked,
}

/// A callback was subscribed to a topic by a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The callback's token.
    pub callback: String,
    /// The topic.
    pub topic: String,
}

/// The end of what `attached` began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detached {
    /// The callback's token.
    pub callback: String,
    /// The topic.
    pub topic: String,
}

/// The client behind a callback or session that is held has lost its connection, or is back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The callback's token, or the session's id.
    pub callback: String,
    /// What has become of its connection.
    pub state: OwnerState,
    /// The id of the last `hold` that asked for this; older brokers leave it out. What names another is
    /// old.
    pub hold: Option<u64>,
}

/// What has become of a client's connection, while its session stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OwnerState {
    /// It is lost.
    Away,
    /// There is one again.
    Back,
}

/// Who is subscribed to a filter: everybody at first, then the changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// The subscription that asked.
    pub subscription: u64,
    /// The names of clients that are now there.
    pub joined: Vec<String>,
    /// The names of clients that are gone.
    pub left: Vec<String>,
}

/// A subscription goes on in another lane: data of the lane that it leaves, behind its last message
/// there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The subscription.
    pub subscription: u64,
    /// The lane in which it goes on.
    pub lane: u8,
}

/// The connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shutdown {
    /// Why, for programs.
    pub code: ErrorCode,
    /// Why, for people.
    pub reason: String,
    /// Whether to come back.
    pub reconnect: Reconnect,
}

/// Whether and when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconnect {
    /// At once.
    Now,
    /// After this many milliseconds.
    Later(u64),
    /// Not at all: it would end the same way.
    Never,
}
