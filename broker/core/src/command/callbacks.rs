//! What a shard asks about callbacks.

use std::sync::Arc;

use broker_protocol::frame::{OwnerState, ReleasedReason};

use crate::callback::Methods;
use crate::{CallbackId, SessionId, ShardId, Span, Token};

/// One thing asked about callbacks.
#[derive(Debug)]
pub enum CallbackCommand {
    /// A callback can be called from here on.
    Offer {
        /// Who offers it.
        owner: SessionId,
        /// Its number in the owner's shard.
        number: u64,
        /// Its token.
        callback: CallbackId,
        /// What it can be called by.
        methods: Arc<Methods>,
    },
    /// A call that isn't answered.
    Send {
        /// The sender, and the id to acknowledge, if any.
        from: (SessionId, Option<u64>),
        /// Whom it is for.
        callback: CallbackId,
        /// The method's name.
        method: Span,
        /// The message without its place in the order.
        parts: Span,
        /// After how many milliseconds it isn't worth delivering any more.
        expires_in: Option<u64>,
    },
    /// A call that is answered.
    Request {
        /// The asker, and its id for it.
        from: (SessionId, u64),
        /// Its token, made by the asker's shard.
        token: Token,
        /// Whom it is for.
        callback: CallbackId,
        /// The method's name.
        method: Span,
        /// The routed `request` frame, in bincode.
        frame: Span,
    },
    /// A session keeps a callback, or wants to know of a session's end.
    Hold {
        /// The session, and the id of the command.
        holder: (SessionId, u64),
        /// What it holds.
        callback: CallbackId,
        /// Whether it didn't before.
        counts: bool,
        /// Whether it wants to know when its owner is away, and back.
        presence: bool,
    },
    /// The owner of a callback that somebody minds, or such a session, is away, or back.
    Owner {
        /// The callback or session.
        callback: CallbackId,
        /// What has become of it.
        state: OwnerState,
    },
    /// Whether a session is there that somebody wants to hold.
    Watched {
        /// The session.
        target: SessionId,
        /// Who holds it, and the id of the command.
        holder: (SessionId, u64),
        /// Whether it is there.
        there: bool,
    },
    /// A session keeps a callback no longer.
    LetGo {
        /// The callback.
        callback: CallbackId,
        /// How it came to that.
        reason: ReleasedReason,
    },
    /// A session releases a callback, which is over if it is its own.
    Release {
        /// The session.
        session: SessionId,
        /// The callback.
        callback: CallbackId,
    },
    /// A callback, or a session that somebody holds, is over.
    Over {
        /// What is over.
        callback: CallbackId,
        /// How it came to that.
        reason: ReleasedReason,
    },
    /// A callback is subscribed to a topic, for each of its methods.
    Attach {
        /// Who says so, and the id of the command.
        from: (SessionId, u64),
        /// The callback.
        callback: CallbackId,
        /// The topic.
        topic: Span,
    },
    /// The end of that.
    Detach {
        /// Who says so, and the id of the command.
        from: (SessionId, u64),
        /// The callback.
        callback: CallbackId,
        /// The topic.
        topic: Span,
    },
    /// What an attachment began for a shard is wanted no longer.
    Unwanted {
        /// The shard.
        shard: ShardId,
        /// The topic.
        topic: Arc<str>,
        /// The methods.
        methods: Arc<Methods>,
    },
}
