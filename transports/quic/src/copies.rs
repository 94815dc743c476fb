//! Copies of packets, made once for all who get the same.

use std::cell::RefCell;

use bytes::Bytes;
use transport_api::Packet;

thread_local! {
    /// What was copied last.
    static LAST: RefCell<Bytes> = const { RefCell::new(Bytes::new()) };
}

/// A copy of a packet, in memory of its own.
///
/// Thousands of links are handed the same packet one after the other, and share its copy. It is known
/// by its bytes: comparing them costs less than memory for another copy, and holds nothing of the
/// packet's own.
pub(crate) fn copy_of(packet: &Packet<'_>) -> Bytes {
    LAST.with_borrow_mut(|last| {
        if *last != packet.as_slice() {
            *last = Bytes::copy_from_slice(packet.as_slice());
        }
        last.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_packet_is_copied_once_and_another_range_anew() {
        let block = Bytes::from(b"one two".to_vec());
        let first = copy_of(&Packet::shared(&block, 0..3));
        let again = copy_of(&Packet::shared(&block, 0..3));
        assert_eq!(first.as_ptr(), again.as_ptr());
        assert_ne!(first.as_ptr(), block.as_ptr());
        assert_eq!(copy_of(&Packet::shared(&block, 4..7)), "two");
        assert_eq!(copy_of(&Packet::shared(&block, 0..3)), "one");
    }

    #[test]
    fn memory_that_says_something_else_is_copied_anew() {
        let mut lent = *b"one";
        assert_eq!(copy_of(&Packet::lent(&lent)), "one");
        lent = *b"two";
        assert_eq!(copy_of(&Packet::lent(&lent)), "two");
    }
}
