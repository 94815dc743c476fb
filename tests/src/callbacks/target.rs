//! What is called, and by whom: the interfaces of the measurement, and the object behind a callback.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use client_sdk::Callback;

/// Of how many calls one's age is kept: a number that takes each place among those that come together.
const AGE_OF_EACH: u64 = 31;

/// An object that is called.
#[client_sdk::callback]
pub trait Target {
    /// The `number`th call, made when `sent` says.
    fn said(&self, number: u64, sent: u64, text: String);
    /// A call with an answer.
    async fn confirm(&self, question: String) -> bool;
    /// What came so far; ages are told once.
    async fn report(&self) -> Report;
}

/// The service that calls.
#[client_sdk::service]
pub trait Desk {
    /// Takes a target.
    async fn join(&self, target: Callback<dyn Target>) -> Seat;
}

/// What a target that has joined says, and to whom.
#[client_sdk::data]
#[derive(Debug, Clone)]
pub struct Seat {
    /// The target's number.
    pub number: u64,
    /// How many calls it says to have taken at a time.
    pub said_each: u64,
    /// Who is told.
    pub listening: Callback<dyn Listening>,
}

/// Who is told what targets have taken.
#[client_sdk::callback]
pub trait Listening {
    /// The target of that number has taken so many calls.
    fn taken(&self, number: u64, calls: u64);
}

/// What came to an object.
#[client_sdk::data]
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Calls that came.
    pub calls: u64,
    /// Calls of which it was told that they won't come.
    pub told_missing: u64,
    /// Calls that came twice, or in another order than they were made.
    pub misplaced: u64,
    /// The highest number that came.
    pub last: u64,
    /// How old some of the calls were when they arrived, in nanoseconds.
    pub ages: Vec<u64>,
}

/// The object behind a callback.
#[derive(Clone, Default)]
pub(super) struct Counting(Arc<Counted>);

#[derive(Default)]
struct Counted {
    report: Mutex<Report>,
    joined: OnceLock<Seat>,
}

impl Counting {
    /// Says from here on how many calls have come.
    pub(super) fn joined(&self, seat: Seat) {
        let _ = self.0.joined.set(seat);
    }

    /// Calls were left out.
    pub(super) fn missed(&self, calls: u64) {
        self.lock().told_missing += calls;
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.0.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, calls: u64) {
        if let Some(Seat { number, said_each, listening }) = self.0.joined.get()
            && calls.is_multiple_of(*said_each)
        {
            let told = listening.taken(*number, calls);
            if !told.is_queued() {
                tokio::spawn(async move { _ = told.await });
            }
        }
    }
}

#[client_sdk::callback]
impl Target for Counting {
    fn said(&self, number: u64, sent: u64, _text: String) {
        let mut report = self.lock();
        report.calls += 1;
        report.misplaced += u64::from(number <= report.last);
        report.last = number;
        if report.calls.is_multiple_of(AGE_OF_EACH) {
            report.ages.push(now().saturating_sub(sent));
        }
        let calls = report.calls;
        drop(report);
        self.tell(calls);
    }

    async fn confirm(&self, question: String) -> bool {
        !question.is_empty()
    }

    async fn report(&self) -> Report {
        let mut report = self.lock();
        let ages = std::mem::take(&mut report.ages);
        Report { ages, ..report.clone() }
    }
}

/// How old calls were, in order.
#[derive(Debug, Default, Clone)]
pub struct Ages(Vec<u64>);

impl Ages {
    pub(super) fn new(mut ages: Vec<u64>) -> Self {
        ages.sort_unstable();
        Self(ages)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The age below which that share of them was.
    pub fn quantile(&self, share: f64) -> Duration {
        let place = (self.0.len() as f64 * share) as usize;
        let age = self.0.get(place.min(self.0.len().saturating_sub(1)));
        Duration::from_nanos(age.copied().unwrap_or_default())
    }
}

/// Nanoseconds since 1970, which all processes of a machine see alike.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}
