//! Credit: what of each lane was received, what of that is done with, and when the broker is told.
//!
//! Every event that came in a data frame carries what it [`Owed`], from the connection's task through
//! an inbox to the end of the callback. What isn't carried any more is done with. The broker is told
//! in steps, so that who keeps up says next to nothing.
//!
//! Invariant: of each lane, received = done with + what events carry. What is told of a connection
//! leaves out what events of earlier ones still carry, so that a window bounds what a program holds
//! however often its connection is lost.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use broker_protocol::frame::{Consumed, Keep, LanePosition};

use crate::Granted;

/// Lanes of a session.
const LANES: usize = 16;

/// The broker is told once this part of the window is consumed; of lanes that keep everything, only
/// then.
const STEPS: u64 = 4;

/// In a lane that conflates the broker sends no more than is consumed in a quarter of a second, 8 KiB
/// at least. It is told once everything is consumed, if it is that much; and of a quarter of it, if
/// it was told nothing for a while.
const LEAST_WINDOW: u64 = 8 << 10;
const LEAST_STEP: u64 = LEAST_WINDOW / STEPS;
const SILENT_MAX: Duration = Duration::from_millis(10);

/// Several subscriptions of a lane hold half of its window together at most, and each a quarter.
const HELD_PARTS_MIN: u64 = 4;

/// What of each lane was received and is done with, over all connections of a client.
#[derive(Debug)]
pub(crate) struct Credit {
    lanes: [Lane; LANES],
    /// The window of the present connection in bytes; 0 if it takes no part in credit.
    window: AtomicU64,
    /// Lanes of which the broker is to be told, one bit each.
    due: AtomicU32,
    /// The connection's task, which tells.
    teller: Mutex<Option<Waker>>,
    began: Instant,
}

#[derive(Debug, Default)]
struct Lane {
    /// Data frames since the lane's start, over all connections of the session.
    frames: AtomicU64,
    /// Their bytes, and those of earlier sessions.
    received: AtomicU64,
    /// Bytes that no event carries any more.
    finished: AtomicU64,
    /// What was received before the present connection.
    before: AtomicU64,
    /// What the broker knows to be finished, counted as `finished` is.
    told: AtomicU64,
    /// When it was told, in milliseconds.
    told_at: AtomicU64,
    conflates: AtomicBool,
}

impl Credit {
    pub(crate) fn new() -> Self {
        Self {
            lanes: Default::default(),
            window: AtomicU64::new(0),
            due: AtomicU32::new(0),
            teller: Mutex::new(None),
            began: Instant::now(),
        }
    }

    /// A connection begins, with the window that the broker granted.
    pub(crate) fn connected(&self, window: Option<u64>) {
        self.due.store(0, Ordering::Release);
        for lane in &self.lanes {
            let received = lane.received.load(Ordering::Acquire);
            lane.before.store(received, Ordering::Release);
            lane.told.store(received, Ordering::Release);
        }
        self.window.store(window.unwrap_or(0), Ordering::Release);
    }

    /// A session begins: its lanes do too.
    pub(crate) fn new_session(&self) {
        for lane in &self.lanes {
            lane.frames.store(0, Ordering::Release);
            lane.conflates.store(false, Ordering::Release);
        }
    }

    /// A session goes on: each lane after so many frames, and one that isn't named where it was.
    pub(crate) fn resumed(&self, lanes: &[LanePosition]) {
        for position in lanes {
            if let Some(lane) = self.lanes.get(usize::from(position.lane)) {
                lane.frames.store(position.frames, Ordering::Release);
            }
        }
    }

    /// How many data frames were received of each lane.
    pub(crate) fn positions(&self) -> Vec<LanePosition> {
        let lanes = (0..).zip(&self.lanes);
        let positions = lanes.map(|(lane, of)| {
            let frames = of.frames.load(Ordering::Acquire);
            LanePosition { lane, frames }
        });
        positions.filter(|position| position.frames > 0).collect()
    }

    /// Whether what waits in a lane is conflated by the broker.
    pub(crate) fn set_granted(&self, granted: &Granted) {
        let Granted { lane, options, .. } = granted;
        self.set_conflates(*lane, !matches!(options.keep, None | Some(Keep::All)));
    }

    fn set_conflates(&self, lane: u8, conflates: bool) {
        if let Some(lane) = self.lanes.get(usize::from(lane)) {
            lane.conflates.store(conflates, Ordering::Release);
        }
    }

    /// A data frame of so many bytes was received. What it gives back when it is done with.
    pub(crate) fn received(self: &Arc<Self>, lane: u8, bytes: usize) -> Owed {
        let bytes = bytes as u64;
        if let Some(lane) = self.lanes.get(usize::from(lane)) {
            lane.frames.fetch_add(1, Ordering::Relaxed);
            lane.received.fetch_add(bytes, Ordering::AcqRel);
        }
        Owed { credit: Arc::clone(self), lane, bytes }
    }

    /// How much one of several subscriptions of a lane may hold, in bytes.
    pub(crate) fn held_max(&self, sharers: usize) -> u64 {
        match sharers {
            0 | 1 => u64::MAX,
            sharers => {
                let window = self.window.load(Ordering::Relaxed);
                window / HELD_PARTS_MIN.max(2 * sharers as u64)
            }
        }
    }

