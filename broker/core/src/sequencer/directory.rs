//! Clients by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::SessionId;

/// The sessions of each name; the one that came last is the one that is reached.
///
/// Coming and going cost the logarithm of a name's sessions: clients may all have one name.
#[derive(Debug, Default)]
pub(super) struct Directory {
    names: HashMap<Arc<str>, Namesakes>,
    /// The number under which each session came.
    arrivals: HashMap<SessionId, u64>,
    arrived: u64,
}

/// The sessions of one name, by their arrival.
#[derive(Debug)]
struct Namesakes {
    last: (u64, SessionId),
    earlier: BTreeMap<u64, SessionId>,
}

impl Directory {
    pub(super) fn enter(&mut self, name: &Arc<str>, session: SessionId) {
        self.arrived += 1;
        let last = (self.arrived, session);
        self.arrivals.insert(session, self.arrived);
        match self.names.get_mut(name) {
            Some(namesakes) => {
                let (arrival, before) = std::mem::replace(&mut namesakes.last, last);
                namesakes.earlier.insert(arrival, before);
            }
            None => {
                let earlier = BTreeMap::new();
                self.names.insert(name.clone(), Namesakes { last, earlier });
            }
        }
    }

    pub(super) fn leave(&mut self, name: &Arc<str>, session: SessionId) {
        let Some(arrival) = self.arrivals.remove(&session) else { return };
        let Some(namesakes) = self.names.get_mut(name) else { return };
        if namesakes.last.0 != arrival {
            namesakes.earlier.remove(&arrival);
        } else if let Some(before) = namesakes.earlier.pop_last() {
            namesakes.last = before;
        } else {
            self.names.remove(name);
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<SessionId> {
        Some(self.names.get(name)?.last.1)
    }
}
