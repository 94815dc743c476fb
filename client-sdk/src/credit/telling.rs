//! When the broker is told, and what.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use broker_protocol::frame::Consumed;

use super::sharing::LEAST_WINDOW;
use super::{Credit, Lane};

/// The broker is told once this part of the window is consumed; of lanes that keep everything, only
/// then.
const STEPS: u64 = 4;

/// Of a lane that conflates it is told once everything is consumed, if that is the least window; and of a
/// quarter of that, if it was told nothing for a while.
const LEAST_STEP: u64 = LEAST_WINDOW / STEPS;
const SILENT_MAX: Duration = Duration::from_millis(10);

/// When the broker is told of what was consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Now,
    /// Once it was told nothing for a while, even if nothing more is consumed.
    Soon,
    /// With more.
    Later,
}

impl Credit {
    /// So much of a lane's credit isn't held any more.
    pub(crate) fn finished(&self, number: u8, bytes: u64) {
        let Some(lane) = self.lanes.get(usize::from(number)) else { return };
        // In one order with `set_conflates`: one of the two sees what the other did.
        let finished = lane.finished.fetch_add(bytes, Ordering::SeqCst) + bytes;
        match self.due(lane, finished) {
            Due::Now => self.note(&self.due, number),
            Due::Soon => self.note(&self.soon, number),
            Due::Later => {}
        }
    }

    /// Whether a lane conflates changes. What was finished while it kept everything, and is too little
    /// to be told of such a lane, may be more than the broker now sends ahead: then nothing more comes
    /// that would have it told.
    pub(crate) fn set_conflates(&self, number: u8, conflates: bool) {
        let Some(lane) = self.lanes.get(usize::from(number)) else { return };
        let before = lane.conflates.swap(conflates, Ordering::SeqCst);
        let finished = lane.finished.load(Ordering::SeqCst);
        if conflates && !before && self.is_worth_telling(lane, finished) {
            self.note(&self.due, number);
        }
    }

    fn note(&self, lanes: &AtomicU32, number: u8) {
        let bit = 1 << number;
        if lanes.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
            // The connection's task is one of tokio's: to wake it runs nothing here.
            let teller = self.teller.lock().unwrap_or_else(PoisonError::into_inner).take();
            teller.into_iter().for_each(Waker::wake);
        }
    }

    /// Whether as much is untold as the broker is ever told at a time.
    fn is_worth_telling(&self, lane: &Lane, finished: u64) -> bool {
        let window = self.window.load(Ordering::Relaxed);
        let untold = finished.saturating_sub(lane.told.load(Ordering::Acquire));
        window > 0 && untold >= LEAST_STEP.min(window / STEPS)
    }

    fn due(&self, lane: &Lane, finished: u64) -> Due {
        if !self.is_worth_telling(lane, finished) {
            return Due::Later;
        }
        let window = self.window.load(Ordering::Relaxed);
        let untold = finished.saturating_sub(lane.told.load(Ordering::Acquire));
        if untold >= window / STEPS {
            return Due::Now;
        }
        if !lane.conflates.load(Ordering::SeqCst) {
            return Due::Later;
        }
        let is_all = finished == lane.received.load(Ordering::Acquire);
        if is_all && untold >= LEAST_WINDOW || self.silent_for(lane).is_zero() {
            return Due::Now;
        }
        // What others still hold may be held for long, and with this be all that the broker sends ahead.
        match !is_all && lane.shared.load(Ordering::Relaxed) {
            true => Due::Soon,
            false => Due::Later,
        }
    }

    /// How long nothing more is told, unless it is much.
    fn silent_for(&self, lane: &Lane) -> Duration {
        let since = self.now().saturating_sub(lane.told_at.load(Ordering::Relaxed));
        SILENT_MAX.saturating_sub(Duration::from_millis(since))
    }

    /// Calls `tell` with what the broker is to be told now; the task is woken when there is more.
    /// Returns after how long there is more even if nobody wakes it.
    pub(crate) fn poll_due(
        &self,
        cx: &Context<'_>,
        mut tell: impl FnMut(Consumed),
    ) -> Option<Duration> {
        if !self.is_on() {
            return None;
        }
        {
            let mut teller = self.teller.lock().unwrap_or_else(PoisonError::into_inner);
            if !teller.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *teller = Some(cx.waker().clone());
            }
        }
        let due = self.due.swap(0, Ordering::AcqRel);
        let soon = self.soon.load(Ordering::Acquire);
        let mut after: Option<Duration> = None;
        for (number, lane) in (0..).zip(&self.lanes) {
            let bit = 1 << number;
            if due & bit != 0 {
                self.soon.fetch_and(!bit, Ordering::AcqRel);
                tell(self.told(number, lane));
            } else if soon & bit != 0 {
                let wait = self.silent_for(lane);
                if !wait.is_zero() {
                    after = after.into_iter().chain([wait]).min();
                    continue;
                }
                // Before it is looked at: what is finished from here on is noted anew.
                self.soon.fetch_and(!bit, Ordering::AcqRel);
                if self.is_worth_telling(lane, lane.finished.load(Ordering::SeqCst)) {
                    tell(self.told(number, lane));
                }
            }
        }
        after
    }

    fn told(&self, number: u8, lane: &Lane) -> Consumed {
        let finished = lane.finished.load(Ordering::Acquire);
        lane.told.fetch_max(finished, Ordering::AcqRel);
        lane.told_at.store(self.now(), Ordering::Relaxed);
        let bytes = finished.saturating_sub(lane.before.load(Ordering::Acquire));
        Consumed { lane: number, frames: lane.frames.load(Ordering::Acquire), bytes }
    }
}
