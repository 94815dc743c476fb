//! The control queue: answers, pings and the closing word, apart from all data.

use broker_protocol::Codec;
use broker_protocol::frame::BrokerFrame;
use bytes::BytesMut;

/// A buffer of this size or less is kept for the next use, in bytes.
const KEPT_BYTES: usize = 256;

/// Encoded control frames that wait for the link. Never conflated or dropped.
///
/// The bound is the shard's to check: beyond it the session ends.
#[derive(Debug, Default)]
pub(crate) struct Control {
    encoded: BytesMut,
}

impl Control {
    pub(crate) fn push(&mut self, codec: Codec, frame: &BrokerFrame<'_>) {
        codec.write_broker(frame, &mut self.encoded);
    }

    /// Appends a frame that is encoded in bincode.
    pub(crate) fn push_bincode(&mut self, codec: Codec, frame: &[u8]) {
        super::lanes::transcode(codec, frame, &mut self.encoded);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.encoded
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// Forgets what was sent.
    pub(crate) fn clear(&mut self) {
        if self.encoded.capacity() > KEPT_BYTES {
            self.encoded = BytesMut::new();
        }
        self.encoded.clear();
    }
}
