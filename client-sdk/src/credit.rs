//! Credit: what of each lane was received, what of that is done with, and when the broker is told.
//!
//! Every event that came in a data frame carries what it [`Owed`], from the connection's task through
//! an inbox to the end of the callback. What isn't carried any more is done with. The broker is told
//! in steps, so that who keeps up says next to nothing.
//!
//! Invariant: of each lane, received = done with + what events carry. What is told of a connection
//! leaves out what events of earlier ones still carry, so that a window bounds what a program holds
//! however often its connection is lost.

mod owed;
mod sharing;
mod telling;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use broker_protocol::frame::{Keep, LanePosition};
use tokio::time::Instant;

use crate::Granted;

pub(crate) use owed::{Account, Owed};
pub(crate) use sharing::Awaited;

/// Lanes of a session.
const LANES: usize = 16;

/// What of each lane was received and is done with, over all connections of a client.
#[derive(Debug)]
pub(crate) struct Credit {
    lanes: [Lane; LANES],
    /// The window of the present connection in bytes; 0 if it takes no part in credit.
    window: AtomicU64,
    /// Lanes of which the broker is to be told, one bit each.
    due: AtomicU32,
    /// Lanes of which it is to be told once it was told nothing for a while, one bit each.
    soon: AtomicU32,
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
    /// Whether several share it.
    shared: AtomicBool,
    /// How many the broker was asked for that are to share it, and hasn't answered yet.
    awaited: AtomicUsize,
}

impl Credit {
    pub(crate) fn new() -> Self {
        Self {
            lanes: Default::default(),
            window: AtomicU64::new(0),
            due: AtomicU32::new(0),
            soon: AtomicU32::new(0),
            teller: Mutex::new(None),
            began: Instant::now(),
        }
    }

    /// A connection begins, with the window that the broker granted.
    pub(crate) fn connected(&self, window: Option<u64>) {
        self.due.store(0, Ordering::Release);
        self.soon.store(0, Ordering::Release);
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

    /// Data frames of so many bytes were received: so much of the lane's credit is held, until it is
    /// given back.
    pub(crate) fn note_received(&self, lane: u8, frames: u64, bytes: u64) {
        if let Some(lane) = self.lanes.get(usize::from(lane)) {
            add(&lane.frames, frames);
            add(&lane.received, bytes);
        }
    }

    pub(crate) fn account(self: &Arc<Self>, lane: u8) -> Account {
        Account { credit: Arc::clone(self), lane }
    }

    /// Whether the present connection takes part in credit.
    pub(crate) fn is_on(&self) -> bool {
        self.window.load(Ordering::Relaxed) > 0
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }
}

/// Adds to what the connection's task alone writes.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Release);
}
