//! What comes at one time, and is taken at one time: an event, or a run.

use std::sync::Arc;
use std::time::Instant;

use super::held::Held;
use super::load::Load;
use super::run::Run;
use crate::Event;

/// What comes at one time.
#[derive(Debug)]
pub(crate) enum Arrived {
    Event(Held),
    /// Whoever takes it claims message by message: what isn't claimed waits still.
    Run(Arc<Run>),
}

impl Arrived {
    pub(super) fn load(&self) -> Load {
        match self {
            Self::Event(held) => held.load(),
            Self::Run(run) => run.load(),
        }
    }

    pub(super) fn owed_bytes(&self) -> u64 {
        match self {
            Self::Event(held) => held.owed_bytes(),
            Self::Run(run) => run.owed_bytes(),
        }
    }

    /// What waits of it, and since when.
    pub(super) fn waits(&self) -> (Load, Instant) {
        match self {
            Self::Event(held) => (Load::of(&held.event), held.since),
            Self::Run(run) => (run.waiting(), run.shared().since),
        }
    }

    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Event(held) if matches!(held.event, Event::Ended(_)))
    }
}
