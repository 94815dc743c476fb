//! How long a subscriber's calls may take before others have their turn.
//!
//! Calls run where the connection's task runs too. One that blocks keeps its thread from that, and from
//! receiving; so calls that take long are made aside, and never many of them in one turn.

use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{block_in_place, yield_now};

/// What takes this long is slow: a call, and a turn.
const SLOW: Duration = Duration::from_millis(1);

/// After so many calls at most the clock is looked at: it would cost a fast subscriber as much as a
/// call.
const CALLS_MAX: u32 = 16;

/// After so many calls others have their turn, however fast these are.
const TURN_CALLS: u32 = 128;

/// How fast a subscriber's calls are.
#[derive(Debug)]
pub(crate) struct Pace {
    began: Instant,
    /// Calls since then.
    calls: u32,
    /// Calls of this turn before that.
    turn: u32,
    /// Calls since the clock was looked at behind one, in whatever turns.
    unlooked: u32,
    /// After how many of them it is looked at.
    look_after: u32,
    /// Whether the last ones were slow.
    is_slow: bool,
    /// Whether others can be served while a call is made aside.
    has_threads: bool,
}

impl Pace {
    pub(crate) fn new() -> Self {
        let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
        let has_threads = flavor.is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread);
        let (calls, turn, unlooked, look_after, is_slow) = (0, 0, 0, 1, false);
        Self { began: Instant::now(), calls, turn, unlooked, look_after, is_slow, has_threads }
    }

    /// A turn begins.
    pub(crate) fn begin(&mut self) {
        self.turn += self.calls;
        (self.began, self.calls) = (Instant::now(), 0);
    }

    /// Makes a call, aside if the last ones were slow.
    pub(crate) fn call(&self, call: impl FnOnce()) {
        match self.is_slow && self.has_threads {
            true => block_in_place(call),
            false => call(),
        }
    }

    /// How many calls may be made in a row, until they are to be counted.
    pub(crate) fn calls_left(&self) -> usize {
        let looked_at = self.look_after.saturating_sub(self.unlooked);
        looked_at.min(TURN_CALLS.saturating_sub(self.turn + self.calls)).max(1) as usize
    }

    /// Counts what was called, and lets others have their turn if this one has taken long. Returns
    /// whether the clock was looked at.
    pub(crate) async fn pause_if_due(&mut self, calls: usize) -> bool {
        self.calls += calls as u32;
        // Where few wait together at most, turns are what there are many of.
        self.unlooked += calls as u32;
        let is_due = self.unlooked >= self.look_after || self.turn + self.calls >= TURN_CALLS;
        if is_due {
            self.pause().await;
        }
        is_due
    }

    async fn pause(&mut self) {
        let now = Instant::now();
        let took = now - self.began;
        self.is_slow = took >= SLOW * self.calls;
        self.turn += self.calls;
        (self.began, self.calls, self.unlooked) = (now, 0, 0);
        self.look_after = if took >= SLOW { 1 } else { CALLS_MAX.min(self.look_after * 2) };
        if took >= SLOW || self.turn >= TURN_CALLS {
            self.turn = 0;
            yield_now().await;
            self.began = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One call, which is all that waited.
    async fn wake_for_one(pace: &mut Pace, call: impl FnOnce()) {
        pace.begin();
        pace.call(call);
        pace.pause_if_due(1).await;
    }

    #[tokio::test]
    async fn who_becomes_slow_is_seen_even_if_it_is_called_once_per_turn() {
        let mut pace = Pace::new();
        for _ in 0..10 * CALLS_MAX {
            wake_for_one(&mut pace, || {}).await;
        }
        let mut slow = 0;
        while !pace.is_slow {
            wake_for_one(&mut pace, || std::thread::sleep(2 * SLOW)).await;
            slow += 1;
        }
        assert!(slow <= CALLS_MAX, "seen after {slow}");
        wake_for_one(&mut pace, || {}).await;
        assert!(!pace.is_slow, "each call of a slow one is looked at");
    }
}
