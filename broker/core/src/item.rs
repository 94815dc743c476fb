//! What the sequencer tells a shard, in the one order.

mod callbacks;
mod sent_calls;

use std::num::NonZero;
use std::sync::Arc;

use broker_protocol::ErrorCode;
use bytes::Bytes;

use crate::{
    CallbackId, Inspection, Overview, Page, Part, Publication, SessionId, Token, TopicCounts,
    TopicId, TopicsPage,
};
pub use callbacks::{Attachment, CallbackItem, Owned};
pub(crate) use sent_calls::SentCall;
pub use sent_calls::SentCalls;

/// One thing that the sequencer tells a shard.
#[derive(Debug, Clone)]
pub enum Item {
    /// A message.
    Message {
        /// The message.
        publication: Publication,
        /// Whether it is for every subscription that matches, beside the addressees.
        to_all: bool,
        /// The members of queue groups that were chosen.
        addressed: Vec<Addressee>,
    },
    /// A message to one client.
    Sent {
        /// The message.
        publication: Publication,
        /// The receiving session.
        to: SessionId,
        /// Who sent it.
        from: SessionId,
        /// The id to acknowledge; without one only a refusal is told.
        id: Option<u64>,
    },
    /// A subscription begins here: what follows is for it.
    Begun {
        /// The session.
        session: SessionId,
        /// The subscription's number in the session.
        subscription: u64,
        /// The last change of what is retained.
        point: NonZero<u64>,
    },
    /// A subscription ends here: what follows isn't for it.
    Ended {
        /// The session.
        session: SessionId,
        /// The subscription's number in the session.
        subscription: u64,
        /// The id of the command that ended it; `None` if its session had ended.
        id: Option<u64>,
    },
    /// A subscription goes on in another lane here: what follows is for that one.
    Moved {
        /// The session.
        session: SessionId,
        /// The subscription's number in the session.
        subscription: u64,
        /// The place of the lane among the session's lanes.
        lane: u32,
        /// The id of the command.
        id: u64,
    },
    /// The answer to a command.
    Answer {
        /// Whose command it was.
        session: SessionId,
        /// The answer.
        answer: Answer,
    },
    /// A request to a provider.
    Request {
        /// The provider.
        provider: SessionId,
        /// What it serves.
        subscription: u64,
        /// What to reply to.
        token: Token,
        /// The asker's id for it.
        id: u64,
        /// The routed `request` frame, in bincode.
        frame: Bytes,
    },
    /// The answer to a request.
    Reply {
        /// The asker.
        asker: SessionId,
        /// Its id for it.
        id: u64,
        /// The routed `reply` frame, in bincode.
        frame: Bytes,
    },
    /// A request's asker no longer waits.
    Cancelled {
        /// The provider.
        provider: SessionId,
        /// What was asked.
        token: Token,
    },
    /// Who came to and went from a filter.
    Presence {
        /// The session that watches.
        session: SessionId,
        /// The subscription that watches.
        subscription: u64,
        /// Names that are now there.
        joined: Vec<Arc<str>>,
        /// Names that are gone.
        left: Vec<Arc<str>>,
    },
    /// Pages of the replays of a lane.
    Replayed {
        /// The session.
        session: SessionId,
        /// The place of the lane among the session's lanes.
        lane: usize,
        /// The ticket with which they were asked for.
        ticket: u32,
        /// The last change of what is retained.
        point: NonZero<u64>,
        /// The pages, as many as there was room for.
        pages: Vec<Page>,
    },
    /// Something about callbacks.
    Callback(CallbackItem),
    /// A question about all sessions, this shard's included.
    Inspect {
        /// The question.
        inspection: Arc<Inspection>,
        /// What the sequencer adds to it.
        overview: Overview,
    },
    /// What a shard has to say to a question that was asked here.
    Inspected {
        /// The question.
        inspection: Arc<Inspection>,
        /// What the sequencer added to it.
        overview: Overview,
        /// What the shard has to say.
        part: Arc<Part>,
    },
    /// Topics that somebody asks about: the shard is to say what it counted of them.
    Topics {
        /// The question.
        inspection: Arc<Inspection>,
        /// The topics.
        page: Arc<TopicsPage>,
    },
    /// What a shard counted of topics that somebody here asks about.
    TopicsCounted {
        /// The question.
        inspection: Arc<Inspection>,
        /// The topics.
        page: Arc<TopicsPage>,
        /// What it counted of each.
        counts: Vec<TopicCounts>,
    },
    /// Topics that are forgotten unless they are used or something of them waits, in a shard that is
    /// to say so.
    Idle {
        /// The number of the question.
        round: u64,
        /// The topics.
        topics: Arc<[TopicId]>,
    },
    /// A topic was forgotten.
    Forgotten {
        /// The topic.
        topic_id: TopicId,
    },
}

impl Item {
    /// What it counts against the bound of an inbox, in bytes.
    pub fn size(&self) -> usize {
        let held = match self {
            Self::Message { publication, .. } | Self::Sent { publication, .. } => {
                publication.parts.len()
            }
            Self::Request { frame, .. } | Self::Reply { frame, .. } => frame.len(),
            Self::Replayed { pages, .. } => pages.iter().map(Page::size).sum(),
            Self::Inspected { part, .. } => part.size(),
            Self::Topics { page, .. } => page.size(),
            Self::TopicsCounted { page, counts, .. } => page.size() + size_of_val(&**counts),
            Self::Idle { topics, .. } => size_of_val::<[TopicId]>(topics),
            Self::Callback(item) => item.held(),
            Self::Presence { joined, left, .. } => (joined.len() + left.len()) * 16,
            _ => 0,
        };
        held + size_of::<Self>()
    }

    /// The session for which alone it is, if it may change what waits in its lanes.
    pub(crate) fn goes_into_lanes_of(&self) -> Option<SessionId> {
        match self {
            Self::Begun { session, .. }
            | Self::Ended { session, .. }
            | Self::Moved { session, .. }
            | Self::Presence { session, .. }
            | Self::Replayed { session, .. } => Some(*session),
            Self::Sent { to: session, .. }
            | Self::Request { provider: session, .. }
            | Self::Cancelled { provider: session, .. } => Some(*session),
            Self::Callback(item) => item.goes_into_lanes_of(),
            Self::Message { .. }
            | Self::Answer { .. }
            | Self::Reply { .. }
            | Self::Inspect { .. }
            | Self::Inspected { .. }
            | Self::Topics { .. }
            | Self::TopicsCounted { .. }
            | Self::Idle { .. }
            | Self::Forgotten { .. } => None,
        }
    }
}

/// The one subscription that a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Addressee {
    /// The session.
    pub session: SessionId,
    /// The subscription's number in the session.
    pub subscription: u64,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A message was accepted.
    Published {
        /// The id of the publish.
        id: u64,
    },
    /// It was carried out.
    Accepted {
        /// The command's id.
        id: u64,
    },
    /// A command about a callback was carried out.
    Callback {
        /// The command's id.
        id: u64,
        /// The callback, or the session.
        callback: CallbackId,
    },
    /// A request won't be answered.
    RequestFailed {
        /// The asker's id for it.
        id: u64,
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
    /// It was refused.
    Rejected {
        /// The command's id; 0 for one that had none.
        id: u64,
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
}
