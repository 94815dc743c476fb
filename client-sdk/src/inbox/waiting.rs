//! The rule of an inbox: what of the events that come in reaches the subscriber.
//!
//! For who keeps up it is a plain queue. Only what comes while the subscriber is busy, with
//! something waiting already, or above the bound, is a [`Backlog`].

use std::collections::VecDeque;
use std::ops::Add;
use std::time::Instant;

use super::backlog::Backlog;
use super::folding::Folding;
use super::held::Held;
use super::load::Load;
use super::rules::{AtBound, Bound, Kept, Rules};
use crate::{Ended, Event};

/// What the subscriber does at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// It waits, or is about to come for the first event.
    Ready,
    /// It works on what it took.
    Busy,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits, or came too late to be wanted.
    Done,
    /// It came at the bound: the subscription has ended.
    Overflowed,
}

/// What waits for a subscriber.
#[derive(Debug)]
pub(super) struct Waiting {
    /// What the subscriber is behind with.
    backlog: Backlog,
    /// What came since, as it came.
    arrivals: VecDeque<Held>,
    /// What those of them are that are the subscriber's own list.
    arrived: Load,
    /// What is owed for all that waits, in bytes.
    owed: u64,
    bound: Bound,
    rules: Rules,
    ended: bool,
}

impl Waiting {
    pub(super) fn new(bound: Bound, rules: Rules) -> Self {
        let (arrivals, arrived) = (VecDeque::new(), Load::default());
        let backlog = Backlog::new(Folding::default(), bound.bytes);
        let (owed, ended) = (0, false);
        Self { backlog, arrivals, arrived, owed, bound, rules, ended }
    }

    /// Folds by a rule of the program's own where it is to be folded.
    pub(super) fn with_folding(mut self, folding: Folding) -> Self {
        self.backlog = Backlog::new(folding, self.bound.bytes);
        self
    }

    pub(super) fn bound(&self) -> Bound {
        self.bound
    }

    pub(super) fn rules(&self) -> Rules {
        self.rules
    }

    pub(super) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// After the end of the subscription nothing is taken any more. What is owed above `owed_max` is
    /// given back at once, and the event is the subscriber's own.
    pub(super) fn push(&mut self, mut held: Held, owed_max: u64, reader: Reader) -> Pushed {
        if self.ended {
            return Pushed::Done;
        }
        if self.owed > 0 && self.owed + held.owed_bytes() > owed_max {
            held.owed = None;
        }
        let conflates = self.rules.kept != Kept::All;
        let behind = conflates && reader == Reader::Busy && !self.is_empty();
        let load = held.load();
        let has_room = held.owed.is_some() || (self.load() + load).fits(self.bound);
        if !has_room && !conflates && self.rules.at_bound == AtBound::End {
            return self.overflow();
        }
        self.arrive(held);
        if behind || !has_room {
            self.fall_behind();
            return self.keep_bound();
        }
        Pushed::Done
    }

    pub(super) fn pop(&mut self) -> Option<Held> {
        let held = match self.backlog.pop() {
            Some(held) => held,
            None => {
                let held = self.arrivals.pop_front()?;
                self.arrived -= held.load();
                held
            }
        };
        self.owed -= held.owed_bytes();
        Some(held)
    }

    /// Ends the subscription behind what waits.
    pub(super) fn end(&mut self, ended: Ended) {
        if !self.ended {
            self.ended = true;
            self.arrive(Event::Ended(ended).into());
        }
    }

    /// Discards what waits, all but the end.
    pub(super) fn discard(&mut self) {
        self.backlog.clear();
        self.arrivals.retain(|held| matches!(held.event, Event::Ended(_)));
        self.arrived = self.arrivals.iter().map(Held::load).fold(Load::default(), Add::add);
        self.owed = 0;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    fn is_empty(&self) -> bool {
        self.backlog.is_empty() && self.arrivals.is_empty()
    }

    pub(super) fn load(&self) -> Load {
        self.backlog.load() + self.arrived
    }

    /// All that waits, and since when the oldest does.
    pub(super) fn all(&self) -> (Load, Option<Instant>) {
        let (load, since) = self.backlog.all();
        let arrived = self.arrivals.iter().map(|held| Load::of(&held.event));
        let first = self.arrivals.front().map(|held| held.since);
        (arrived.fold(load, Add::add), since.into_iter().chain(first).min())
    }

    fn arrive(&mut self, held: Held) {
        self.arrived += held.load();
        self.owed += held.owed_bytes();
        self.arrivals.push_back(held);
    }

    fn fall_behind(&mut self) {
        self.arrived = Load::default();
        for held in self.arrivals.drain(..) {
            match self.rules.kept {
                Kept::All => self.backlog.append(held),
                kept => self.backlog.conflate(held, kept),
            }
        }
    }

    /// What is to be folded may wait up to twice the bound: so each message is read as often as there
    /// is much to be folded, not each time that one comes.
    fn keep_bound(&mut self) -> Pushed {
        if self.backlog.is_unfolded() {
            if self.backlog.load().fits(self.bound.twice()) {
                return Pushed::Done;
            }
            self.backlog.fold();
        }
        while !self.backlog.load().fits(self.bound) {
            if self.rules.at_bound == AtBound::End || !self.backlog.drop_oldest() {
                return self.overflow();
            }
        }
        Pushed::Done
    }

    fn overflow(&mut self) -> Pushed {
        let Load { messages, bytes } = self.load();
        self.end(Ended::TooSlow { messages, bytes });
        Pushed::Overflowed
    }
}
