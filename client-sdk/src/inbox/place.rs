//! One place among what waits, and what stands there.

use std::collections::VecDeque;

use super::folding::Folding;
use super::load::Load;
use super::lost::Lost;
use super::rules::Kept;
use super::subject::Subject;
use crate::{Event, Gap, GapCause, Message};

/// What stands at one place.
#[derive(Debug)]
pub(super) enum Place {
    /// What came, as it came.
    Event(Event),
    /// What waits of one key.
    Values(Values),
    /// What was left out here.
    Lost(Lost),
}

/// The newest messages of one key; at least one.
#[derive(Debug)]
pub(super) struct Values {
    /// What they took the place of, told before them: one for each cause.
    skipped: VecDeque<Gap>,
    newest: VecDeque<Message>,
    /// How many of them weren't folded yet.
    unfolded: usize,
}

impl Place {
    /// A place that may take in more of the same.
    pub(super) fn growing(event: Event) -> Self {
        match event {
            Event::Message(message) => {
                // Room for this one alone: most keys never have two.
                let newest = VecDeque::from([message]);
                Self::Values(Values { skipped: VecDeque::new(), newest, unfolded: 0 })
            }
            event => Self::Event(event),
        }
    }

    /// Takes in a newer event of the same subject. Returns what doesn't wait any more.
    pub(super) fn take_in(&mut self, event: Event, kept: Kept) -> Load {
        match (self, event) {
            (Self::Values(values), Event::Message(message)) => values.take_in(message, kept),
            (Self::Event(Event::Gap(told)), Event::Gap(gap)) => {
                told.absorb(&gap);
                Load::of(&Event::Gap(gap))
            }
            (place, event) => unreachable!("{event:?} has another subject than {place:?}"),
        }
    }

    /// Folds what came into what waited. Returns what doesn't wait any more, and what does instead.
    pub(super) fn fold(&mut self, folding: &Folding, bytes_max: usize) -> Option<(Load, Load)> {
        match self {
            Self::Values(values) if values.unfolded > 0 => Some(values.fold(folding, bytes_max)),
            _ => None,
        }
    }

    /// What it is about; `None` where nothing more may come in.
    pub(super) fn subject(&self) -> Option<Subject<'_>> {
        match self {
            Self::Event(event) => Subject::of(event),
            Self::Values(values) => values.newest.front().map(Subject::of_message),
            Self::Lost(_) => None,
        }
    }

    /// Takes a gap that is to be told before what else stands here.
    pub(super) fn take_gap(&mut self) -> Option<Gap> {
        match self {
            Self::Values(values) => values.skipped.pop_front(),
            Self::Lost(lost) => lost.take(),
            Self::Event(_) => None,
        }
    }

    /// Takes the oldest of several values.
    pub(super) fn take_older(&mut self) -> Option<Event> {
        match self {
            Self::Values(values) if values.newest.len() > 1 => {
                values.newest.pop_front().map(Event::Message)
            }
            _ => None,
        }
    }

    /// The last event that stands here.
    pub(super) fn into_last(self) -> Option<Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Values(mut values) => values.newest.pop_back().map(Event::Message),
            Self::Lost(_) => None,
        }
    }

    /// Gives it up to the ledger.
    pub(super) fn drop_into(self, lost: &mut Lost) {
        let dropped = |message| Gap::instead_of(&message, GapCause::SlowSubscriber);
        match self {
            Self::Event(Event::Message(message)) => lost.add(dropped(message)),
            Self::Event(Event::Gap(gap)) => lost.add(gap),
            Self::Values(Values { skipped, newest, .. }) => {
                skipped.into_iter().chain(newest.into_iter().map(dropped)).for_each(|gap| {
                    lost.add(gap);
                });
            }
            Self::Event(_) | Self::Lost(_) => {}
        }
    }

    pub(super) fn load(&self) -> Load {
        match self {
            Self::Event(event) => Load::of(event),
            Self::Values(values) => values
                .newest
                .iter()
                .map(Load::of_message)
                .fold(Load::default(), |sum, one| sum + one),
            Self::Lost(_) => Load::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Lost(lost) if lost.is_empty())
    }
}

impl Values {
    /// Returns what the message took the place of.
    fn take_in(&mut self, message: Message, kept: Kept) -> Load {
        match kept {
            Kept::Newest(newest) => self.push(message, newest),
            Kept::Merged | Kept::All => {
                self.newest.push_back(message);
                self.unfolded += 1;
                Load::default()
            }
        }
    }

    fn fold(&mut self, folding: &Folding, bytes_max: usize) -> (Load, Load) {
        let settled = self.newest.len().saturating_sub(self.unfolded + 1);
        let unfolded: Vec<Message> = self.newest.drain(settled..).collect();
        self.unfolded = 0;
        let gone =
            unfolded.iter().map(Load::of_message).fold(Load::default(), |sum, one| sum + one);
        let gaps: Vec<Gap> =
            unfolded.iter().map(|one| Gap::instead_of(one, GapCause::Merged)).collect();
        let (mut gaps, mut come) = (gaps.iter(), Load::default());
        for (message, count) in folding.fold(unfolded, bytes_max) {
            gaps.by_ref().take(count - 1).for_each(|gap| self.skip(gap));
            gaps.next();
            come += Load::of_message(&message);
            self.newest.push_back(message);
        }
        (gone, come)
    }

    fn skip(&mut self, gap: &Gap) {
        match self.skipped.iter_mut().find(|told| told.reason == gap.reason) {
            Some(told) => told.absorb(gap),
            None => self.skipped.push_back(gap.clone()),
        }
    }

    /// Returns what the message took the place of.
    fn push(&mut self, message: Message, newest: usize) -> Load {
        let mut gone = Load::default();
        while self.newest.len() >= newest.max(1)
            && let Some(older) = self.newest.pop_front()
        {
            gone += Load::of_message(&older);
            self.skip(&Gap::instead_of(&older, GapCause::Conflated));
        }
        self.newest.push_back(message);
        gone
    }
}
