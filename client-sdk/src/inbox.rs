//! What waits for one subscriber: the one queue between the connection and a callback.
//!
//! The connection's task puts events in and never waits; the subscriber's task takes them out. So a
//! slow callback costs its bound of memory, and nobody else anything. What is kept of what
//! waits is the matter of `waiting`; here is who waits for it, and who wakes whom.

mod arrived;
mod backlog;
mod folding;
mod held;
mod later;
mod load;
mod lost;
mod place;
mod rules;
mod run;
mod subject;
#[cfg(test)]
mod tests;
mod waiting;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::{Ended, Waits};
pub(crate) use arrived::Arrived;
pub(crate) use folding::Folding;
pub(crate) use held::Held;
use later::Later;
pub(crate) use rules::{Bound, Rules};
pub(crate) use run::{Mark, Parts, Run, Shared};
pub(crate) use waiting::Pushed;
use waiting::{Reader, Waiting};

/// What waits for one subscriber.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    waiting: Waiting,
    /// What comes in the lane to which the subscription moves, until the other has delivered all.
    held: Option<Box<Later>>,
    reader: Reader,
    /// Wakes the reader if it found nothing.
    waker: Option<Waker>,
}

/// Readers that are to be woken. It is done when this is dropped, or by [`Woken::wake`].
#[derive(Debug, Default)]
pub(crate) struct Woken(Vec<Waker>);

impl Woken {
    /// Wakes them. Nothing may be locked: their executor may run them at once.
    pub(crate) fn wake(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        self.wake();
    }
}

impl Inbox {
    pub(crate) fn new(bound: Bound, rules: Rules) -> Self {
        let waiting = Waiting::new(bound, rules);
        Self {
            state: Mutex::new(State { waiting, held: None, reader: Reader::Ready, waker: None }),
        }
    }

    /// Folds by a rule of the program's own what is to be folded.
    pub(crate) fn with_folding(mut self, folding: Folding) -> Self {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (bound, rules) = (state.waiting.bound(), state.waiting.rules());
        state.waiting = Waiting::new(bound, rules).with_folding(folding);
        self
    }

    /// Puts an event in. The reader is woken with others once all that came together is there: it
    /// finds it whole.
    pub(crate) fn push(&self, event: impl Into<Held>, woken: &mut Woken) -> Pushed {
        self.lock().push(event.into(), u64::MAX, woken)
    }

    /// If more waits that holds credit of its lane than so many bytes, nothing that waits does from here
    /// on: all of it is the subscriber's own list, if that conflates.
    pub(crate) fn disown(&self, owed_max: u64) -> Pushed {
        self.lock().waiting.disown(owed_max)
    }

    /// Follows what the broker granted.
    pub(crate) fn set_rules(&self, rules: Rules) {
        self.lock().waiting.set_rules(rules);
    }

    /// Ends the subscription behind what waits.
    pub(crate) fn end(&self, ended: Ended) {
        let mut state = self.lock();
        state.release();
        state.waiting.end(ended);
        wake(state);
    }

    /// Ends the subscription, discarding what waits: after this only the end is delivered.
    pub(crate) fn end_now(&self, ended: Ended) {
        let mut state = self.lock();
        state.held = None;
        state.waiting.discard();
        state.waiting.end(ended);
        wake(state);
    }

    /// What waits at this moment.
    pub(crate) fn waiting(&self) -> Waits {
        let (load, since) = self.lock().waiting.all();
        Waits {
            messages: load.messages as u64,
            bytes: load.bytes as u64,
            age: since.map_or(Duration::ZERO, |since| since.elapsed()),
        }
    }

    /// How many messages may wait.
    pub(crate) fn messages_max(&self) -> usize {
        self.lock().waiting.bound().messages
    }

    /// Takes the next event; `None` after the end was taken.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Held>> {
        self.poll_for(cx, Waiting::pop)
    }

    /// Takes the next event, or the next run, if there is one. Whoever asks is busy until it waits for
    /// more.
    pub(crate) fn try_take(&self) -> Option<Arrived> {
        let mut state = self.lock();
        state.reader = Reader::Busy;
        state.waiting.take()
    }

    /// Takes the next event, or the next run; `None` after the end was taken.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<Arrived>> {
        self.poll_for(cx, Waiting::take)
    }

    fn poll_for<T>(
        &self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut Waiting) -> Option<T>,
    ) -> Poll<Option<T>> {
        let mut state = self.lock();
        let taken = take(&mut state.waiting);
        if taken.is_none() && !state.waiting.has_ended() {
            state.reader = Reader::Ready;
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.reader = Reader::Busy;
        Poll::Ready(taken)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, held: Held, owed_max: u64, woken: &mut Woken) -> Pushed {
        if let Some(waker) = self.waker.take() {
            woken.0.push(waker);
        }
        self.waiting.push(held, owed_max, self.reader)
    }
}

/// Wakes the reader once nothing is locked any more: its executor may run it at once.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
