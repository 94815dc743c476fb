//! `[lanes]`: what waits for a subscriber that is behind.

use broker_delivery::lane;

use crate::config::declare::section;
use crate::config::kind::{Choice, GIB, KIB, MIB, bytes, choice, count};

/// What happens when a lane that keeps everything reaches its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The session's connection ends, with the code `slow-consumer`.
    Disconnect,
    /// The oldest that wait are dropped, and told in a gap.
    DropOldest,
    /// Everything that waits is dropped and told, and what is retained is sent.
    Resync,
}

impl Choice for Overflow {
    const CHOICES: &'static [(&'static str, Self)] = &[
        ("disconnect", Self::Disconnect),
        ("drop-oldest", Self::DropOldest),
        ("resync", Self::Resync),
    ];
}

impl From<Overflow> for lane::Overflow {
    fn from(overflow: Overflow) -> Self {
        match overflow {
            Overflow::Disconnect => Self::Disconnect,
            Overflow::DropOldest => Self::DropOldest,
            Overflow::Resync => Self::Resync,
        }
    }
}

section! {
    /// What waits for a subscriber that is behind, where the client doesn't ask for something else.
    pub struct Lanes {
        /// Messages that wait in a lane at most, and the largest bound that a client is granted.
        bound_messages: usize = 4_096, count(1..=1_000_000);
        /// Bytes that wait in a lane at most, and the largest bound that a client is granted: what a
        /// stalled subscriber may cost. A larger single message still goes to an empty lane.
        bound_bytes: usize = MIB, bytes(KIB..=GIB);
        /// What happens at the bound: "disconnect" ends the connection of a subscriber that is too slow,
        /// "drop-oldest" keeps it and tells it exactly what it missed, "resync" drops all that waits, tells
        /// it, and sends what is retained: for topics whose messages are.
        overflow: Overflow = Overflow::Disconnect, choice();
    }
}
