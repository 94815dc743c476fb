//! What waits for a subscriber that is behind: what of it is still to be delivered, and in which
//! order.
//!
//! A key that waits keeps its place and takes the newest values, or what they are folded into; what
//! they took the place of is told in front of them. What goes at the bound is told where it stood. So for each topic, between
//! any two events that are neither messages nor gaps, what is delivered and what gaps tell is what
//! came.

use std::collections::BTreeMap;

use super::folding::Folding;
use super::load::Load;
use super::lost::Lost;
use super::place::Place;
use super::rules::Kept;
use super::subject::{Index, Subject};
use crate::Event;

/// What waits, place by place.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// By their numbers, which grow. None of them is empty.
    places: BTreeMap<u64, Place>,
    next: u64,
    index: Index,
    load: Load,
    folding: Folding,
    /// The most that a message may have that others were folded into, in bytes.
    folded_bytes_max: usize,
    /// Whether some of it wasn't folded yet.
    unfolded: bool,
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
    pub(super) fn conflate(&mut self, event: Event, kept: Kept) {
        let Some(subject) = Subject::of(&event) else { return self.append(event) };
        let held = self.index.find(subject).and_then(|number| self.places.get_mut(&number));
        if let Some(place) = held.filter(|place| place.subject() == Some(subject)) {
            self.load += Load::of(&event);
            self.load -= place.take_in(event, kept);
            self.unfolded |= kept == Kept::Merged;
        } else {
            self.index.insert(subject, self.next);
            self.push(Load::of(&event), Place::growing(event));
        }
    }

    /// Takes in an event at the end, where nothing comes in later.
    pub(super) fn append(&mut self, event: Event) {
        if Subject::of(&event).is_none() {
            self.index.clear();
        }
        self.push(Load::of(&event), Place::Event(event));
    }

    fn push(&mut self, load: Load, place: Place) {
        self.load += load;
        self.places.insert(self.next, place);
        self.next += 1;
    }

    /// Whether some of what waits is to be folded.
    pub(super) fn is_unfolded(&self) -> bool {
        self.unfolded
    }

    /// Folds what waits, as far as it composes.
    pub(super) fn fold(&mut self) {
        for place in self.places.values_mut() {
            if let Some((gone, come)) = place.fold(&self.folding, self.folded_bytes_max) {
                self.load += come;
                self.load -= gone;
            }
        }
        self.unfolded = false;
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let mut front = self.places.first_entry()?;
        if let Some((gone, come)) = front.get_mut().fold(&self.folding, self.folded_bytes_max) {
            self.load += come;
            self.load -= gone;
        }
        if let Some(gap) = front.get_mut().take_gap() {
            if front.get().is_empty() {
                front.remove();
            }
            return Some(Event::Gap(gap));
        }
        let event = match front.get_mut().take_older() {
            Some(event) => event,
            None => {
                let (number, place) = front.remove_entry();
                self.forget(number, &place);
                place.into_last()?
            }
        };
        self.load -= Load::of(&event);
        Some(event)
    }

    /// Gives up the oldest that is a message or a gap. Returns whether there was one.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let Some((oldest, ledger)) = self.oldest() else { return false };
        let Some(place) = self.places.remove(&oldest) else { return false };
        self.forget(oldest, &place);
        self.load -= place.load();
        let lost = self.places.entry(ledger).or_insert_with(|| Place::Lost(Lost::default()));
        if let Place::Lost(lost) = lost {
            place.drop_into(lost);
        }
        true
    }

    /// The oldest that can go, and where that is told: in the ledger in front of it, or in its
    /// place.
    fn oldest(&self) -> Option<(u64, u64)> {
        let mut ledger = None;
        for (number, place) in &self.places {
            match place {
                Place::Lost(_) => ledger = Some(*number),
                place if place.subject().is_some() => {
                    return Some((*number, ledger.unwrap_or(*number)));
                }
                _ => ledger = None,
            }
        }
        None
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
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Body, Message};

    #[test]
    fn no_key_is_remembered_of_which_nothing_waits() {
        for all_go in [Backlog::drop_oldest, |backlog: &mut Backlog| backlog.pop().is_some()] {
            let mut backlog = Backlog::default();
            for seq in 1..=100 {
                let (topic, body) = (Arc::from("t"), Body::from("x").key((seq / 2).to_string()));
                let message =
                    Message { topic, seq, epoch: 1, time: 0, from: None, body, replayed: false };
                backlog.conflate(Event::Message(message), Kept::Newest(2));
            }
            while all_go(&mut backlog) {}
            assert!(backlog.index.is_empty());
            assert_eq!(backlog.load(), Load::default());
        }
    }
}
