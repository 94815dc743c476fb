//! What comes in the lane to which a subscription moves, while the one that it leaves still delivers.
//!
//! Lanes have no order between them; a subscriber has. So what comes in the new lane is held, by the new
//! lane's rule and bound, until the old one has told that it delivered everything.

use super::held::Held;
use super::rules::Rules;
use super::run::Run;
use super::waiting::{Pushed, Reader, Waiting};
use super::{Inbox, State, Woken};
use crate::Event;

/// What is held of a lane.
#[derive(Debug)]
pub(super) struct Later {
    lane: u8,
    rules: Rules,
    waiting: Waiting,
}

impl Inbox {
    /// Holds what comes in this lane from here on.
    pub(crate) fn hold(&self, lane: u8, rules: Rules) {
        let mut state = self.lock();
        let waiting = Waiting::new(state.waiting.bound(), rules);
        state.held = Some(Box::new(Later { lane, rules, waiting }));
    }

    /// Puts an event in that came in a lane, of whose credit the subscriber holds so much at most:
    /// what comes above is its own from here on.
    pub(crate) fn push_in(
        &self,
        lane: u8,
        owed_max: u64,
        event: impl Into<Held>,
        woken: &mut Woken,
    ) -> Pushed {
        let mut state = self.lock();
        let Some(held) = state.held.as_mut().filter(|held| held.lane == lane) else {
            return state.push(event.into(), owed_max, woken);
        };
        // It ends the subscription if it is too much: as if the subscriber were behind with it.
        let pushed = held.waiting.push(event.into(), owed_max, Reader::Busy);
        if pushed == Pushed::Overflowed {
            state.release();
            woken.0.extend(state.waker.take());
        }
        pushed
    }

    /// Puts a run in, as [`Inbox::push_in`] puts in each of its messages.
    pub(crate) fn push_run_in(
        &self,
        lane: u8,
        owed_max: u64,
        run: Run,
        woken: &mut Woken,
    ) -> Pushed {
        let mut state = self.lock();
        let State { held, waiting, reader, waker } = &mut *state;
        let Some(held) = held.as_mut().filter(|held| held.lane == lane) else {
            woken.0.extend(waker.take());
            return waiting.push_run(run, owed_max, *reader);
        };
        let pushed = held.waiting.push_run(run, owed_max, Reader::Busy);
        if pushed == Pushed::Overflowed {
            state.release();
            woken.0.extend(state.waker.take());
        }
        pushed
    }

    /// The other lane has delivered everything: what was held follows.
    pub(crate) fn release(&self, woken: &mut Woken) -> Pushed {
        let mut state = self.lock();
        let pushed = state.release();
        woken.0.extend(state.waker.take());
        pushed
    }
}

impl State {
    pub(super) fn release(&mut self) -> Pushed {
        let Some(held) = self.held.take() else { return Pushed::Done };
        let Later { rules, waiting: mut later, .. } = *held;
        self.waiting.set_rules(rules);
        let mut pushed = Pushed::Done;
        while let Some(held) = later.pop() {
            if let Event::Ended(ended) = held.event {
                self.waiting.end(ended);
            } else if self.waiting.push(held, u64::MAX, self.reader) == Pushed::Overflowed {
                pushed = Pushed::Overflowed;
            }
        }
        pushed
    }
}
