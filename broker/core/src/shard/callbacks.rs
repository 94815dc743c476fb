//! Callbacks: offered here, called here, held here.
//!
//! What a callback is lives in its owner's session, who holds it in the holders' shards; between them
//! the sequencer knows the way. All that happens to a callback happens in the one order, so that
//! nothing comes from it behind its end.

mod arrivals;
mod attachers;
mod attachments;
mod calls;
mod holds;
mod offers;
mod owners;

use broker_protocol::ErrorCode;
use broker_protocol::frame::ReleasedReason;

use super::Shard;
use crate::{CallbackItem, Now, Owned};
use attachers::Attachers;
pub(super) use calls::called;
use holds::Holds;
use offers::Tables;
use owners::Sayings;

/// What a shard knows of callbacks beside what its sessions know.
#[derive(Debug)]
pub(super) struct Callbacks {
    /// The `epoch` of all calls: tokens are never used twice.
    epoch: u64,
    /// How many callbacks were offered here so far.
    seen: u64,
    /// How many there are.
    offered: u64,
    tables: Tables,
    holds: Holds,
    attachers: Attachers,
    sayings: Sayings,
    /// Memory in which the topic of a call is written.
    topic: String,
}

impl Callbacks {
    pub(super) fn new(now: Now) -> Self {
        Self {
            epoch: now.wall,
            seen: 0,
            offered: 0,
            tables: Tables::default(),
            holds: Holds::default(),
            attachers: Attachers::default(),
            sayings: Sayings::default(),
            topic: String::new(),
        }
    }

    /// How many are offered by sessions of this shard.
    pub(super) fn offered(&self) -> u64 {
        self.offered
    }

    /// How many are held by them, sessions included.
    pub(super) fn held(&self) -> u64 {
        self.holds.len() as u64
    }
}

impl Shard {
    pub(super) fn about_callbacks(&mut self, item: CallbackItem) {
        match item {
            CallbackItem::Sent(calls) => self.sent_to_callbacks(&calls),
            CallbackItem::Request { to, method, token, id, frame } => {
                self.callback_asked((to, method), (token, id), &frame);
            }
            CallbackItem::Held { holder, callback, there } => self.held(holder, callback, there),
            CallbackItem::Watch { target, holder } => self.watch(target, holder),
            CallbackItem::Minded { callback, to } => self.minded(callback, to),
            CallbackItem::Owner { callback, state } => self.owner(callback, state),
            CallbackItem::Released { callback, reason } => self.released(callback, reason),
            CallbackItem::Over(Owned { owner, number }) => self.callback_over(owner, number),
            CallbackItem::Unheld { callback, reason } => self.unheld(callback, reason),
            CallbackItem::Attach(attachment) => self.attachment_begins(attachment),
            CallbackItem::Detach(attachment) => self.attachment_ends(&attachment),
            CallbackItem::AttacherGone(session) => self.attacher_gone(session),
        }
    }
}

/// What holders are told of a session that the broker ends with this code.
pub(super) fn reason_of(code: ErrorCode) -> ReleasedReason {
    match code {
        ErrorCode::Closed => ReleasedReason::Closed,
        ErrorCode::IdleTimeout => ReleasedReason::TimedOut,
        _ => ReleasedReason::Kicked,
    }
}
