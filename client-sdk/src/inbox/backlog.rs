//! What waits for a subscriber that is behind: what of it is still to be delivered, and in which
//! order.
//!
//! A key that waits keeps its place and takes the newest values, or what they are folded into; what
//! they took the place of is told in front of them. What goes at the bound is told where it stood. So for each topic, between
//! any two events that are neither messages nor gaps, what is delivered and what gaps tell is what
//! came.

use std::collections::BTreeMap;
use std::ops::Add;
use std::time::Instant;

use super::folding::Folding;
use super::held::Held;
use super::load::Load;
use super::lost::Lost;
use super::place::Place;
use super::rules::Kept;
use super::subject::{Index, Subject};
use crate::Event;
use crate::credit::Owed;

/// What waits, place by place.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// By their numbers, which grow. None of them is empty.
    places: BTreeMap<u64, Standing>,
    next: u64,
    /// No place of the subscriber's own list has a smaller number.
    own_from: u64,
    index: Index,
    /// What the places of the subscriber's own list are.
    load: Load,
    folding: Folding,
    /// The most that a message may have that others were folded into, in bytes.
    folded_bytes_max: usize,
    /// Whether some of it wasn't folded yet.
    unfolded: bool,
}

/// A place, and what is given back when nothing stands there any more.
#[derive(Debug)]
struct Standing {
    place: Place,
    owed: Option<Owed>,
    /// When the oldest that stands here came.
    since: Instant,
}

impl Backlog {
    pub(super) fn new(folding: Folding, folded_bytes_max: usize) -> Self {
        Self { folding, folded_bytes_max, ..Self::default() }
    }

    pub(super) fn load(&self) -> Load {
        self.load
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes in an event: at the place where its subject waits, or else at the end.
    pub(super) fn conflate(&mut self, held: Held, kept: Kept) {
        let Some(subject) = Subject::of(&held.event) else { return self.append(held) };
        let found = self.index.find(subject).and_then(|number| self.places.get_mut(&number));
        let found = found.filter(|standing| standing.place.subject() == Some(subject));
        match found.filter(|standing| standing.may_take_in(&held, kept)) {
            Some(standing) => {
                self.load = standing.take_in(held, kept, self.load);
                self.unfolded |= kept == Kept::Merged;
            }
            None => {
                self.index.insert(subject, self.next);
                self.push(held, Place::growing);
            }
        }
    }

    /// Takes in an event at the end, where nothing comes in later.
    pub(super) fn append(&mut self, held: Held) {
        if Subject::of(&held.event).is_none() {
            self.index.clear();
        }
        self.push(held, Place::Event);
    }

    fn push(&mut self, held: Held, place: impl FnOnce(Event) -> Place) {
        self.load += held.load();
        let Held { event, owed, since } = held;
        self.places.insert(self.next, Standing { place: place(event), owed, since });
        self.next += 1;
    }

    /// Whether some of what waits is to be folded.
    pub(super) fn is_unfolded(&self) -> bool {
        self.unfolded
    }

    /// Folds what waits, as far as it composes.
    pub(super) fn fold(&mut self) {
        for standing in self.places.values_mut() {
            self.load = standing.fold(&self.folding, self.folded_bytes_max, self.load);
        }
        self.unfolded = false;
    }

    /// Gives back what is owed for all that waits: all of it is the subscriber's own list.
    pub(super) fn disown(&mut self) {
        for standing in self.places.values_mut() {
            if standing.owed.take().is_some() {
                self.load += standing.place.load();
            }
        }
        self.own_from = 0;
    }

    pub(super) fn pop(&mut self) -> Option<Held> {
        let mut front = self.places.first_entry()?;
        self.load = front.get_mut().fold(&self.folding, self.folded_bytes_max, self.load);
        let since = front.get().since;
        let of_nobody = |event| Held { event, owed: None, since };
        if let Some(gap) = front.get_mut().place.take_gap() {
            if front.get().place.is_empty() {
                front.remove();
            }
            return Some(of_nobody(Event::Gap(gap)));
        }
        let is_own = front.get().owed.is_none();
        let held = match front.get_mut().place.take_older() {
            Some(event) => {
                // It was this key's turn: what comes of it now waits behind the others.
                if let Some(subject) = front.get().place.subject() {
                    self.index.remove(subject, *front.key());
                }
                of_nobody(event)
            }
            None => {
                let (number, Standing { place, owed, since }) = front.remove_entry();
                self.forget(number, &place);
                Held { event: place.into_last()?, owed, since }
            }
        };
        if is_own {
            self.load -= Load::of(&held.event);
        }
        Some(held)
    }

    /// Gives up the oldest of the subscriber's own list that is a message or a gap. Returns whether
    /// there was one.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let Some((oldest, ledger)) = self.oldest() else { return false };
        let Some(Standing { place, since, .. }) = self.places.remove(&oldest) else { return false };
        self.forget(oldest, &place);
        self.load -= place.load();
        let empty = || Standing { place: Place::Lost(Lost::default()), owed: None, since };
        let standing = self.places.entry(ledger).or_insert_with(empty);
        if let Place::Lost(lost) = &mut standing.place {
            place.drop_into(lost);
        }
        true
    }

