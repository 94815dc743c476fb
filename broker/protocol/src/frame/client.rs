//! Frames from the client to the broker.

use std::borrow::Cow;

use super::{Body, Content, LaneOptions, LanePosition, Outcome, Ping, Pong, Replay};

/// A frame from the client to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientFrame<'a> {
    /// Opens the session; first on every connection.
    Connect(Connect),
    /// Begins a subscription.
    Subscribe(Subscribe),
    /// Changes the options of an open lane.
    Update(Update),
    /// Moves a subscription to another lane, at one point in the order.
    Move(Move),
    /// Ends a subscription or a serving.
    Unsubscribe(Unsubscribe),
    /// Publishes a message to a topic.
    Publish(Publish<'a>),
    /// Sends a message to one client by name, or to a callback by token.
    Send(Send<'a>),
    /// Offers to answer the requests of a topic or filter.
    Serve(Serve),
    /// Asks whoever serves a topic.
    Request(Request<'a>),
    /// Gives up a request of this session.
    Cancel(Cancel),
    /// Answers a routed request.
    Reply(Reply<'a>),
    /// Offers a callback.
    Offer(Offer),
    /// Ends a callback, or lets go of one.
    Release(Release),
    /// Subscribes a callback to a topic, on behalf of its client.
    Attach(Attach),
    /// Ends what `attach` began.
    Detach(Detach),
    /// Tells what of a lane was consumed.
    Consumed(Consumed),
    /// Replaces the session's credential.
    Authenticate(Authenticate),
    /// Ends the connection in good order.
    Disconnect(Disconnect),
    /// Says that this session keeps a callback, or wants to know of a session's end.
    Hold(Hold),
    /// Asks for a sign of life.
    Ping(Ping),
    /// Answers a ping.
    Pong(Pong),
}

/// Opens the session; first on every connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connect {
    /// The protocol's major version: 1.
    pub version: u32,
    /// Who connects.
    pub client: ClientInfo,
    /// Proof of who that is.
    pub credential: Option<String>,
    /// The session to go on with.
    pub resume: Option<Resume>,
    /// How much may be sent and not yet consumed, in bytes per lane. Without it the client takes no
    /// part in credit and is served all the same.
    pub receive_window: Option<u64>,
    /// The largest packet that the client wishes to receive, in bytes.
    pub packet_bytes_max: Option<u32>,
    /// How often the client wishes to be pinged while it is silent, in milliseconds.
    pub ping_interval: Option<u64>,
    /// How long the session is to wait for its client after its link is gone, in milliseconds; as
    /// long as the broker allows where `None`, and not at all where 0.
    pub session_expiry: Option<u64>,
}

/// Who connects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The name by which others reach and see it; the broker makes one up where `None`.
    pub name: Option<String>,
    /// The library it uses, for the operator.
    pub sdk: Option<String>,
}

/// The session to go on with, and how far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The session's id.
    pub session: String,
    /// Its secret.
    pub secret: String,
    /// What was received in each lane.
    pub lanes: Vec<LanePosition>,
}

/// Begins a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscribe {
    /// The command's id.
    pub id: u64,
    /// A filter, or a topic.
    pub filter: String,
    /// The lane; lane 0 where `None`, or with `options` a free one.
    pub lane: Option<u8>,
    /// The options with which an unopened lane is opened.
    pub options: Option<LaneOptions>,
    /// What of the past to begin with.
    pub replay: Replay,
    /// The queue group that this subscription joins.
    pub group: Option<String>,
    /// Whether to be told who is subscribed to the filter.
    pub presence: bool,
}

/// Changes the options of an open lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The command's id.
    pub id: u64,
    /// The lane.
    pub lane: u8,
    /// The options to change; `None` leaves one as it is.
    pub options: LaneOptions,
}

/// Moves a subscription to another lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The command's id.
    pub id: u64,
    /// The subscription.
    pub subscription: u64,
    /// Where to.
    pub lane: u8,
    /// The options with which an unopened lane is opened.
    pub options: Option<LaneOptions>,
}

/// Ends a subscription or a serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The command's id.
    pub id: u64,
    /// What `accepted` named.
    pub subscription: u64,
}

