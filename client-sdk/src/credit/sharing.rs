//! What of a lane's credit each of several subscriptions may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Credit;

/// In a lane that conflates the broker has no more on its way than is consumed in a quarter of a second,
/// and not less than this, in bytes.
pub(super) const LEAST_WINDOW: u64 = 8 << 10;

/// Several subscriptions hold half of a lane's window together at most, and each a quarter.
const PARTS: u64 = 4;

impl Credit {
    /// Notes how many share a lane. Returns how much may wait for one of them that holds the lane's
    /// credit, in bytes.
    ///
    /// Of a lane that conflates it is a part of the least window, since nobody here knows the present one;
    /// and half of that part, so that what a callback is called with beside it counts.
    pub(crate) fn allot(&self, number: u8, sharers: usize) -> u64 {
        let Some(lane) = self.lanes.get(usize::from(number)) else { return u64::MAX };
        let sharers = match self.does_conflate(number) {
            true => sharers + lane.awaited.load(Ordering::Relaxed),
            false => sharers,
        };
        // Mostly it is known, and callbacks on other threads read beside it.
        if lane.shared.load(Ordering::Relaxed) != (sharers > 1) {
            lane.shared.store(sharers > 1, Ordering::Relaxed);
        }
        self.part(number, sharers)
    }

    /// How much may wait for one of so many, in bytes.
    pub(crate) fn part(&self, number: u8, sharers: usize) -> u64 {
        if sharers <= 1 {
            return u64::MAX;
        }
        let (window, parts) =
            (self.window.load(Ordering::Relaxed), PARTS.max(PARTS / 2 * sharers as u64));
        match self.does_conflate(number) {
            true => window.min(LEAST_WINDOW) / (2 * parts),
            false => window / parts,
        }
    }

    /// Another one is about to share a lane: what the broker answers comes in that lane, and has to wait for
    /// whoever holds its credit. It counts until what is returned is dropped.
    pub(crate) fn comes_to_share(self: &Arc<Self>, number: u8) -> Awaited {
        self.awaited_in(number, |awaited| _ = awaited.fetch_add(1, Ordering::AcqRel));
        // What is given back for it is told even if nothing more comes.
        if let Some(lane) = self.lanes.get(usize::from(number)) {
            lane.shared.store(true, Ordering::Relaxed);
        }
        Awaited { credit: Arc::clone(self), lane: number }
    }

    fn awaited_in(&self, number: u8, change: impl FnOnce(&AtomicUsize)) {
        if let Some(lane) = self.lanes.get(usize::from(number)) {
            change(&lane.awaited);
        }
    }

    /// Whether what waits in a lane is conflated by the broker.
    pub(crate) fn does_conflate(&self, number: u8) -> bool {
        let lane = self.lanes.get(usize::from(number));
        lane.is_some_and(|lane| lane.conflates.load(Ordering::Relaxed))
    }
}

/// One that the broker was asked for, until it has answered or never will.
#[derive(Debug)]
pub(crate) struct Awaited {
    credit: Arc<Credit>,
    lane: u8,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.credit.awaited_in(self.lane, |awaited| _ = awaited.fetch_sub(1, Ordering::AcqRel));
    }
}
