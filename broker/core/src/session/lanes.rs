//! A session's lanes, and the frames that are data of a lane.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_delivery::lane::{Frame, Lane, LaneOptions};
use broker_protocol::frame::{BrokerFrame, Presence};
use broker_protocol::{Codec, message};
use bytes::{Bytes, BytesMut};

/// What a waiting presence frame costs in a lane, in bytes. Its names are bounded by themselves: a
/// name waits once.
const PRESENCE_BYTES: u64 = 64;

/// One lane of a session.
#[derive(Debug)]
pub(crate) struct LaneSlot {
    /// The number by which the client knows it.
    pub(crate) number: u8,
    pub(crate) lane: Lane<LaneFrame>,
    pub(crate) presences: Presences,
    /// The subscription that what follows is for, where each lane has a channel of its own.
    pub(crate) addressee: Option<u64>,
    /// Whether the lane's own channel refused.
    pub(crate) blocked: bool,
}

impl LaneSlot {
    pub(crate) fn new(number: u8, options: LaneOptions) -> Self {
        let (lane, presences) = (Lane::new(options), Presences::default());
        Self { number, lane, presences, addressee: None, blocked: false }
    }
}

/// A frame that is data of a lane.
#[derive(Debug)]
pub(crate) enum LaneFrame {
    /// A frame, encoded in bincode.
    Encoded(Bytes),
    /// The place of a subscription's presence; who came and went is in [`Presences`].
    Presence(u64),
}

impl LaneFrame {
    pub(crate) fn encode(frame: &BrokerFrame<'_>) -> Self {
        let mut encoded = BytesMut::new();
        Codec::Bincode.write_broker(frame, &mut encoded);
        Self::Encoded(encoded.freeze())
    }

    pub(crate) fn write(&self, codec: Codec, presences: &Presences, out: &mut BytesMut) {
        match self {
            Self::Encoded(frame) => transcode(codec, frame, out),
            Self::Presence(subscription) => presences.write(*subscription, codec, out),
        }
    }
}

impl Frame for LaneFrame {
    fn size(&self) -> u64 {
        match self {
            Self::Encoded(frame) => frame.len() as u64,
            Self::Presence(_) => PRESENCE_BYTES,
        }
    }
}

/// Appends a frame that is encoded in bincode, in `codec`.
pub(crate) fn transcode(codec: Codec, frame: &[u8], out: &mut BytesMut) {
    match codec {
        Codec::Bincode => out.extend_from_slice(frame),
        Codec::Json => message::broker_to_json(frame, out).expect("this broker encoded it"),
    }
}

/// Who came and went while presence frames wait: per subscription and name the last word.
///
/// Like a waiting key, a waiting presence keeps its place and takes what is new.
#[derive(Debug, Default)]
pub(crate) struct Presences {
    waiting: BTreeMap<u64, BTreeMap<Arc<str>, Change>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Joined,
    Left,
}

impl Presences {
    /// Notes a change. Returns whether a place in the lane is needed: none waited.
    pub(crate) fn note(
        &mut self,
        subscription: u64,
        joined: Vec<Arc<str>>,
        left: Vec<Arc<str>>,
    ) -> bool {
        let needs_place = !self.waiting.contains_key(&subscription);
        let changes = self.waiting.entry(subscription).or_default();
        changes.extend(joined.into_iter().map(|name| (name, Change::Joined)));
        changes.extend(left.into_iter().map(|name| (name, Change::Left)));
        needs_place
    }

    fn write(&self, subscription: u64, codec: Codec, out: &mut BytesMut) {
        let Some(changes) = self.waiting.get(&subscription) else { return };
        let names = |wanted: Change| {
            let of = changes.iter().filter(move |(_, change)| **change == wanted);
            of.map(|(name, _)| name.to_string()).collect()
        };
        let (joined, left) = (names(Change::Joined), names(Change::Left));
        codec.write_broker(&BrokerFrame::Presence(Presence { subscription, joined, left }), out);
    }

    /// Forgets what was sent.
    pub(crate) fn sent(&mut self, subscription: u64) {
        self.waiting.remove(&subscription);
    }
}
