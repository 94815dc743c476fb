//! A session's part in callbacks: those that it offers, and those that it holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker_protocol::frame::OwnerState;
use smallvec::SmallVec;

use crate::few::Few;
use crate::{CallbackId, Methods, SessionId, Token};

/// A session's part in callbacks.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    /// The callbacks that it offers, by their numbers in the shard.
    pub(crate) offered: Few<u64, Offered>,
    /// Requests for one of them that it is to answer.
    pub(crate) asked: BTreeSet<(u64, Token)>,
    /// What attachments subscribe it to: filters, and the places of their lanes, each with the number
    /// of callbacks that share it.
    pub(crate) subscribed: Few<(Arc<str>, usize), u32>,
    /// What all attachments count for: their methods.
    pub(crate) attached: usize,
    /// What it holds. A hold that isn't in force yet has the id of its command, others have 0.
    pub(crate) holds: Few<CallbackId, u64>,
    /// Those of them of whose owners it wants to know whether they are away.
    pub(crate) minds: Few<CallbackId, Minded>,
    /// Whether the sequencer is to be told of its end.
    pub(crate) watched: bool,
    /// Whether the sequencer is to be told when it is away.
    pub(crate) minded: bool,
}

/// What a session that wants to know where an owner is knows of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Minded {
    /// The id of the command that asked last.
    pub(crate) asked_by: u64,
    /// What it was told, if that is known.
    pub(crate) known: Option<OwnerState>,
}

/// A callback that a session offers.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(crate) token: CallbackId,
    pub(crate) methods: Arc<Methods>,
    /// Once it was called or attached.
    pub(crate) use_: Option<Box<Use>>,
}

/// What has become of a callback.
#[derive(Debug, Default)]
pub(crate) struct Use {
    /// The last `seq` of each method, by the methods' places.
    pub(crate) seqs: Vec<u64>,
    /// The method that was called last, and the topic of that: mostly the next one's too.
    pub(crate) last_called: Option<(u8, Arc<str>)>,
    /// The topics to which it is attached, each with the sessions that attached it.
    pub(crate) topics: Few<Arc<str>, SmallVec<[SessionId; 1]>>,
    /// Whether somebody wants to know when its owner is away.
    pub(crate) minded: bool,
}

impl Roles {
    /// It holds something no longer. Returns whether it did.
    pub(crate) fn let_go(&mut self, callback: CallbackId) -> bool {
        self.minds.remove(&callback);
        self.holds.remove(&callback).is_some()
    }

    /// Whether nothing is left of it.
    pub(crate) fn are_over(&self) -> bool {
        let Self { offered, asked, subscribed, holds, watched, .. } = self;
        let offers = !(offered.is_empty() && asked.is_empty() && subscribed.is_empty());
        !offers && holds.is_empty() && !watched
    }
}

impl Offered {
    /// The `seq` of the next call of a method, which isn't counted yet, and the topic of its calls, which is
    /// made if it isn't known.
    pub(crate) fn next_call(
        &mut self,
        method: u8,
        topic: impl FnOnce() -> Arc<str>,
    ) -> (u64, Arc<str>) {
        let Use { seqs, last_called, .. } = &mut **self.use_.get_or_insert_default();
        let topic = match last_called {
            Some((last, topic)) if *last == method => topic.clone(),
            _ => last_called.insert((method, topic())).1.clone(),
        };
        if seqs.is_empty() {
            seqs.resize(self.methods.len(), 0);
        }
        (seqs[usize::from(method)] + 1, topic)
    }

    /// Counts the calls of a method in front of `seq`.
    pub(crate) fn called_until(&mut self, method: u8, seq: u64) {
        if let Some(used) = &mut self.use_ {
            used.seqs[usize::from(method)] = seq - 1;
        }
    }
}
