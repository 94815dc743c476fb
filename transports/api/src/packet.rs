//! What is handed to a link: bytes by reference, and a handle on them where one exists.

use bytes::Bytes;

/// One packet to be sent: whole frames in one contiguous piece.
///
/// A stream socket copies or writes [`Packet::as_slice`]; a transport that must keep the bytes
/// (QUIC, until they are acknowledged) takes [`Packet::to_bytes`], which costs a counted reference
/// where the packet lies in shared memory and a copy where it doesn't.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    shared: Option<&'a Bytes>,
}

impl<'a> Packet<'a> {
    /// A packet in memory that is only lent.
    pub fn lent(bytes: &'a [u8]) -> Self {
        Self { bytes, shared: None }
    }

    /// A packet that is the given range of a shared block.
    ///
    /// # Panics
    /// If the range lies outside the block.
    pub fn shared(block: &'a Bytes, range: std::ops::Range<usize>) -> Self {
        Self { bytes: &block[range], shared: Some(block) }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes, to keep.
    pub fn to_bytes(&self) -> Bytes {
        self.share().unwrap_or_else(|| Bytes::copy_from_slice(self.bytes))
    }

    /// A handle on the bytes, where they lie in shared memory: nothing is copied.
    pub fn share(&self) -> Option<Bytes> {
        self.shared.map(|block| block.slice_ref(self.bytes))
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_packet_is_kept_without_a_copy() {
        let block = Bytes::from_static(b"0123456789");
        let packet = Packet::shared(&block, 2..5);
        assert_eq!(packet.as_slice(), b"234");
        assert_eq!(packet.to_bytes().as_ptr(), block[2..].as_ptr());
        assert_eq!(Packet::lent(b"abc").to_bytes(), "abc");
    }
}
