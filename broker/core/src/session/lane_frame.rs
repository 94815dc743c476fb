//! Frames that are data of a lane.

use std::time::Duration;

use broker_delivery::lane::{Frame, Item};
use broker_protocol::frame::{BrokerFrame, Moved};
use broker_protocol::{Codec, message};
use bytes::{Bytes, BytesMut};

use crate::{CallbackId, Publication};

/// What a waiting presence costs in a lane, in bytes. Its names are bounded by the crowd.
const PRESENCE_BYTES: u64 = 64;

/// What a waiting word about something that is held costs in a lane, in bytes: the longest such frame.
const HELD_BYTES: u64 = 41;

/// What a waiting `moved` costs in a lane, in bytes.
const MOVED_BYTES: u64 = 16;

/// A frame that is data of a lane.
#[derive(Debug)]
pub(crate) enum LaneFrame {
    /// A frame, encoded in bincode.
    Encoded(Bytes),
    /// A request to a provider, encoded in bincode.
    Request(Bytes),
    /// The place of a subscription's presence; who came and went is in [`Presences`](super::Presences).
    Presence(u64),
    /// A retained value for one subscription.
    Replayed(Box<(u64, Publication)>),
    /// The end of a subscription's replay.
    CaughtUp(u64),
    /// The place where it is told that nobody holds a callback any more; the frame is in
    /// [`Presences`](super::Presences).
    Unheld(u64),
    /// The place where it is told what has become of something that is held; the frame is in
    /// [`Presences`](super::Presences).
    Held(CallbackId),
    /// A subscription goes on in another lane.
    Moved(Moved),
}

impl LaneFrame {
    pub(crate) fn encode(frame: &BrokerFrame<'_>) -> Self {
        Self::Encoded(in_bincode(frame))
    }

    /// When it isn't worth delivering any more, if ever.
    fn expires(&self) -> Option<Duration> {
        match self {
            Self::Replayed(value) => value.1.expires,
            _ => None,
        }
    }

    /// Whether it isn't worth delivering any more at some time.
    pub(super) fn may_expire(&self) -> bool {
        self.expires().is_some()
    }

    /// The command that it is the answer to.
    pub(crate) fn answers(&self) -> Option<u64> {
        let Self::Encoded(encoded) = self else { return None };
        let cut = Codec::Bincode.cut(encoded, usize::MAX).ok()??;
        match Codec::Bincode.read_broker(cut.frame).ok()?? {
            BrokerFrame::Accepted(accepted) => Some(accepted.id),
            _ => None,
        }
    }
}

impl Frame for LaneFrame {
    fn size(&self) -> u64 {
        match self {
            Self::Encoded(frame) | Self::Request(frame) => frame.len() as u64,
            Self::Presence(_) | Self::Unheld(_) => PRESENCE_BYTES,
            Self::Held(_) => HELD_BYTES,
            Self::Moved(_) => MOVED_BYTES,
            // Replays are paced, and outside the bound.
            Self::Replayed(_) | Self::CaughtUp(_) => 0,
        }
    }

    fn is_void_behind_losses(&self) -> bool {
        matches!(self, Self::CaughtUp(_))
    }

    /// Requests are lost with their link: their askers wait no longer than they said. Retained values
    /// come anew.
    fn must_arrive(&self) -> bool {
        !matches!(self, Self::Request(_) | Self::Replayed(_) | Self::CaughtUp(_))
    }

    fn has_expired(&self, now: Duration) -> bool {
        self.expires().is_some_and(|expires| expires <= now)
    }

    fn held(&self) -> u64 {
        match self {
            Self::Replayed(replayed) => replayed.1.size() as u64,
            Self::CaughtUp(_) => size_of::<Self>() as u64,
            frame => frame.size(),
        }
    }
}

/// Whether it is a frame of a replay.
pub(super) fn is_replay(item: &Item<LaneFrame>) -> bool {
    matches!(item, Item::Frame(LaneFrame::Replayed(_) | LaneFrame::CaughtUp(_)))
}

/// A frame, encoded in bincode.
pub(crate) fn in_bincode(frame: &BrokerFrame<'_>) -> Bytes {
    let mut encoded = BytesMut::new();
    Codec::Bincode.write_broker(frame, &mut encoded);
    // It may be kept for long, in memory of its size.
    Bytes::copy_from_slice(&encoded)
}

/// Appends a frame that is encoded in bincode, in `codec`.
pub(crate) fn transcode(codec: Codec, frame: &[u8], out: &mut BytesMut) {
    match codec {
        Codec::Bincode => out.extend_from_slice(frame),
        Codec::Json => message::broker_to_json(frame, out).expect("this broker encoded it"),
    }
}
