//! Who attached what: an attachment lives as long as one of the sessions that asked for it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use broker_protocol::ErrorCode;
use smallvec::SmallVec;

use crate::session::Offered;
use crate::shard::Shard;
use crate::shard::commands::Refusal;
use crate::{Owned, SessionId};

/// How many sessions an attachment counts at most that asked for it. More are refused.
const ATTACHERS_MAX: usize = 64;

/// Which sessions attached which callbacks of a shard.
#[derive(Debug, Default)]
pub(super) struct Attachers {
    by: BTreeSet<Asked>,
    /// Those that have ended, while not all of theirs was detached.
    leaving: VecDeque<SessionId>,
}

/// A session, and what it attached to what.
type Asked = (SessionId, Owned, Arc<str>);

impl Attachers {
    pub(super) fn are_settled(&self) -> bool {
        self.leaving.is_empty()
    }

    /// The next thing that is attached for a session that has ended.
    pub(super) fn next_left(&mut self) -> Option<Asked> {
        while let Some(session) = self.leaving.front() {
            let first = (*session, Owned::FIRST, Arc::from(""));
            let next = self.by.range(first..).next().filter(|(of, ..)| of == session).cloned();
            if let Some(asked) = next {
                self.by.remove(&asked);
                return Some(asked);
            }
            self.leaving.pop_front();
        }
        None
    }

    /// Something is attached no longer.
    pub(super) fn forget(
        &mut self,
        attachers: SmallVec<[SessionId; 1]>,
        callback: Owned,
        topic: &Arc<str>,
    ) {
        for session in attachers {
            self.by.remove(&(session, callback, topic.clone()));
        }
    }
}

impl Shard {
    /// A session attaches what is offered: it counts, once.
    pub(super) fn note_attacher(
        &mut self,
        callback: Owned,
        topic: &Arc<str>,
        session: SessionId,
    ) -> Result<(), Refusal> {
        let Some(offered) = self.offered_mut(callback) else { return Ok(()) };
        let attachers = offered.use_.get_or_insert_default().topics.get_or_default(topic.clone());
        if attachers.contains(&session) {
            return Ok(());
        }
        if attachers.len() >= ATTACHERS_MAX {
            let message =
                format!("{ATTACHERS_MAX} sessions have attached it there, and no more may");
            return Err(Refusal::new(ErrorCode::Busy, message));
        }
        attachers.push(session);
        self.callbacks.attachers.by.insert((session, callback, topic.clone()));
        Ok(())
    }

    /// A session has ended: what it alone attached is detached.
    pub(super) fn attacher_gone(&mut self, session: SessionId) {
        self.callbacks.attachers.leaving.push_back(session);
        self.settle_some_holds();
    }

    /// A session that has ended attached something: it doesn't count any more.
    pub(super) fn detach_left(&mut self, (session, callback, topic): Asked) {
        let Some(offered) = self.offered_mut(callback) else { return };
        let Some(use_) = &mut offered.use_ else { return };
        let Some(attachers) = use_.topics.get_mut(&topic) else { return };
        attachers.retain(|one| *one != session);
        if attachers.is_empty() {
            use_.topics.remove(&topic);
            let (token, methods) = (offered.token, offered.methods.clone());
            self.attachment_over(callback.owner.slot, token, &topic, &methods);
        }
    }

    fn offered_mut(&mut self, callback: Owned) -> Option<&mut Offered> {
        self.find(callback.owner)?.roles_mut()?.offered.get_mut(&callback.number)
    }
}

impl Owned {
    const FIRST: Self = Self { owner: SessionId::FIRST, number: 0 };
}
