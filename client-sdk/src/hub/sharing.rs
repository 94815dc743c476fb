//! Who comes to share a lane with one that had it to itself.

use std::sync::Arc;

use super::wish::{Stage, Target};
use super::{Hub, State, WishId};
use crate::inbox::{Inbox, Pushed};

/// Who had a lane to itself.
pub(super) enum Alone {
    Subscription(WishId, Arc<Inbox>),
    Object,
}

impl Hub {
    /// Another one is about to share a lane that conflates. The answer to it comes in that lane: it mustn't
    /// wait for whoever held the lane's credit as its only one. To be called before the broker is asked.
    pub(super) fn comes_to_share(&self, state: &State, lane: u8) -> Option<Alone> {
        if !self.credit.does_conflate(lane) {
            return None;
        }
        let alone = self.only_one_in(state, lane)?;
        self.credit.comes_to_share(lane);
        Some(alone)
    }

    fn only_one_in(&self, state: &State, lane: u8) -> Option<Alone> {
        let mut begun = state
            .wishes
            .iter()
            .filter(|(_, wish)| wish.choice.lane == lane && matches!(wish.stage, Stage::Begun(_)));
        match (begun.next(), begun.next(), self.callbacks.called_in(lane)) {
            (Some((id, wish)), None, 0) => match &wish.target {
                Target::Inbox(inbox) => Some(Alone::Subscription(*id, Arc::clone(inbox))),
                Target::Provider(_) => None,
            },
            (None, None, 1) => Some(Alone::Object),
            _ => None,
        }
    }

    /// What waits for who was alone is its own from here on. To be called without the lock.
    pub(super) fn disown(&self, alone: Option<Alone>, lane: u8) {
        let (id, inbox) = match alone {
            Some(Alone::Subscription(id, inbox)) => (id, inbox),
            Some(Alone::Object) => {
                let objects = self.callbacks.all_offered();
                let inbox = objects.iter().find_map(|object| object.inbox(lane));
                let Some(inbox) = inbox else { return };
                (WishId::NONE, Arc::clone(inbox))
            }
            None => return,
        };
        if inbox.disown(self.credit.allot(lane, 2)) == Pushed::Overflowed {
            self.counters.subscribers_too_slow.count();
            self.take_wish(id);
        }
    }
}
