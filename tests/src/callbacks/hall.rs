//! The service: who has joined, and how many calls all have taken.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use client_sdk::Callback;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::clients::PATIENCE;
use super::target::{Desk, Listening, Seat, Target};

/// What is asked to join, and whom it is told to tell.
#[derive(Clone)]
pub(super) struct Hall {
    seats: Seats,
    listening: Callback<dyn Listening>,
}

/// Who has joined.
#[derive(Clone)]
pub(super) struct Seats(Arc<Shared>);

struct Shared {
    /// How many calls each says to have taken at a time.
    said_each: u64,
    taken: Mutex<Taken>,
    news: Notify,
}

/// Who has joined, and what they have taken. Nobody has to look at all of them.
#[derive(Default)]
struct Taken {
    targets: Vec<Callback<dyn Target>>,
    /// Calls that all have taken, as far as they have said.
    by_all: u64,
    /// How many have taken that many and once, twice, … as many more as are said at a time.
    by_some: VecDeque<usize>,
}

impl Taken {
    /// Somebody has taken so many calls. Each says each step, in order. Who has left may still say one.
    fn note(&mut self, calls: u64, said_each: u64) {
        if self.targets.is_empty() {
            return;
        }
        let Some(step) = (calls.saturating_sub(self.by_all) / said_each).checked_sub(1) else {
            return;
        };
        let step = step as usize;
        self.by_some.resize(self.by_some.len().max(step + 1), 0);
        self.by_some[step] += 1;
        while self.by_some.front() == Some(&self.targets.len()) {
            self.by_some.pop_front();
            self.by_all += said_each;
        }
    }
}

#[client_sdk::service]
impl Desk for Hall {
    async fn join(&self, target: Callback<dyn Target>) -> Seat {
        let mut taken = self.seats.lock();
        taken.targets.push(target);
        let number = taken.targets.len() as u64 - 1;
        drop(taken);
        self.seats.0.news.notify_one();
        Seat { number, said_each: self.said_each(), listening: self.listening.clone() }
    }
}

#[client_sdk::callback]
impl Listening for Seats {
    fn taken(&self, _number: u64, calls: u64) {
        let mut taken = self.lock();
        let before = taken.by_all;
        taken.note(calls, self.0.said_each);
        let is_news = taken.by_all > before;
        drop(taken);
        if is_news {
            self.0.news.notify_one();
        }
    }
}

impl Seats {
    /// Each says so many calls at a time.
    pub(super) fn new(said_each: u64) -> Self {
        let (taken, news) = (Mutex::default(), Notify::new());
        Self(Arc::new(Shared { said_each, taken, news }))
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hall {
    pub(super) fn new(seats: Seats, listening: Callback<dyn Listening>) -> Self {
        Self { seats, listening }
    }

    pub(super) fn targets(&self) -> Vec<Callback<dyn Target>> {
        self.seats.lock().targets.clone()
    }

    /// How many calls each says to have taken at a time.
    pub(super) fn said_each(&self) -> u64 {
        self.seats.0.said_each
    }

    /// How many have joined.
    pub(super) fn count(&self) -> usize {
        self.seats.lock().targets.len()
    }

    /// Forgets who has joined.
    pub(super) fn leave(&self) {
        let before = std::mem::take(&mut *self.seats.lock());
        drop(before);
    }

    /// How many calls all have taken, as far as they have said.
    pub(super) fn taken(&self) -> u64 {
        self.seats.lock().by_all
    }

    /// Waits until something is as it should be.
    pub(super) async fn until(&self, is_so: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        while !is_so(self) {
            let news = timeout(PATIENCE, self.seats.0.news.notified()).await;
            news.context("nothing comes from the clients any more")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_by_those_that_have_left_counts_for_nobody() {
        let mut taken = Taken::default();
        taken.note(96, 32);
        assert_eq!((taken.by_all, taken.by_some.len()), (0, 0));
    }
}
