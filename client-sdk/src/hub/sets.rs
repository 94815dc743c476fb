//! Sets of callbacks: what they have attached, in each session anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use broker_protocol::frame::{ClientFrame, Detach};

use super::Hub;
use super::anew::Attached;
use crate::interface::Members;

/// The sets that there are.
#[derive(Default)]
pub(super) struct Sets {
    /// By their numbers.
    all: BTreeMap<u64, Weak<Members>>,
    /// How many there were so far.
    made: u64,
}

impl Hub {
    /// Detaches a callback, without waiting for the answer.
    pub(crate) fn say_detach(&self, topic: String, callback: String) {
        let detach = |id| ClientFrame::Detach(Detach { id, topic, callback });
        self.say_in_session(detach, None);
    }

    /// A set begins: what is in it is attached in each session. Returns its number.
    pub(crate) fn begin_set(&self, members: &Weak<Members>) -> u64 {
        let mut known = self.callbacks.lock();
        let sets = &mut known.sets;
        sets.made += 1;
        sets.all.insert(sets.made, Weak::clone(members));
        sets.made
    }

    pub(crate) fn end_set(&self, number: u64) {
        let set = self.callbacks.lock().sets.all.remove(&number);
        drop(set);
    }

    /// All sets that there are.
    pub(super) fn sets(&self) -> Vec<Arc<Members>> {
        self.callbacks.lock().sets.all.values().filter_map(Weak::upgrade).collect()
    }

    /// What couldn't be attached is in its set no longer.
    pub(super) fn leave_set(&self, attached: &Attached) {
        let set = self.callbacks.lock().sets.all.get(&attached.set).and_then(Weak::upgrade);
        if let Some(members) = set {
            members.forget(&attached.token);
        }
    }
}
