//! What the sequencer tells a shard about callbacks.

use std::sync::Arc;

use broker_protocol::frame::{OwnerState, ReleasedReason};
use bytes::Bytes;

use super::SentCalls;
use crate::callback::Methods;
use crate::{CallbackId, SessionId, Token};

/// A callback as its owner's shard knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owned {
    /// Who offered it.
    pub owner: SessionId,
    /// Its number in that shard.
    pub number: u64,
}

/// What becomes of a callback and a topic.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// The callback.
    pub callback: Owned,
    /// The topic.
    pub topic: Arc<str>,
    /// The methods that are subscribed to.
    pub methods: Arc<Methods>,
    /// Who said so, and the id of the command.
    pub from: (SessionId, u64),
    /// The callback as who said so knows it.
    pub id: CallbackId,
}

/// One thing that the sequencer tells a shard about callbacks.
#[derive(Debug, Clone)]
pub enum CallbackItem {
    /// Calls that aren't answered.
    Sent(SentCalls),
    /// A call that is to be answered.
    Request {
        /// Whom it is for.
        to: Owned,
        /// The method's place.
        method: u8,
        /// What to reply to.
        token: Token,
        /// The asker's id for it.
        id: u64,
        /// The routed `request` frame, in bincode.
        frame: Bytes,
    },
    /// Whether a session holds what it wished to hold.
    Held {
        /// The session, and the id of the command.
        holder: (SessionId, u64),
        /// What it wished to hold.
        callback: CallbackId,
        /// Whether that is there.
        there: bool,
    },
    /// Somebody wants to hold a session of this shard.
    Watch {
        /// The session.
        target: SessionId,
        /// Who holds it, and the id of the command.
        holder: (SessionId, u64),
    },
    /// Somebody wants to know when the owner of a callback of this shard, or a session, is away.
    Minded {
        /// The callback, or session.
        callback: CallbackId,
        /// The callback at its owner, who alone counts where it is a session.
        to: Owned,
    },
    /// The owner of what sessions of this shard hold, or held, is away, or back.
    Owner {
        /// What they hold.
        callback: CallbackId,
        /// What has become of its owner.
        state: OwnerState,
    },
    /// Something is over that sessions of this shard hold, or held.
    Released {
        /// What is over.
        callback: CallbackId,
        /// How it came to that.
        reason: ReleasedReason,
    },
    /// A callback of this shard is over, since its owner released it.
    Over(Owned),
    /// Nobody holds a callback of this shard any more.
    Unheld {
        /// The callback.
        callback: Owned,
        /// How the last one that held it went.
        reason: ReleasedReason,
    },
    /// A callback of this shard is subscribed to a topic from here on.
    Attach(Attachment),
    /// The end of that.
    Detach(Attachment),
    /// A session has ended that attached callbacks of this shard.
    AttacherGone(SessionId),
}

impl CallbackItem {
    /// The session for which alone it is, if it may change what waits in its lanes; who holds something
    /// is told with frames, and calls are for many.
    pub(super) fn goes_into_lanes_of(&self) -> Option<SessionId> {
        match self {
            Self::Request { to: owned, .. }
            | Self::Over(owned)
            | Self::Unheld { callback: owned, .. } => Some(owned.owner),
            Self::Attach(attachment) | Self::Detach(attachment) => Some(attachment.callback.owner),
            Self::Held { holder: (session, _), .. } => Some(*session),
            Self::Sent(_)
            | Self::Watch { .. }
            | Self::Released { .. }
            | Self::Minded { .. }
            | Self::AttacherGone(_)
            | Self::Owner { .. } => None,
        }
    }

    /// The bytes that it holds.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Sent(calls) => calls.held(),
            Self::Request { frame, .. } => frame.len(),
            Self::Attach(attachment) | Self::Detach(attachment) => attachment.topic.len(),
            _ => 0,
        }
    }
}
