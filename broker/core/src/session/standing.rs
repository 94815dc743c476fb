//! The standing wishes of a session.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker_delivery::lane::Item;

use super::Session;
use crate::command::{Purpose, Standing};

/// A standing wish of a session.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) filter: Arc<str>,
    pub(crate) purpose: Purpose,
    /// The place of its lane among the session's lanes.
    pub(crate) lane: usize,
    /// The id of the `subscribe`, to be accepted when it begins.
    pub(crate) command: u64,
    pub(crate) state: Standpoint,
    /// Whether it began with what is retained, or was sent that later: then it is sent it anew where
    /// some of its lane is lost.
    pub(crate) replay: bool,
    /// The lanes that it has left and that may lose some of what it was sent there: a bit for each.
    pub(crate) left: u16,
}

/// How far a subscription came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standpoint {
    /// The sequencer was asked.
    Asked,
    /// It is in force.
    Begun,
    /// Its end was asked for.
    Leaving,
}

impl Session {
    /// Adds a standing wish. Returns its number.
    pub(crate) fn stand(&mut self, wish: Subscription) -> u64 {
        let number = self.next_subscription;
        self.next_subscription += 1;
        if let Some(count) = self.count_of(&wish.purpose) {
            *count += 1;
        }
        self.standing.insert(number, wish);
        number
    }

    /// Takes a standing wish away.
    pub(crate) fn end_standing(&mut self, number: u64) -> Option<Subscription> {
        let wish = self.standing.remove(&number)?;
        if let Some(count) = self.count_of(&wish.purpose) {
            *count -= 1;
        }
        Some(wish)
    }

    /// A standing wish as the sequencer knows it.
    pub(crate) fn standing_of(&self, subscription: u64) -> Option<Standing> {
        let found = self.standing.get(&subscription)?;
        Some(Standing {
            session: self.id,
            name: self.name.clone(),
            subscription,
            filter: found.filter.clone(),
            purpose: found.purpose.clone(),
        })
    }

    /// A membership of a queue group, which may have ended by now.
    pub(crate) fn membership(&self, subscription: u64) -> Option<Standing> {
        let left = || self.dealings.as_ref()?.left.get(&subscription).cloned();
        let standing = self.standing_of(subscription).or_else(left);
        standing.filter(|standing| matches!(standing.purpose, Purpose::Group(_)))
    }

    /// Forgets the memberships that have ended and for which no message waits. Costs a visit to
    /// all that waits, so that it is done once in a turn.
    pub(crate) fn forget_memberships(&mut self) {
        let items = self.lanes.iter().flat_map(|slot| slot.lane.items());
        let addressed = items.filter_map(|item| match item {
            Item::Addressed { subscription, .. } => Some(*subscription),
            _ => None,
        });
        let waited_for: BTreeSet<u64> = addressed.collect();
        if let Some(dealings) = &mut self.dealings {
            dealings.left.retain(|subscription, _| waited_for.contains(subscription));
        }
    }

    /// Whether the sequencer ought to know when the session can't be written to.
    pub(crate) fn takes_turns(&self) -> bool {
        let takes = |one: &Subscription| !matches!(one.purpose, Purpose::Messages { .. });
        self.standing.values().any(takes)
    }

    /// Whether messages of other topics can't come to any of its lanes. Says no where it would
    /// take longer to know.
    pub(crate) fn wants_only(&self, topic: &str) -> bool {
        let roles = self.roles().filter(|roles| !roles.subscribed.is_empty());
        match (roles, self.standing.len()) {
            (None, 1) => self.standing.values().all(|one| *one.filter == *topic),
            (Some(roles), 0) if roles.subscribed.len() == 1 => {
                roles.subscribed.keys().all(|(filter, _)| **filter == *topic)
            }
            _ => false,
        }
    }

    fn count_of(&mut self, purpose: &Purpose) -> Option<&mut u32> {
        match purpose {
            Purpose::Messages { presence: true } => Some(&mut self.watches),
            Purpose::Group(_) => Some(&mut self.memberships),
            Purpose::Messages { presence: false } | Purpose::Requests => None,
        }
    }
}
