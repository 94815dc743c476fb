//! A link that takes, refuses, stalls, chops and dies as its seed says.

use std::collections::VecDeque;
use std::time::Duration;

use broker_core::{Channel, Outlet, Run, Verdict};
use broker_protocol::frame::BrokerFrame;
use broker_protocol::{Codec, frames_in_packet};

use crate::random::Random;

/// What the broker wrote and the client hasn't read yet.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) stalled: bool,
    /// How often it refuses, in percent.
    pub(crate) refusing: usize,
    /// Whether it has refused something that may still wait, or too much was on its way.
    pub(crate) waited: bool,
    /// Where something was left when the last flush ended: of any lane, not only of one that conflates.
    pub(crate) refused: Refused,
    /// The channels that take nothing until it is said that they can take more.
    blocked: Vec<Channel>,
    /// Whether the former was ever so: only then what may be on its way becomes less.
    has_waited: bool,
    /// How many packets it took, and bytes; in front of which byte the client has said to have
    /// consumed all, and the broker has heard so.
    taken: u64,
    put: u64,
    said: u64,
    heard: u64,
    packets: Vec<(Channel, VecDeque<Piece>)>,
}

/// Where a link has refused something that still waits.
#[derive(Debug, Clone)]
pub(crate) enum Refused {
    /// Wherever something waits, since the broker doesn't know yet that the client has come back: surely
    /// what was put in order before this moment, which was in its lanes by then.
    Everywhere(Duration),
    /// In these channels: each takes what it can, whatever becomes of the others.
    In(Vec<Channel>),
}

impl Default for Refused {
    fn default() -> Self {
        Self::In(Vec::new())
    }
}

impl Refused {
    /// Up to when what was put in order had to wait for a channel, if anything had.
    fn of(&self, channel: Channel) -> Option<Duration> {
        match self {
            Self::Everywhere(before) => Some(*before),
            Self::In(channels) => channels.contains(&channel).then_some(Duration::MAX),
        }
    }
}

/// When a packet was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// The flush.
    pub(crate) flush: u64,
    /// When its shard looked at its clock last.
    pub(crate) at: Duration,
    /// Whether the link had refused something that still waited when the flush began, or too much was on
    /// its way.
    pub(crate) waited: bool,
    /// The same of its channel, however much was on its way: that makes only lanes that conflate wait.
    /// What was put in order before this moment had to wait.
    pub(crate) refused: Option<Duration>,
    /// The packet's number in its link.
    pub(crate) packet: u64,
    /// How many bytes were written with it.
    pub(crate) place: u64,
}

/// Bytes of one packet.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) written: Written,
    /// The mark of a ping of the transport's own: then there are no bytes.
    pub(crate) mark: Option<u64>,
    pub(crate) bytes: Vec<u8>,
    /// Whether the packet goes on in another piece.
    pub(crate) more: bool,
}

/// What of lanes that conflate may always be on its way, at first and once something has waited.
const START_BYTES: u64 = 64 << 10;
const LEAST_BYTES: u64 = 8 << 10;

impl Link {
    /// A flush has ended: whether everything was taken, and whether the broker knows whose link it is.
    pub(crate) fn flushed(&mut self, everything: bool, known: bool) {
        let most = if self.has_waited { LEAST_BYTES } else { START_BYTES };
        if known {
            self.refused = Refused::In(self.blocked.clone());
        }
        self.waited = (self.waited && !everything) || self.put - self.heard >= most;
        self.has_waited |= self.waited;
    }

    /// It can take more.
    pub(crate) fn unblock(&mut self) {
        self.blocked.clear();
    }

    /// The client says that it has consumed what is in front of a mark.
    pub(crate) fn say(&mut self, place: u64) {
        self.said = self.said.max(place);
    }

    /// The broker has heard everything that the client said.
    pub(crate) fn hear(&mut self) {
        self.heard = self.said;
    }

    fn put(&mut self, channel: Channel, written: Written, mark: Option<u64>, bytes: &[u8]) {
        self.taken += 1;
        self.put += bytes.len() as u64;
        let written = Written { packet: self.taken, place: self.put, ..written };
        let place = self.packets.iter().position(|(one, _)| *one == channel);
        let place = place.unwrap_or_else(|| {
            self.packets.push((channel, VecDeque::new()));
            self.packets.len() - 1
        });
        let bytes = bytes.to_vec();
        self.packets[place].1.push_back(Piece { written, mark, bytes, more: false });
    }

