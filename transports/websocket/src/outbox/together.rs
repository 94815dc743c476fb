//! Header and payload of small frames in one piece, put together once for all who get the same.

use std::cell::RefCell;

use bytes::Bytes;
use transport_api::Packet;

use crate::frame::Header;

/// Up to this many bytes header and payload are put together and written as one piece. Beyond it two
/// pieces cost less than the copy.
pub(super) const BYTES_MAX: usize = 16 * 1024;

thread_local! {
    static LAST: RefCell<Together> = RefCell::default();
}

/// The frame that was put together last.
///
/// Thousands of links are handed the same packet one after the other. While its handle is kept its
/// memory can't hold anything else, so that the same place is the same frame. At most one handle is
/// kept for each thread.
#[derive(Default)]
struct Together {
    frame: Vec<u8>,
    packet: Option<Bytes>,
}

/// Hands on the frame of a packet in one piece, of at most [`BYTES_MAX`].
pub(super) fn with_frame<T>(
    header: &Header,
    packet: Packet<'_>,
    write: impl FnOnce(&[u8]) -> T,
) -> T {
    LAST.with_borrow_mut(|last| {
        if !last.is_frame_of(header, packet) {
            last.put_together(header, packet);
        }
        write(&last.frame)
    })
}

impl Together {
    /// Whether this is the frame of that packet. A masked one never is: each has a mask of its own.
    fn is_frame_of(&self, header: &Header, packet: Packet<'_>) -> bool {
        let (payload, frame) = (packet.as_slice(), &self.frame);
        self.packet.as_ref().is_some_and(|kept| std::ptr::eq(&**kept, payload))
            && frame.starts_with(header.as_slice())
    }

    fn put_together(&mut self, header: &Header, packet: Packet<'_>) {
        self.frame.clear();
        header.append_to(&mut self.frame, packet.as_slice());
        self.packet = packet.share().filter(|_| !header.is_masked());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Opcode;
    use crate::reader::Role;

    fn frame(role: Role, opcode: Opcode, packet: Packet<'_>) -> Vec<u8> {
        let header = Header::new(role, opcode, packet.len());
        with_frame(&header, packet, <[u8]>::to_vec)
    }

    #[test]
    fn a_packet_in_shared_memory_is_put_together_once() {
        let block = Bytes::from(b"one two".to_vec());
        let made = || LAST.with_borrow(|last| last.packet.as_ref().map(|kept| kept.as_ptr()));
        for _ in 0..3 {
            let written = frame(Role::Server, Opcode::Binary, Packet::shared(&block, 0..3));
            assert_eq!(written, b"\x82\x03one");
            assert_eq!(made(), Some(block.as_ptr()));
        }
    }

    #[test]
    fn another_range_or_kind_of_the_same_memory_is_another_frame() {
        let block = Bytes::from(b"one two".to_vec());
        let written = |opcode, range| frame(Role::Server, opcode, Packet::shared(&block, range));
        assert_eq!(written(Opcode::Binary, 0..3), b"\x82\x03one");
        assert_eq!(written(Opcode::Text, 0..3), b"\x81\x03one");
        assert_eq!(written(Opcode::Text, 0..7), b"\x81\x07one two");
        assert_eq!(written(Opcode::Text, 4..7), b"\x81\x03two");
    }

    #[test]
    fn what_is_only_lent_or_masked_is_put_together_each_time() {
        let mut lent = *b"one";
        frame(Role::Server, Opcode::Binary, Packet::lent(&lent));
        lent = *b"two";
        let written = frame(Role::Server, Opcode::Binary, Packet::lent(&lent));
        assert_eq!(written, b"\x82\x03two");
        let block = Bytes::from(b"one".to_vec());
        let masked = || frame(Role::Client, Opcode::Binary, Packet::shared(&block, 0..3));
        assert_ne!(masked(), masked());
    }
}