    /// Whether the present connection takes part in credit.
    pub(crate) fn is_on(&self) -> bool {
        self.window.load(Ordering::Relaxed) > 0
    }

    fn finished(&self, number: u8, bytes: u64) {
        let Some(lane) = self.lanes.get(usize::from(number)) else { return };
        let finished = lane.finished.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let bit = 1 << number;
        if self.is_due(lane, finished) && self.due.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
            // The connection's task is one of tokio's: to wake it runs nothing here.
            let teller = self.teller.lock().unwrap_or_else(PoisonError::into_inner).take();
            teller.into_iter().for_each(Waker::wake);
        }
    }

    fn is_due(&self, lane: &Lane, finished: u64) -> bool {
        let window = self.window.load(Ordering::Relaxed);
        let untold = finished.saturating_sub(lane.told.load(Ordering::Acquire));
        if window == 0 || untold < LEAST_STEP.min(window / STEPS) {
            return false;
        }
        if untold >= window / STEPS || !lane.conflates.load(Ordering::Relaxed) {
            return untold >= window / STEPS;
        }
        let is_all = finished == lane.received.load(Ordering::Acquire);
        is_all && untold >= LEAST_WINDOW || self.was_silent(lane)
    }

    fn was_silent(&self, lane: &Lane) -> bool {
        let since = self.now().saturating_sub(lane.told_at.load(Ordering::Relaxed));
        since >= SILENT_MAX.as_millis() as u64
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
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

/// What an event gives back when it is done with: dropping this says so.
#[derive(Debug)]
pub(crate) struct Owed {
    credit: Arc<Credit>,
    lane: u8,
    bytes: u64,
}

impl Owed {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the share of one of `count` who got the frame; the last takes what is left.
    pub(crate) fn share(&mut self, count: usize) -> Self {
        let bytes = self.bytes / count.max(1) as u64;
        self.bytes -= bytes;
        Self { credit: Arc::clone(&self.credit), lane: self.lane, bytes }
    }

    /// Takes over what another event owed whose place this one took.
    pub(crate) fn join(&mut self, mut other: Self) {
        if self.lane == other.lane {
            self.bytes += std::mem::take(&mut other.bytes);
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.credit.finished(self.lane, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 1 << 20;

    fn told(credit: &Credit) -> Vec<(u8, u64, u64)> {
        let mut told = Vec::new();
        let cx = Context::from_waker(Waker::noop());
        credit.poll_due(&cx, |Consumed { lane, frames, bytes }| told.push((lane, frames, bytes)));
        told
    }

    fn credit(window: Option<u64>) -> Arc<Credit> {
        let credit = Arc::new(Credit::new());
        credit.connected(window);
        credit
    }

    #[test]
    fn who_keeps_up_tells_once_for_a_quarter_of_the_window() {
        let credit = credit(Some(WINDOW));
        let mut words = 0;
        for _ in 0..10_000 {
            drop(credit.received(3, 1000));
            words += told(&credit).len();
        }
        assert_eq!(words, 10_000_000 / (WINDOW as usize / 4 + 856), "of 10 MB");
    }

    #[test]
    fn a_frame_for_several_is_done_with_when_all_have_done_it() {
        let credit = credit(Some(4000));
        let mut owed = credit.received(0, 1001);
        let shares = [owed.share(3), owed.share(2), owed.share(1)];
        assert_eq!(shares.iter().map(Owed::bytes).sum::<u64>(), 1001);
        drop(owed);
        for share in shares {
            assert_eq!(told(&credit), []);
            drop(share);
        }
        assert_eq!(told(&credit), [(0, 1, 1001)]);
    }

    #[test]
    fn a_lane_that_conflates_is_told_of_sooner() {
        let credit = credit(Some(WINDOW));
        credit.set_conflates(1, true);
        let all: Vec<_> = (0..8).map(|_| credit.received(1, 1024)).collect();
        let mut words = 0;
        for owed in all {
            drop(owed);
            words += told(&credit).len();
        }
        assert!((1..=4).contains(&words), "{words}");
        drop(credit.received(2, 8192));
        assert_eq!(told(&credit), [], "one that keeps everything isn't");
    }

    #[test]
    fn what_is_held_over_a_reconnect_is_missing_from_the_next_window() {
        let credit = credit(Some(4000));
        let (held, lost) = (credit.received(0, 3000), credit.received(0, 500));
        credit.connected(Some(4000));
        drop(lost);
        drop(credit.received(0, 3000));
        assert_eq!(told(&credit), []);
        drop(credit.received(0, 1000));
        assert_eq!(told(&credit), [(0, 4, 1000)], "4,000 came and 3,000 are held from before");
        drop(held);
        assert_eq!(told(&credit), [(0, 4, 4000)]);
    }

    #[test]
    fn without_a_window_nothing_is_told() {
        let credit = credit(None);
        drop(credit.received(0, 1 << 30));
        assert_eq!(told(&credit), []);
    }

    #[test]
    fn several_hold_half_of_the_window_together_at_most() {
        let credit = credit(Some(1200));
        assert_eq!(credit.held_max(1), u64::MAX);
        for (sharers, most) in [(2, 300), (3, 200), (6, 100)] {
            assert_eq!(credit.held_max(sharers), most);
        }
    }
}
