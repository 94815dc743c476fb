//! Who comes to share a lane with one that had it to itself.

use std::sync::Arc;

use super::wish::Target;
use super::{Hub, State, WishId};
use crate::inbox::{Inbox, Pushed};

/// Who had a lane to itself.
pub(super) enum Alone {
    Subscription(WishId, Arc<Inbox>),
    Object,
}

impl Hub {
    /// Who has a lane that conflates to itself, when another one is about to share it. The answer to that
    /// comes in the lane: it mustn't wait for whoever held its credit as its only one. To be called before
    /// the broker is asked.
    pub(super) fn alone_in(&self, state: &State, lane: u8) -> Option<Alone> {
        self.alone_beside(state, lane, None)
    }

    /// The same, where the other one is a wish that moves.
    pub(super) fn alone_beside(
        &self,
        state: &State,
        lane: u8,
        moving: Option<WishId>,
    ) -> Option<Alone> {
        self.credit.does_conflate(lane).then(|| self.only_one_in(state, lane, moving)).flatten()
    }

    fn only_one_in(&self, state: &State, lane: u8, moving: Option<WishId>) -> Option<Alone> {
        // Who leaves holds what it holds until then.
        let others = state.wishes.iter().filter(|(id, _)| Some(**id) != moving);
        let mut begun = others.filter(|(_, wish)| wish.is_in(lane));
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
        if inbox.disown(self.credit.part(lane, 2)) == Pushed::Overflowed {
            self.counters.subscribers_too_slow.count();
            self.take_wish(id);
        }
    }
}
