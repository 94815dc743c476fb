//! The time, read once per turn.

use std::time::{SystemTime, UNIX_EPOCH};

use broker_core::Now;
use tokio::time::Instant;

/// Tells the time to the rules.
///
/// The monotonic part is the runtime's, so that a paused runtime pauses the broker too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    wall: Wall,
}

/// Where the wall clock's time comes from.
#[derive(Debug, Clone, Copy)]
enum Wall {
    System,
    /// Milliseconds since the Unix epoch at the start; goes on with the monotonic part.
    Simulated(u64),
}

impl Clock {
    pub(crate) fn system() -> Self {
        Self { started: Instant::now(), wall: Wall::System }
    }

    pub(crate) fn simulated(wall: u64) -> Self {
        Self { started: Instant::now(), wall: Wall::Simulated(wall) }
    }

    pub(crate) fn now(&self) -> Now {
        let monotonic = self.started.elapsed();
        let wall = match self.wall {
            // A clock before 1970 is a clock that isn't set: epochs then count from 0.
            Wall::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_millis() as u64),
            Wall::Simulated(start) => start + monotonic.as_millis() as u64,
        };
        Now { monotonic, wall }
    }

    /// The runtime's moment at which the monotonic part will be `monotonic`.
    pub(crate) fn instant(&self, monotonic: std::time::Duration) -> Instant {
        self.started + monotonic
    }
}
