//! How much it is that waits.

use std::ops::{Add, AddAssign, SubAssign};

use super::rules::Bound;
use crate::{Event, Message};

/// What an event costs beside its contents, in bytes: an estimate of what holds it.
pub(super) const EVENT_BYTES: usize = 128;

/// Events, and what they cost. Gaps that tell what was left out here are no part of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl Load {
    pub(super) fn of(event: &Event) -> Self {
        let bytes = match event {
            Event::Message(message) => return Self::of_message(message),
            Event::Presence(presence) => {
                let names = presence.joined.iter().chain(&presence.left);
                names.map(|name| size_of::<String>() + name.len()).sum()
            }
            // Outside the bound, as in the lane.
            Event::CaughtUp => return Self::default(),
            _ => 0,
        };
        Self { messages: 1, bytes: EVENT_BYTES + bytes }
    }

    pub(super) fn of_message(message: &Message) -> Self {
        if message.replayed {
            return Self::default();
        }
        let bytes = EVENT_BYTES + message.topic.len() + message.body.size();
        Self { messages: 1, bytes }
    }

    /// One alone is never too much.
    pub(super) fn fits(self, bound: Bound) -> bool {
        self.messages <= 1 || self.messages <= bound.messages && self.bytes <= bound.bytes
    }
}

impl Add for Load {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { messages: self.messages + other.messages, bytes: self.bytes + other.bytes }
    }
}

impl AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Load {
    fn sub_assign(&mut self, other: Self) {
        self.messages -= other.messages;
        self.bytes -= other.bytes;
    }
}
