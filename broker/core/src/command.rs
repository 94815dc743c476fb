//! What a shard asks of the sequencer.

mod callbacks;

use std::sync::Arc;

use broker_protocol::ErrorCode;
use bytes::Bytes;

pub use callbacks::CallbackCommand;

use crate::{
    Answer, Inspection, Outstanding, Overview, Part, Publication, SessionId, ShardId, Token,
    TopicCounts, TopicId, TopicsPage, WantedTopics,
};

/// What a shard asks of the sequencer in one turn: commands, and the bytes that they refer to.
#[derive(Debug, Default)]
pub struct Batch {
    /// The commands, in the order in which they came.
    pub commands: Vec<Command>,
    /// What the spans of the commands point into.
    pub arena: Bytes,
}

/// A range of a batch's arena, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// How many bytes it has.
    pub(crate) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// The same as a range.
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Batch {
    /// The bytes of a span, shared.
    pub fn bytes(&self, span: Span) -> Bytes {
        self.arena.slice(span.range())
    }

    /// The bytes of a span.
    pub fn slice(&self, span: Span) -> &[u8] {
        &self.arena[span.range()]
    }

    /// The text of a span.
    ///
    /// # Panics
    /// If the span isn't one that was written as text.
    pub fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.slice(span)).expect("spans of text are written from text")
    }
}

/// One thing asked of the sequencer. Order within and across sessions of a shard is kept.
#[derive(Debug)]
pub enum Command {
    /// A session began.
    Open {
        /// The session.
        session: SessionId,
        /// Its client's name.
        name: Arc<str>,
    },
    /// A session ended. Its subscriptions and requests were withdrawn before.
    Close {
        /// The session.
        session: SessionId,
        /// Its client's name.
        name: Arc<str>,
    },
    /// A message to everybody who is subscribed.
    Publish {
        /// The publisher.
        session: SessionId,
        /// The id to acknowledge, if any.
        id: Option<u64>,
        /// The topic.
        topic: Span,
        /// The message without its place in the order.
        parts: Span,
        /// After how many milliseconds it isn't worth delivering any more.
        expires_in: Option<u64>,
        /// What becomes of the last value of its key.
        retain: Retain,
    },
    /// A message to one client.
    Send {
        /// The sender.
        session: SessionId,
        /// The id to acknowledge, if any.
        id: Option<u64>,
        /// The receiving client's name.
        to: Arc<str>,
        /// The topic: `$to.<client>`.
        topic: Span,
        /// The message without its place in the order.
        parts: Span,
        /// After how many milliseconds it isn't worth delivering any more.
        expires_in: Option<u64>,
    },
    /// A subscription is to begin.
    Subscribe(Standing),
    /// A subscription is to end.
    Unsubscribe {
        /// What is to end.
        standing: Box<Standing>,
        /// The id to answer, or `None` if the session is ending.
        id: Option<u64>,
    },
    /// A request for whoever serves the topic.
    Request {
        /// The asker.
        asker: SessionId,
        /// Its id for it.
        id: u64,
        /// Its token, made by the asker's shard.
        token: Token,
        /// The request topic.
        topic: Span,
        /// The routed `request` frame, in bincode.
        frame: Span,
    },
    /// A provider's answer.
    Reply {
        /// What it answers.
        token: Token,
        /// The routed `reply` frame, in bincode.
        frame: Span,
    },
    /// A request that a provider can't answer.
    Refuse {
        /// What it refuses.
        token: Token,
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
    /// A request that its asker no longer waits for.
    Cancel {
        /// What was asked.
        token: Token,
    },
    /// A subscription is to go on in another lane, from this point of the order on.
    Move {
        /// The session.
        session: SessionId,
        /// The subscription's number in the session.
        subscription: u64,
        /// The place of the lane among the session's lanes.
        lane: u32,
        /// The id of the command.
        id: u64,
    },
    /// A message of a queue group that its member never wrote.
    HandBack {
        /// The subscription that it was for.
        standing: Box<Standing>,
        /// The message. Boxed: commands come by the thousand, and are as large as the largest of them.
        publication: Box<Publication>,
    },
    /// A member or provider can't be written to, or can again.
    Blocked {
        /// The session.
        session: SessionId,
        /// Whether it can't.
        blocked: bool,
    },
    /// The next pages of the replays of a lane.
    Replay {
        /// The session.
        session: SessionId,
        /// The place of the lane among the session's lanes.
        lane: usize,
        /// Returned with the answer: it may not be waited for any more.
        ticket: u32,
        /// What is still to be sent.
        wanted: Vec<Outstanding>,
    },
    /// An answer to a command of a session that may live in another shard.
    Answer {
        /// Whose command it was.
        session: SessionId,
        /// The answer.
        answer: Answer,
    },
    /// Something about callbacks.
    Callback(CallbackCommand),
    /// Of which of the topics that it was asked about something waits in this shard.
    StillWaiting {
        /// The number of the question.
        round: u64,
        /// The shard.
        shard: ShardId,
        /// The topics.
        topics: Vec<TopicId>,
    },
    /// A question about all sessions.
    Inspect(Arc<Inspection>),
    /// How a question about topics goes on.
    Topics {
        /// The question.
        inspection: Arc<Inspection>,
        /// What it wants next.
        wanted: WantedTopics,
    },
    /// What this shard counted of topics.
    TopicsCounted {
        /// The question.
        inspection: Arc<Inspection>,
        /// The topics.
        page: Arc<TopicsPage>,
        /// What it counted of each.
        counts: Vec<TopicCounts>,
    },
    /// What this shard has to say to a question.
    Inspected {
        /// The question.
        inspection: Arc<Inspection>,
        /// What the sequencer added to it.
        overview: Box<Overview>,
        /// What this shard has to say.
        part: Arc<Part>,
    },
}

/// What becomes of the last value of a message's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retain {
    /// It stays as it is.
    No,
    /// The message takes its place.
    Keep,
    /// It is forgotten: the message, which is to be retained, has an empty payload.
    Clear,
}

/// A standing wish: a subscription or a serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The session.
    pub session: SessionId,
    /// Its client's name.
    pub name: Arc<str>,
    /// The subscription's number in the session.
    pub subscription: u64,
    /// The filter.
    pub filter: Arc<str>,
    /// What for.
    pub purpose: Purpose,
}

/// What a standing wish is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Every message that matches.
    Messages {
        /// Whether to be told who else is there.
        presence: bool,
    },
    /// Its share of the messages that match, among the members of a queue group.
    Group(Arc<str>),
    /// Requests.
    Requests,
}
