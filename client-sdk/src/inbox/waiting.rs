//! The rule of an inbox: what of the events that come in reaches the subscriber.
//!
//! For who keeps up it is a plain queue. Only what comes while the subscriber is busy, with
//! something waiting already, or above the bound, is a [`Backlog`].

use std::collections::VecDeque;
use std::ops::Add;
use std::sync::Arc;
use std::time::Instant;

use super::arrived::Arrived;
use super::backlog::Backlog;
use super::folding::Folding;
use super::held::Held;
use super::load::Load;
use super::rules::{AtBound, Bound, Kept, Rules};
use super::run::Run;
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
    /// The run that the subscriber works through. It has what waits of it counted.
    begun: Option<Arc<Run>>,
    /// What came since, as it came.
    arrivals: VecDeque<Arrived>,
    /// What those of them are that are the subscriber's own list.
    arrived: Load,
    /// What is owed for all but what is left of the run, in bytes.
    owed: u64,
    bound: Bound,
    rules: Rules,
    ended: bool,
}

impl Waiting {
    pub(super) fn new(bound: Bound, rules: Rules) -> Self {
        let (arrivals, arrived) = (VecDeque::new(), Load::default());
        let backlog = Backlog::new(Folding::default(), bound.bytes);
        let (begun, owed, ended) = (None, 0, false);
        Self { backlog, begun, arrivals, arrived, owed, bound, rules, ended }
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
        let (owed, conflates) = (self.owed(), self.rules.kept != Kept::All);
        // Of what is kept whole a large message may wait alone: its own list might have no room for it.
        let may_be_larger = owed == 0 && !conflates;
        if !may_be_larger && owed.saturating_add(held.owed_bytes()) > owed_max {
            held.owed = None;
        }
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

    /// Takes in a run: whole, if each of its messages would only have to wait, and as its messages
    /// otherwise.
    pub(super) fn push_run(&mut self, run: Run, owed_max: u64, reader: Reader) -> Pushed {
        let may_conflate = self.rules.kept != Kept::All && reader == Reader::Busy;
        let has_room = (self.load() + run.load()).fits(self.bound)
            && self.owed().saturating_add(run.owed_bytes()) <= owed_max;
        if has_room && !may_conflate && !self.ended {
            self.arrived += run.load();
            self.owed += run.owed_bytes();
            self.arrivals.push_back(Arrived::Run(Arc::new(run)));
            return Pushed::Done;
        }
        let mut pushed = Pushed::Done;
        while let Some(held) = run.take() {
            if self.push(held, owed_max, reader) == Pushed::Overflowed {
                pushed = Pushed::Overflowed;
            }
        }
        pushed
    }

    /// Gives back what is owed for all that waits, if it is more than this and conflates.
    pub(super) fn disown(&mut self, owed_max: u64) -> Pushed {
        if self.rules.kept == Kept::All || self.owed() <= owed_max {
            return Pushed::Done;
        }
        self.fall_behind();
        self.backlog.disown();
        self.owed = 0;
        self.keep_bound()
    }

    /// Takes the next event.
    pub(super) fn pop(&mut self) -> Option<Held> {
        match self.take()? {
            Arrived::Event(held) => Some(held),
            Arrived::Run(run) => run.take(),
        }
    }

    /// Takes the next event, or the next run.
    pub(super) fn take(&mut self) -> Option<Arrived> {
        if let Some(held) = self.backlog.pop() {
            self.owed -= held.owed_bytes();
            return Some(Arrived::Event(held));
        }
        if let Some(run) = self.begun.take().filter(|run| run.waiting().messages > 0) {
            return Some(Arrived::Run(self.begin(run)));
        }
        let taken = self.arrivals.pop_front()?;
        self.arrived -= taken.load();
        self.owed -= taken.owed_bytes();
        Some(match taken {
            Arrived::Event(held) => Arrived::Event(held),
            Arrived::Run(run) => Arrived::Run(self.begin(run)),
        })
    }

    fn begin(&mut self, run: Arc<Run>) -> Arc<Run> {
        Arc::clone(self.begun.insert(run))
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
        self.begun.take().iter().for_each(|run| run.discard());
        self.arrivals.retain(Arrived::is_end);
        self.arrived = self.arrivals.iter().map(Arrived::load).fold(Load::default(), Add::add);
        self.owed = 0;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    fn is_empty(&self) -> bool {
        let is_worked_through = |run: &Arc<Run>| run.waiting().messages == 0;
        self.backlog.is_empty()
            && self.begun.as_ref().is_none_or(is_worked_through)
            && self.arrivals.is_empty()
    }

    pub(super) fn load(&self) -> Load {
        let begun = self.begun.as_ref().map_or(Load::default(), |run| run.load());
        self.backlog.load() + begun + self.arrived
    }

    fn owed(&self) -> u64 {
        self.owed + self.begun.as_ref().map_or(0, |run| run.owed_bytes())
    }

    /// All that waits, and since when the oldest does.
    pub(super) fn all(&self) -> (Load, Option<Instant>) {
        let (load, since) = self.backlog.all();
        let begun = self.begun.iter().map(|run| (run.waiting(), run.shared().since));
        let begun = begun.filter(|(load, _)| load.messages > 0);
        let arrived = self.arrivals.iter().map(Arrived::waits);
        begun.chain(arrived).fold((load, since), |(sum, since), (load, came)| {
            (sum + load, since.into_iter().chain([came]).min())
        })
    }

    fn arrive(&mut self, held: Held) {
        self.arrived += held.load();
        self.owed += held.owed_bytes();
        self.arrivals.push_back(Arrived::Event(held));
    }

    /// What is left of the run that was begun, and what came since, is what it is behind with.
    fn fall_behind(&mut self) {
        self.arrived = Load::default();
        let arrivals = std::mem::take(&mut self.arrivals);
        if let Some(run) = self.begun.take() {
            for held in run.take_rest() {
                self.owed += held.owed_bytes();
                self.fall_behind_with(held);
            }
        }
        for taken in arrivals {
            match taken {
                Arrived::Event(held) => self.fall_behind_with(held),
                Arrived::Run(run) => {
                    run.take_rest().for_each(|held| self.fall_behind_with(held));
                }
            }
        }
    }

    fn fall_behind_with(&mut self, held: Held) {
        match self.rules.kept {
            Kept::All => self.backlog.append(held),
            kept => self.backlog.conflate(held, kept),
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
