//! When the broker is told, and what.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

use broker_protocol::frame::Consumed;

use super::{Credit, Lane};

/// The broker is told once this part of the window is consumed; of lanes that keep everything, only
/// then.
const STEPS: u64 = 4;

/// In a lane that conflates the broker sends no more than is consumed in a quarter of a second, 8 KiB
/// at least. It is told once everything is consumed, if it is that much; and of a quarter of it, if
/// it was told nothing for a while.
const LEAST_WINDOW: u64 = 8 << 10;
const LEAST_STEP: u64 = LEAST_WINDOW / STEPS;
const SILENT_MAX: Duration = Duration::from_millis(10);

impl Credit {
    /// So much of a lane's credit isn't held any more.
    pub(crate) fn finished(&self, number: u8, bytes: u64) {
        let Some(lane) = self.lanes.get(usize::from(number)) else { return };
        // In one order with `set_conflates`: one of the two sees what the other did.
        let finished = lane.finished.fetch_add(bytes, Ordering::SeqCst) + bytes;
        if self.is_due(lane, finished) {
            self.note_due(number);
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
            self.note_due(number);
        }
    }

    fn note_due(&self, number: u8) {
        let bit = 1 << number;
        if self.due.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
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

    fn is_due(&self, lane: &Lane, finished: u64) -> bool {
        if !self.is_worth_telling(lane, finished) {
            return false;
        }
        let window = self.window.load(Ordering::Relaxed);
        let untold = finished.saturating_sub(lane.told.load(Ordering::Acquire));
        if untold >= window / STEPS || !lane.conflates.load(Ordering::SeqCst) {
            return untold >= window / STEPS;
        }
        let is_all = finished == lane.received.load(Ordering::Acquire);
        is_all && untold >= LEAST_WINDOW || self.was_silent(lane)
    }

    fn was_silent(&self, lane: &Lane) -> bool {
        let since = self.now().saturating_sub(lane.told_at.load(Ordering::Relaxed));
        since >= SILENT_MAX.as_millis() as u64
    }

    /// Calls `tell` with what the broker is to be told now; the task is woken when there is more.
    pub(crate) fn poll_due(&self, cx: &Context<'_>, mut tell: impl FnMut(Consumed)) {
        if !self.is_on() {
            return;
        }
        {
            let mut teller = self.teller.lock().unwrap_or_else(PoisonError::into_inner);
            if !teller.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *teller = Some(cx.waker().clone());
            }
        }
        let due = self.due.swap(0, Ordering::AcqRel);
        for (number, lane) in (0..).zip(&self.lanes) {
            if due & (1 << number) != 0 {
                tell(self.told(number, lane));
            }
        }
    }

    fn told(&self, number: u8, lane: &Lane) -> Consumed {
        let finished = lane.finished.load(Ordering::Acquire);
        lane.told.fetch_max(finished, Ordering::AcqRel);
        lane.told_at.store(self.now(), Ordering::Relaxed);
        let bytes = finished.saturating_sub(lane.before.load(Ordering::Acquire));
        Consumed { lane: number, frames: lane.frames.load(Ordering::Acquire), bytes }
    }
}
