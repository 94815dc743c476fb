//! Queue groups: each message to exactly one member.

use std::collections::BTreeMap;

use super::{Judge, Pending, Purpose, Stand, Sub, View, Wrong};
use crate::plan::{TOPICS, matches};

/// A queue group of a filter.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Members that were accepted and haven't asked to leave or ended.
    firm: usize,
    /// Since when there was always at least one.
    since: Option<u64>,
    /// Whom each message was written to.
    written: BTreeMap<usize, usize>,
}

impl Judge {
    pub(super) fn join_group(&mut self, group: &str, filter: &str, lives: bool) {
        let step = self.step;
        let group = self.groups.entry((group.to_owned(), filter.to_owned())).or_default();
        if lives {
            group.firm += 1;
            group.since.get_or_insert(step);
        }
    }

    pub(super) fn leave_group(&mut self, group: &str, filter: &str) {
        let key = (group.to_owned(), filter.to_owned());
        if let Some(group) = self.groups.get_mut(&key) {
            group.firm -= 1;
            if group.firm == 0 {
                group.since = None;
            }
        }
    }

    pub(super) fn leave_groups(&mut self, client: usize) {
        for (group, filter) in self.groups_of(client) {
            self.leave_group(&group, &filter);
        }
    }

    /// A member was told that it misses some, or is gone before it was: what was published before is due
    /// to nobody.
    pub(crate) fn excuse_groups(&mut self, client: usize) {
        let View { subs, pending, .. } = &self.views[client];
        let asked = pending.values().filter_map(|pending| match pending {
            Pending::Stand(sub) => Some(&**sub),
            _ => None,
        });
        let groups: Vec<_> = subs.values().chain(asked).filter_map(Sub::group).collect();
        for key in groups {
            let step = self.step;
            let group = self.groups.entry(key).or_default();
            group.since = group.since.map(|_| step);
        }
    }

    fn groups_of(&self, client: usize) -> Vec<(String, String)> {
        let firm = self.views[client].subs.values().filter(|sub| sub.stand == Stand::Begun);
        firm.filter_map(Sub::group).collect()
    }

    /// A message for one subscription was written: for a member of a group, and no other has it.
    pub(super) fn group_message(
        &mut self,
        client: usize,
        lane: u8,
        to: u64,
        number: usize,
    ) -> Wrong {
        let sub = self.views[client].subs.get(&to).ok_or("a message for no subscription")?;
        let Purpose::Group(group) = &sub.purpose else {
            return Err(format!("subscription {to} is no member of a group"));
        };
        let super::Kind::Publish(topic) = self.truth.records[number].kind else {
            return Err("a group got a message to one client".to_owned());
        };
        if sub.lane != lane || !matches(&sub.filter, TOPICS[topic]) {
            return Err(format!("message {number} isn't for subscription {to} in lane {lane}"));
        }
        let key = (group.clone(), sub.filter.clone());
        let book = self.groups.get_mut(&key).ok_or("a message for a group without members")?;
        match book.written.insert(number, client) {
            None => Ok(()),
            Some(other) => Err(format!("message {number} went to {other} and {client} of {key:?}")),
        }
    }

    pub(super) fn check_groups(&self) -> Wrong {
        for ((name, filter), group) in &self.groups {
            let Some(since) = group.since else { continue };
            let due = self.truth.placed_after(since);
            let mut due = due.filter(|(topic, _)| matches(filter, TOPICS[*topic]));
            if let Some((_, number)) = due.find(|(_, number)| !group.written.contains_key(number)) {
                return Err(format!("message {number} went to no member of {name} on {filter}"));
            }
        }
        Ok(())
    }
}

impl Sub {
    /// The queue group, if it is a membership of one, and its filter.
    fn group(&self) -> Option<(String, String)> {
        match &self.purpose {
            Purpose::Group(group) => Some((group.clone(), self.filter.clone())),
            _ => None,
        }
    }
}
