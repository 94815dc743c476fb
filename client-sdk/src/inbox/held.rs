//! An event on its way through an inbox, and what it gives back at its end.

use std::time::Instant;

use super::load::Load;
use crate::Event;
use crate::credit::Owed;

/// An event on its way through an inbox.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) event: Event,
    /// What the broker is told when it is done with. Such an event is bounded by the lane's window;
    /// the others are the subscriber's own list, with its bound.
    pub(crate) owed: Option<Owed>,
    /// When it came.
    pub(crate) since: Instant,
}

impl Held {
    /// What it takes of the bound.
    pub(super) fn load(&self) -> Load {
        match self.owed {
            Some(_) => Load::default(),
            None => Load::of(&self.event),
        }
    }

    pub(super) fn owed_bytes(&self) -> u64 {
        self.owed.as_ref().map_or(0, Owed::bytes)
    }
}

impl From<Event> for Held {
    fn from(event: Event) -> Self {
        Self { event, owed: None, since: Instant::now() }
    }
}
