//! Who is subscribed to a filter, for those who asked to be told.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::Inboxes;
use super::groups::addressee;
use crate::command::Purpose;
use crate::few::Few;
use crate::{Addressee, Item, Standing};

/// How many names go into one presence frame, so that a crowd doesn't make a giant of it.
const NAMES_PER_FRAME: usize = 500;

/// Who is subscribed to each filter, by name. A client that is there twice counts once.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    filters: HashMap<Arc<str>, Crowd>,
}

#[derive(Debug, Default)]
struct Crowd {
    names: Few<Arc<str>, u32>,
    /// Most crowds have none.
    #[expect(
        clippy::box_collection,
        reason = "nearly all have none, and a word is less than three"
    )]
    watchers: Option<Box<BTreeSet<Addressee>>>,
}

impl Attendance {
    pub(super) fn join(&mut self, standing: &Standing, out: &mut impl Inboxes) {
        let crowd = self.filters.entry(standing.filter.clone()).or_default();
        let count = crowd.names.get_or_default(standing.name.clone());
        *count += 1;
        if *count == 1 {
            crowd.tell(std::slice::from_ref(&standing.name), &[], out);
        }
        if (standing.purpose == Purpose::Messages { presence: true }) {
            crowd.watchers.get_or_insert_default().insert(addressee(standing));
            crowd.tell_all_to(addressee(standing), out);
        }
    }

    pub(super) fn leave(&mut self, standing: &Standing, out: &mut impl Inboxes) {
        let Some(crowd) = self.filters.get_mut(&standing.filter) else { return };
        crowd.stop_watching(addressee(standing));
        let count = crowd.names.get_mut(&standing.name).expect("who leaves has joined");
        *count -= 1;
        if *count == 0 {
            crowd.names.remove(&standing.name);
            crowd.tell(&[], std::slice::from_ref(&standing.name), out);
        }
        if crowd.names.is_empty() {
            self.filters.remove(&standing.filter);
        }
    }
}

impl Crowd {
    fn tell(&self, joined: &[Arc<str>], left: &[Arc<str>], out: &mut impl Inboxes) {
        for watcher in self.watchers.iter().flat_map(|watchers| watchers.iter()) {
            tell(*watcher, joined.to_vec(), left.to_vec(), out);
        }
    }

    fn stop_watching(&mut self, watcher: Addressee) {
        if let Some(watchers) = &mut self.watchers {
            watchers.remove(&watcher);
            self.watchers.take_if(|watchers| watchers.is_empty());
        }
    }

    fn tell_all_to(&self, watcher: Addressee, out: &mut impl Inboxes) {
        let names: Vec<_> = self.names.keys().cloned().collect();
        for joined in names.chunks(NAMES_PER_FRAME) {
            tell(watcher, joined.to_vec(), Vec::new(), out);
        }
    }
}

fn tell(watcher: Addressee, joined: Vec<Arc<str>>, left: Vec<Arc<str>>, out: &mut impl Inboxes) {
    let Addressee { session, subscription } = watcher;
    out.put(session.shard, Item::Presence { session, subscription, joined, left });
}
