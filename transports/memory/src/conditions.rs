//! How badly one direction of a link behaves.

use std::time::Duration;

use transport_api::Channel;

/// How badly one direction of a link behaves. The default is a fast and faithful link.
///
/// Whatever is left to chance comes from the link's seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// How long each packet, and the end of the link, is under way.
    pub delay: Duration,
    /// What doesn't move until it is released. What is held back stays within `capacity_bytes`.
    pub stall: Stall,
    /// Bytes of one channel that are under way before its sender is blocked; at least 1 is assumed.
    pub capacity_bytes: usize,
    /// The share of packets, 0 to 1, of which the link takes only a part although there is room.
    pub partial: f64,
    /// Cuts and joins what arrives into pieces of 1 to this many bytes, with `Framing::Stream`.
    pub chop_bytes_max: Option<usize>,
    /// The share of packets, 0 to 1, that are lost: datagrams silently; any other breaks the link.
    pub loss: f64,
    /// The share of datagrams, 0 to 1, that are lost beside.
    pub datagram_loss: f64,
}

impl Conditions {
    /// What is under way in one channel by default: 64 KiB, as in a small socket.
    pub const CAPACITY_BYTES: usize = 64 * 1024;
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            stall: Stall::Nothing,
            capacity_bytes: Self::CAPACITY_BYTES,
            partial: 0.0,
            chop_bytes_max: None,
            loss: 0.0,
            datagram_loss: 0.0,
        }
    }
}

/// What doesn't move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stall {
    /// Everything moves.
    Nothing,
    /// This channel stands still; the others go on.
    Channel(Channel),
    /// Nothing arrives, not even the end of the link: a peer that is frozen or out of reach.
    Everything,
}

impl Stall {
    /// Whether `channel` stands still.
    pub(crate) fn holds(self, channel: Channel) -> bool {
        match self {
            Self::Nothing => false,
            Self::Channel(held) => held == channel,
            Self::Everything => true,
        }
    }
}

/// One of the two directions of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the end that connected, or the first of a pair.
    ToServer,
    /// From the end that accepted, or the second of a pair.
    ToClient,
}

impl Direction {
    pub(crate) fn index(self) -> usize {
        match self {
            Self::ToServer => 0,
            Self::ToClient => 1,
        }
    }

    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }
}
