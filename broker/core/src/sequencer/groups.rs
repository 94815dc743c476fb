//! Queue groups: one member for each message.

use std::sync::Arc;

use broker_delivery::Matcher;
use hashbrown::{HashMap, HashSet};
use slab::Slab;

use crate::{Addressee, SessionId, Standing};

/// The queue groups, and the sessions that can't be written to.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: Slab<Group>,
    by_name: HashMap<(Arc<str>, Arc<str>), usize>,
    matcher: Matcher<usize>,
    blocked: HashSet<SessionId>,
}

#[derive(Debug, Default)]
struct Group {
    members: Vec<Addressee>,
    /// Whose turn it is.
    turn: usize,
}

impl Groups {
    pub(super) fn join(&mut self, group: &Arc<str>, standing: &Standing) {
        let key = (group.clone(), standing.filter.clone());
        let place = *self.by_name.entry(key).or_insert_with(|| {
            let place = self.groups.insert(Group::default());
            self.matcher.insert(&standing.filter, place);
            place
        });
        self.groups[place].members.push(addressee(standing));
    }

    pub(super) fn leave(&mut self, group: &Arc<str>, standing: &Standing) {
        let key = (group.clone(), standing.filter.clone());
        let place = self.by_name[&key];
        let members = &mut self.groups[place].members;
        members.retain(|member| *member != addressee(standing));
        if members.is_empty() {
            self.groups.remove(place);
            self.by_name.remove(&key);
            self.matcher.remove(&standing.filter, &place);
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
        self.matcher.for_each_match(topic, |place| wanting.push(*place));
        wanting
    }

    /// Chooses one member in each of the groups.
    pub(super) fn choose(&mut self, groups: &[usize]) -> Vec<Addressee> {
        groups.iter().filter_map(|place| self.choose_member(*place)).collect()
    }

    /// Chooses one member of a group by name, if it still has any.
    pub(super) fn choose_in(&mut self, group: &Arc<str>, filter: &Arc<str>) -> Option<Addressee> {
        let place = *self.by_name.get(&(group.clone(), filter.clone()))?;
        self.choose_member(place)
    }

    fn choose_member(&mut self, place: usize) -> Option<Addressee> {
        let Self { groups, blocked, .. } = self;
        let Group { members, turn } = groups.get_mut(place)?;
        let chosen = take_turn(members, *turn, |member| !blocked.contains(&member.session))?;
        *turn = chosen + 1;
        Some(members[chosen])
    }
}

pub(super) fn addressee(standing: &Standing) -> Addressee {
    Addressee { session: standing.session, subscription: standing.subscription }
}

/// The first that is ready, from `turn` on and round; the one at `turn` if none is.
pub(super) fn take_turn<T>(
    members: &[T],
    turn: usize,
    ready: impl Fn(&T) -> bool,
) -> Option<usize> {
    let count = members.len();
    let places = (0..count).map(|step| (turn + step) % count);
    let mut first = None;
    for place in places {
        if ready(&members[place]) {
            return Some(place);
        }
        first = first.or(Some(place));
    }
    first
}