    /// What was written and not read, by channel.
    pub(crate) fn drain(&mut self) -> Vec<(Channel, Vec<u8>)> {
        let packets = self.packets.drain(..);
        let bytes = |pieces: VecDeque<Piece>| pieces.into_iter().flat_map(|piece| piece.bytes);
        packets.map(|(channel, pieces)| (channel, bytes(pieces).collect())).collect()
    }

    /// How many bytes were written and not read.
    pub(crate) fn unread(&self) -> u64 {
        let pieces = self.packets.iter().flat_map(|(_, pieces)| pieces);
        pieces.map(|piece| piece.bytes.len() as u64).sum()
    }

    /// Takes some bytes off one channel. Channels overtake each other, unless control comes first.
    pub(crate) fn take(
        &mut self,
        control_first: bool,
        random: &mut Random,
    ) -> Option<(Channel, Piece)> {
        let full = |(_, (channel, pieces)): &(usize, &(Channel, VecDeque<Piece>))| {
            !pieces.is_empty() && (!control_first || *channel == Channel::Control)
        };
        let full: Vec<usize> = self.packets.iter().enumerate().filter(full).map(|f| f.0).collect();
        if full.is_empty() {
            return None;
        }
        let (channel, pieces) = &mut self.packets[*random.pick(&full)];
        let mut piece = pieces.pop_front()?;
        if piece.bytes.len() > 1 && random.percent(30) {
            let rest = piece.bytes.split_off(random.between(1, piece.bytes.len() - 1));
            let Piece { written, mark, more, .. } = piece;
            pieces.push_front(Piece { written, mark, bytes: rest, more });
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
    pub(crate) at: Duration,
    /// Whether something had waited when the flush began.
    pub(crate) waited: bool,
    pub(crate) refused: Refused,
    /// Takes nothing, or whatever comes; `None` as the link is.
    pub(crate) forced: Option<Verdict>,
    pub(crate) codec: Codec,
    pub(crate) packet_bytes_max: usize,
    /// A packet that was larger than it may be.
    pub(crate) oversized: Option<usize>,
}

impl Outlet for Flushing<'_> {
    fn send(&mut self, channel: Channel, packet: Run<'_>) -> Verdict {
        self.take(channel, None, packet.as_slice())
    }

    fn ping(&mut self, mark: u64) -> Verdict {
        self.take(Channel::Control, Some(mark), &[])
    }
}

impl Flushing<'_> {
    fn take(&mut self, channel: Channel, mark: Option<u64>, bytes: &[u8]) -> Verdict {
        let verdict = self.forced.unwrap_or_else(|| self.judge());
        if verdict != Verdict::Refused {
            self.measure(bytes);
            let Self { flush, at, waited, .. } = *self;
            let refused = self.refused.of(channel);
            let written = Written { flush, at, waited, refused, packet: 0, place: 0 };
            self.link.put(channel, written, mark, bytes);
        }
        self.link.waited |= verdict != Verdict::Taken;
        if verdict != Verdict::Taken && !self.link.blocked.contains(&channel) {
            self.link.blocked.push(channel);
        }
        verdict
    }

    fn judge(&mut self) -> Verdict {
        if self.link.stalled {
            return Verdict::Refused;
        }
        match self.random.percent(self.link.refusing) {
            false => Verdict::Taken,
            true => *self.random.pick(&[Verdict::Refused, Verdict::TakenAndBlocked]),
        }
    }

    /// Only one frame alone, behind its `lane` and the gap of what it replaced, may be larger than a
    /// packet.
    fn measure(&mut self, packet: &[u8]) {
        if packet.len() <= self.packet_bytes_max {
            return;
        }
        let cuts = frames_in_packet(self.codec, packet, usize::MAX).filter_map(Result::ok);
        let frames = cuts.filter(|frame| !is_told_with_others(self.codec, frame));
        if frames.count() > 1 {
            self.oversized = Some(packet.len());
        }
    }
}

/// Whether a frame only says where those behind it belong, or what they replaced.
fn is_told_with_others(codec: Codec, frame: &[u8]) -> bool {
    let read = codec.read_broker(frame).ok().flatten();
    matches!(read, Some(BrokerFrame::Lane(_) | BrokerFrame::Gap(_)))
}
