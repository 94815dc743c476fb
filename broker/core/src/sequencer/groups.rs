//! Queue groups: one member for each message.

use std::sync::Arc;

use broker_delivery::Matcher;
use hashbrown::{HashMap, HashSet};

use super::turns::Turns;
use crate::{Addressee, SessionId, Standing};

/// The queue groups, and the sessions that can't be written to.
#[derive(Debug, Default)]
pub(super) struct Groups {
    turns: Turns,
    /// The roster of each group's name and filter.
    by_name: HashMap<(Arc<str>, Arc<str>), usize>,
    matcher: Matcher<usize>,
    blocked: HashSet<SessionId>,
}

impl Groups {
    pub(super) fn join(&mut self, group: &Arc<str>, standing: &Standing) {
        let key = (group.clone(), standing.filter.clone());
        let roster = *self.by_name.entry(key).or_insert_with(|| {
            let roster = self.turns.open();
            self.matcher.insert(&standing.filter, roster);
            roster
        });
        self.turns.join(roster, addressee(standing));
    }

    pub(super) fn leave(&mut self, group: &Arc<str>, standing: &Standing) {
        let key = (group.clone(), standing.filter.clone());
        let roster = self.by_name[&key];
        if self.turns.leave(roster, addressee(standing)) {
            self.by_name.remove(&key);
            self.matcher.remove(&standing.filter, &roster);
        }
    }

    pub(super) fn set_blocked(&mut self, session: SessionId, blocked: bool) {
        if blocked {
            self.blocked.insert(session);
        } else {
            self.blocked.remove(&session);
        }
    }

    pub(super) fn is_blocked(&self, session: SessionId) -> bool {
        self.blocked.contains(&session)
    }

    /// Changes whenever the answer of [`Groups::wanting`] may have changed.
    pub(super) fn generation(&self) -> u64 {
        self.matcher.generation()
    }

    pub(super) fn wanting(&self, topic: &str) -> Vec<usize> {
        let mut wanting = Vec::new();
        self.matcher.for_each_match(topic, |roster| wanting.push(*roster));
        wanting
    }

    /// Chooses one member in each of the groups.
    pub(super) fn choose(&mut self, groups: &[usize]) -> Vec<Addressee> {
        groups.iter().filter_map(|roster| self.choose_member(*roster)).collect()
    }

    /// Chooses one member of a group by name, if it still has any.
    pub(super) fn choose_in(&mut self, group: &Arc<str>, filter: &Arc<str>) -> Option<Addressee> {
        let roster = *self.by_name.get(&(group.clone(), filter.clone()))?;
        self.choose_member(roster)
    }

    fn choose_member(&mut self, roster: usize) -> Option<Addressee> {
        let Self { turns, blocked, .. } = self;
        turns.choose(&[roster], |member| !blocked.contains(&member.session))
    }
}

pub(super) fn addressee(standing: &Standing) -> Addressee {
    Addressee { session: standing.session, subscription: standing.subscription }
}
