//! A link that takes, refuses, stalls, chops and dies as its seed says.

use std::collections::VecDeque;

use broker_core::{Channel, Outlet, Run, Verdict};
use broker_protocol::{Codec, frames_in_packet};

use crate::random::Random;

/// What the broker wrote and the client hasn't read yet.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) stalled: bool,
    /// How often it refuses, in percent.
    pub(crate) refusing: usize,
    packets: Vec<(Channel, VecDeque<Piece>)>,
}

/// Bytes of one packet.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The flush in which it was written.
    pub(crate) flush: u64,
    pub(crate) bytes: Vec<u8>,
    /// Whether the packet goes on in another piece.
    pub(crate) more: bool,
}

impl Link {
    fn put(&mut self, channel: Channel, flush: u64, bytes: &[u8]) {
        let place = self.packets.iter().position(|(one, _)| *one == channel);
        let place = place.unwrap_or_else(|| {
            self.packets.push((channel, VecDeque::new()));
            self.packets.len() - 1
        });
        self.packets[place].1.push_back(Piece { flush, bytes: bytes.to_vec(), more: false });
    }

    /// Takes some bytes off one channel. Channels overtake each other.
    pub(crate) fn take(&mut self, random: &mut Random) -> Option<(Channel, Piece)> {
        let full = |(_, (_, pieces)): &(usize, &(Channel, VecDeque<Piece>))| !pieces.is_empty();
        let full: Vec<usize> = self.packets.iter().enumerate().filter(full).map(|f| f.0).collect();
        if full.is_empty() {
            return None;
        }
        let (channel, pieces) = &mut self.packets[*random.pick(&full)];
        let mut piece = pieces.pop_front()?;
        if piece.bytes.len() > 1 && random.percent(30) {
            let rest = piece.bytes.split_off(random.between(1, piece.bytes.len() - 1));
            let more = piece.more;
            pieces.push_front(Piece { flush: piece.flush, bytes: rest, more });
            piece.more = true;
        }
        Some((*channel, piece))
    }
}

/// A link, while a session is flushed into it.
pub(crate) struct Flushing<'a> {
    pub(crate) link: &'a mut Link,
    pub(crate) random: &'a mut Random,
    pub(crate) flush: u64,
    /// Takes nothing, or whatever comes; `None` as the link is.
    pub(crate) forced: Option<Verdict>,
    pub(crate) codec: Codec,
    pub(crate) packet_bytes_max: usize,
    /// A packet that was larger than it may be.
    pub(crate) oversized: Option<usize>,
}

impl Outlet for Flushing<'_> {
    fn send(&mut self, channel: Channel, packet: Run<'_>) -> Verdict {
        let verdict = self.forced.unwrap_or_else(|| self.judge());
        if verdict != Verdict::Refused {
            let bytes = packet.as_slice();
            self.measure(bytes);
            self.link.put(channel, self.flush, bytes);
        }
        verdict
    }
}

impl Flushing<'_> {
    fn judge(&mut self) -> Verdict {
        if self.link.stalled {
            return Verdict::Refused;
        }
        match self.random.percent(self.link.refusing) {
            false => Verdict::Taken,
            true => *self.random.pick(&[Verdict::Refused, Verdict::TakenAndBlocked]),
        }
    }

    /// Only one frame alone, behind its `lane`, may be larger than a packet.
    fn measure(&mut self, packet: &[u8]) {
        if packet.len() <= self.packet_bytes_max {
            return;
        }
        if frames_in_packet(self.codec, packet, usize::MAX).count() > 2 {
            self.oversized = Some(packet.len());
        }
    }
}