    /// The oldest that can go, and where that is told: in the ledger in front of it, or in its
    /// place.
    fn oldest(&mut self) -> Option<(u64, u64)> {
        let droppable =
            |standing: &Standing| standing.owed.is_none() && standing.place.subject().is_some();
        let mut places = self.places.range(self.own_from..);
        let (oldest, _) = places.find(|(_, standing)| droppable(standing))?;
        self.own_from = *oldest;
        let before = self.places.range(..self.own_from).next_back();
        let ledger = before.filter(|(_, standing)| matches!(standing.place, Place::Lost(_)));
        Some((self.own_from, ledger.map_or(self.own_from, |(number, _)| *number)))
    }

    fn forget(&mut self, number: u64, place: &Place) {
        if let Some(subject) = place.subject() {
            self.index.remove(subject, number);
        }
    }

    /// Discards everything.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.folding.clone(), self.folded_bytes_max);
    }

    /// All that waits, and since when the oldest does.
    pub(super) fn all(&self) -> (Load, Option<Instant>) {
        let loads = self.places.values().map(|standing| standing.place.load());
        let since = self.places.values().map(|standing| standing.since).min();
        (loads.fold(Load::default(), Add::add), since)
    }
}

impl Standing {
    /// Whether an event may join. What is merged isn't thinned out as it comes: so that each list
    /// counts what it holds, what the credit bounds stands apart from the subscriber's own. And what
    /// holds credit of different lanes always does.
    fn may_take_in(&self, held: &Held, kept: Kept) -> bool {
        match (&self.owed, &held.owed) {
            (Some(owed), Some(more)) => owed.account().is_same_lane(more.account()),
            (owed, more) => kept != Kept::Merged || owed.is_some() == more.is_some(),
        }
    }

    /// Folds what came into what waited. Returns the load of the subscriber's own list, which was
    /// `load`.
    fn fold(&mut self, folding: &Folding, bytes_max: usize, mut load: Load) -> Load {
        if let Some((gone, come)) = self.place.fold(folding, bytes_max)
            && self.owed.is_none()
        {
            load += come;
            load -= gone;
        }
        load
    }

    /// Takes in a newer event of the same subject. Returns the load of the subscriber's own list,
    /// which was `load`.
    fn take_in(&mut self, held: Held, kept: Kept, mut load: Load) -> Load {
        let Held { event, owed, since } = held;
        if self.owed.is_none() && owed.is_some() {
            load -= self.place.load();
        }
        match (&mut self.owed, owed) {
            (Some(owed), Some(more)) => owed.join(more),
            (owed @ None, Some(more)) => *owed = Some(more),
            (_, None) => {}
        }
        let more = Load::of(&event);
        let gone = self.place.take_in(event, kept);
        if self.owed.is_none() {
            load += more;
            load -= gone;
        }
        if kept == Kept::Newest(1) {
            self.since = since;
        }
        load
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Body, Message};

    fn message(seq: u64, key: &str) -> Event {
        let (topic, body) = (Arc::from("t"), Body::from("x").key(key));
        Event::Message(Message { topic, seq, epoch: 1, time: 0, from: None, body, replayed: false })
    }

    #[test]
    fn a_key_whose_turn_has_begun_takes_nothing_in_so_that_the_others_have_theirs() {
        let mut backlog = Backlog::default();
        let keys = ["often", "seldom", "often", "often"].into_iter().chain(["often"; 5]);
        let mut come = (1..).zip(keys).map(|(seq, key)| message(seq, key).into());
        come.by_ref().take(4).for_each(|held| backlog.conflate(held, Kept::Newest(3)));
        let taken: Vec<_> = come
            .map(|held| {
                let popped = backlog.pop().expect("something waits");
                backlog.conflate(held, Kept::Newest(3));
                popped.event
            })
            .collect();
        assert!(taken.contains(&message(2, "seldom")), "{taken:?}");
    }

    #[test]
    fn no_key_is_remembered_of_which_nothing_waits() {
        for all_go in [Backlog::drop_oldest, |backlog: &mut Backlog| backlog.pop().is_some()] {
            let mut backlog = Backlog::default();
            for seq in 1..=100 {
                backlog.conflate(message(seq, &(seq / 2).to_string()).into(), Kept::Newest(2));
            }
            while all_go(&mut backlog) {}
            assert!(backlog.index.is_empty());
            assert_eq!(backlog.load(), Load::default());
        }
    }
}
