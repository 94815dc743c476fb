//! The control queue: answers, pings and the closing word, apart from all data.

use broker_protocol::Codec;
use broker_protocol::frame::BrokerFrame;
use bytes::{Buf as _, BytesMut};

/// A buffer of this size or less is kept for the next use, in bytes: room for the answers of a turn,
/// and not for the first words of a session, most of which are idle then.
const KEPT_BYTES: usize = 64;

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

    /// Appends a frame that is encoded in bincode, unless more than `bytes_max` would wait then.
    /// Returns whether it did.
    pub(crate) fn push_within(&mut self, bytes_max: usize, codec: Codec, frame: &[u8]) -> bool {
        let before = self.encoded.len();
        super::transcode(codec, frame, &mut self.encoded);
        let fits = self.encoded.len() <= bytes_max;
        if !fits {
            self.encoded.truncate(before);
        }
        fits
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.encoded
    }

    /// The first frames that fit into a packet, or one larger frame.
    pub(crate) fn packet(&self, codec: Codec, bytes_max: usize) -> &[u8] {
        if self.encoded.len() <= bytes_max {
            return &self.encoded;
        }
        let mut end = 0;
        while let Ok(Some(cut)) = codec.cut(&self.encoded[end..], usize::MAX) {
            if end > 0 && end + cut.taken > bytes_max {
                break;
            }
            end += cut.taken;
        }
        &self.encoded[..end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// Forgets the bytes at the front that were sent.
    pub(crate) fn sent(&mut self, bytes: usize) {
        if bytes < self.encoded.len() {
            return self.encoded.advance(bytes);
        }
        self.encoded.clear();
        if self.encoded.capacity() > KEPT_BYTES {
            self.give_back();
        }
    }

    /// Gives the buffer back, if nothing waits in it.
    pub(crate) fn give_back(&mut self) {
        if self.encoded.is_empty() {
            self.encoded = BytesMut::new();
        }
    }
}