/// Publishes a message to a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publish<'a> {
    /// With an id the message is acknowledged. Ids of publishes grow strictly in a session.
    pub id: Option<u64>,
    /// The topic.
    pub topic: Cow<'a, str>,
    /// What it carries.
    pub body: Body<'a>,
    /// Whether the broker keeps it as the topic's and key's last value.
    pub retain: bool,
    /// After how many milliseconds it is no longer worth delivering.
    pub expires_in: Option<u64>,
}

/// Sends a message to one client by name, or to a callback by token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Send<'a> {
    /// With an id it is acknowledged.
    pub id: Option<u64>,
    /// A client's name or a callback's token.
    pub to: Cow<'a, str>,
    /// The callback's method.
    pub method: Option<Cow<'a, str>>,
    /// What it carries.
    pub body: Body<'a>,
    /// After how many milliseconds it is no longer worth delivering.
    pub expires_in: Option<u64>,
}

/// Offers to answer the requests of a topic or filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Serve {
    /// The command's id.
    pub id: u64,
    /// The request topics, as a filter.
    pub filter: String,
    /// The lane in which requests come; lane 0 where `None`.
    pub lane: Option<u8>,
}

/// Asks whoever serves a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// The command's id, echoed by the reply.
    pub id: u64,
    /// The request topic, or a callback's method as `$to.<callback>.<method>`.
    pub topic: Cow<'a, str>,
    /// What it carries.
    pub body: Body<'a>,
    /// After how many milliseconds the asker gives up; the broker's default where `None`.
    pub timeout: Option<u64>,
}

/// Gives up a request of this session. Has no answer of its own: the request is answered with
/// `rejected` and the code `cancelled`, unless its reply was under way already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancel {
    /// The id of the request.
    pub id: u64,
}

/// Answers a routed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The token of the routed request.
    pub to: Cow<'a, str>,
    /// The answer or the refusal.
    pub outcome: Outcome<'a>,
}

/// Offers a callback.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The command's id.
    pub id: u64,
    /// The interface's name.
    pub interface: String,
    /// Its methods.
    pub methods: Vec<OfferedMethod>,
}

/// A method of an offered callback.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfferedMethod {
    /// The method's name, one topic token.
    pub method: String,
    /// The lane in which its calls come.
    pub lane: u8,
    /// The options with which an unopened lane is opened.
    pub options: Option<LaneOptions>,
}

/// Says that this session keeps a callback, or wants to know of a session's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The command's id.
    pub id: u64,
    /// The callback's token, or a session's id.
    pub callback: String,
    /// Whether to be told when its client's connection is lost, and when that is back.
    pub presence: bool,
}

/// Ends a callback, if its owner says so; a holder lets go of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The callback's token.
    pub callback: String,
}

/// Subscribes a callback to a topic, on behalf of its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attach {
    /// The command's id.
    pub id: u64,
    /// The topic; its methods are the tokens that follow.
    pub topic: String,
    /// The callback's token.
    pub callback: String,
}

/// Ends what `attach` began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detach {
    /// The command's id.
    pub id: u64,
    /// The topic.
    pub topic: String,
    /// The callback's token.
    pub callback: String,
}

/// Tells what of a lane was consumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumed {
    /// The lane.
    pub lane: u8,
    /// Data frames since the lane's start up to which none is needed again.
    pub frames: u64,
    /// Bytes since the start of this connection that callbacks have finished.
    pub bytes: u64,
}

/// Replaces the session's credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// Proof of who the client is.
    pub credential: String,
}

/// Ends the connection in good order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disconnect {
    /// A sentence for the operator.
    pub reason: String,
    /// Whether the session stays for a later resume.
    pub keep_session: bool,
}

impl Publish<'_> {
    /// A publish of plain bytes, not acknowledged.
    pub fn bytes<'a>(topic: &'a str, payload: &'a [u8]) -> Publish<'a> {
        let body =
            Body { content: Content::Bytes, payload: Cow::Borrowed(payload), ..Body::default() };
        Publish { topic: Cow::Borrowed(topic), body, ..Publish::default() }
    }
}
