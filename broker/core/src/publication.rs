//! A message that was accepted.

use std::sync::Arc;
use std::time::Duration;

use broker_protocol::{Codec, message};
use bytes::{Bytes, BytesMut};

use crate::TopicId;

/// A message that was accepted and has its place in the order.
///
/// Cheap to clone: shards share the parts and write the few bytes in front themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The topic.
    pub topic: Arc<str>,
    /// The topic, for look-ups.
    pub topic_id: TopicId,
    /// The place in the topic's order, from 1.
    pub seq: u64,
    /// The epoch of `seq`.
    pub epoch: u64,
    /// When it was accepted, in milliseconds since the Unix epoch.
    pub time: u64,
    /// When it isn't worth delivering any more to who has to wait for it, by the broker's monotonic
    /// clock; never where there is none.
    pub expires: Option<Duration>,
    /// Everything of the `message` frame that follows the time, encoded by the publisher's shard.
    pub parts: Bytes,
}

impl Publication {
    /// How long its frame is in bincode, which is what it costs in a lane, in bytes.
    pub fn frame_bytes(&self) -> usize {
        message::frame_bytes(self.seq, self.epoch, self.time, self.parts.len())
    }

    /// Appends its frame.
    pub(crate) fn write(&self, codec: Codec, out: &mut BytesMut) {
        let Self { seq, epoch, time, parts, .. } = self;
        if codec == Codec::Bincode {
            return message::write_frame(*seq, *epoch, *time, parts, out);
        }
        let mut frame = BytesMut::with_capacity(self.frame_bytes());
        message::write_frame(*seq, *epoch, *time, parts, &mut frame);
        message::to_json(&frame, out).expect("this broker encoded it");
    }

    /// What it counts against the bound of an inbox, in bytes.
    pub fn size(&self) -> usize {
        self.parts.len() + size_of::<Self>()
    }
}
