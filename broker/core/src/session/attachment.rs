//! A session's link, and what belongs to it.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use broker_protocol::Codec;
use broker_protocol::frame::LaneHeader;

use super::Control;

/// What the shard must know of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkInfo {
    /// The codec that was agreed on.
    pub codec: Codec,
    /// Whether each lane has a channel of its own.
    pub separate_lanes: bool,
    /// Who pings.
    pub pings: PongTo,
    /// A random number for the session's secret.
    pub secret: u128,
    /// The most bytes of frames in a datagram, the lane's number not counted; none where the link has
    /// no datagrams.
    pub datagram_bytes_max: Option<NonZeroU16>,
}

impl LinkInfo {
    /// How many bytes of frames go into a datagram, where lanes can have them.
    pub(crate) fn datagram_room(&self) -> Option<usize> {
        self.datagram_bytes_max.filter(|_| self.separate_lanes).map(|most| most.get().into())
    }
}

/// Who pings a silent client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PongTo {
    /// The broker, with a frame.
    Frame,
    /// The transport, with a ping of its own: the shard says when.
    Transport,
}

/// What belongs to the link and not to the session: it would be new after a resume.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) info: LinkInfo,
    pub(crate) control: Control,
    /// What the next run would be read as, where lanes share the link.
    pub(crate) header: LaneHeader,
    /// Whether the link refused, where lanes share it.
    pub(crate) blocked: bool,
    /// The place of the lane that sent last, turns of lower ones beside a higher one not counted.
    pub(crate) last_lane: u8,
    /// How many bytes lanes of the highest priority had while lower ones waited, less what those had of it.
    pub(crate) favoured: i32,
    /// The shortest time after which a mark came back, in milliseconds.
    pub(crate) shortest_trip: u16,
    /// Part of a frame, on a byte stream.
    #[expect(clippy::box_collection, reason = "few have it, and a word is less than three")]
    pub(crate) partial: Option<Box<Vec<u8>>>,
    pub(crate) packet_bytes_max: u32,
    /// How much of what was sent is kept for each lane, in bytes.
    pub(crate) kept_bytes_max: u32,
    /// How many pings without a mark weren't answered.
    pub(crate) pings_open: u32,
    /// How much may be out in each lane, if the client takes part in credit.
    pub(crate) receive_window: Option<NonZeroU32>,
    pub(crate) opened: Duration,
    pub(crate) received: Duration,
    /// In milliseconds.
    pub(crate) ping_interval: u32,
    pub(crate) pings_sent: u32,
}

impl Attachment {
    /// How often its client is pinged while it is silent.
    pub(crate) fn ping_interval(&self) -> Duration {
        Duration::from_millis(u64::from(self.ping_interval))
    }

    pub(crate) fn new(info: LinkInfo, now: Duration) -> Self {
        Self {
            info,
            control: Control::default(),
            header: LaneHeader::default(),
            blocked: false,
            last_lane: 0,
            favoured: 0,
            shortest_trip: u16::MAX,
            partial: None,
            packet_bytes_max: 0,
            kept_bytes_max: 0,
            pings_open: 0,
            receive_window: None,
            opened: now,
            received: now,
            ping_interval: 0,
            pings_sent: 0,
        }
    }
}
