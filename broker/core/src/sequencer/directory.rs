//! Clients by name.

use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::SessionId;

/// The sessions of each name; the one that came last is the one that is reached.
#[derive(Debug, Default)]
pub(super) struct Directory {
    sessions: HashMap<Arc<str>, SmallVec<[SessionId; 1]>>,
}

impl Directory {
    pub(super) fn enter(&mut self, name: &Arc<str>, session: SessionId) {
        self.sessions.entry(name.clone()).or_default().push(session);
    }

    pub(super) fn leave(&mut self, name: &Arc<str>, session: SessionId) {
        let Some(sessions) = self.sessions.get_mut(name) else { return };
        sessions.retain(|one| *one != session);
        if sessions.is_empty() {
            self.sessions.remove(name);
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<SessionId> {
        self.sessions.get(name)?.last().copied()
    }
}
