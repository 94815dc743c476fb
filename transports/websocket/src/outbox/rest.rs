//! What is left of frames that have begun to leave, kept once for all who were handed the same.
//!
//! Where thousands of peers stop reading, their sockets are full at about the same time, in the middle
//! of the same packets. What is left isn't kept where the packet lies: that would hold a whole segment of
//! the broker's memory for each of them.

use std::cell::RefCell;

use bytes::Bytes;
use transport_api::Packet;

use crate::frame::Header;

/// Which part of what is kept for others somebody must need at least to share it.
const SHARED_PART: usize = 8;

thread_local! {
    static LAST: RefCell<Option<Rest>> = const { RefCell::new(None) };
}

/// The longest rest of the packet of which some was kept last.
///
/// While the packet's handle is kept its memory can't hold anything else, so that the same place is the
/// same packet. At most one handle is kept for each thread.
struct Rest {
    packet: Bytes,
    /// The first byte of its frame's header: what kind of frame it is.
    kind: u8,
    rest: Bytes,
}

/// Keeps what is left of the frame of a packet, which lies in two pieces.
pub(super) fn of(header: &Header, packet: Packet<'_>, (first, second): (&[u8], &[u8])) -> Bytes {
    let left = first.len() + second.len();
    let kind = header.as_slice()[0];
    LAST.with_borrow_mut(|last| {
        let same = last.as_ref().filter(|last| !header.is_masked() && last.is_of(kind, packet));
        let kept = same.map_or(0, |last| last.rest.len());
        if let Some(last) = same
            && left <= kept
            && left >= kept / SHARED_PART
        {
            return last.rest.slice(kept - left..);
        }
        let rest = Bytes::from([first, second].concat());
        if left > kept
            && !header.is_masked()
            && let Some(packet) = packet.share()
        {
            *last = Some(Rest { packet, kind, rest: rest.clone() });
        }
        rest
    })
}

impl Rest {
    fn is_of(&self, kind: u8, packet: Packet<'_>) -> bool {
        std::ptr::eq(&*self.packet, packet.as_slice()) && self.kind == kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Opcode;
    use crate::reader::Role;

    /// The rest of the frame of a packet behind its first bytes.
    fn rest(role: Role, packet: Packet<'_>, taken: usize) -> Bytes {
        let header = Header::new(role, Opcode::Binary, packet.len());
        let mut frame = Vec::new();
        header.append_to(&mut frame, packet.as_slice());
        let rest = of(&header, packet, (&frame[taken..], &[]));
        assert_eq!(rest, frame[taken..]);
        rest
    }

    #[test]
    fn what_is_left_of_the_same_packet_is_kept_once() {
        let block = Bytes::from(vec![7; 1000]);
        let packet = Packet::shared(&block, 100..900);
        let first = rest(Role::Server, packet, 300);
        assert_eq!(rest(Role::Server, packet, 300).as_ptr(), first.as_ptr());
        assert_eq!(rest(Role::Server, packet, 400).as_ptr(), first[100..].as_ptr());
        let longer = rest(Role::Server, packet, 1);
        assert_eq!(rest(Role::Server, packet, 300).as_ptr(), longer[299..].as_ptr());
        // A little is worth a copy of its own, and no reason to forget the rest.
        assert_ne!(rest(Role::Server, packet, 795).as_ptr(), longer[794..].as_ptr());
        assert_eq!(rest(Role::Server, packet, 2).as_ptr(), longer[1..].as_ptr());
    }

    #[test]
    fn what_is_left_of_other_packets_and_masked_ones_is_kept_by_itself() {
        let block = Bytes::from(vec![7; 1000]);
        let first = rest(Role::Server, Packet::shared(&block, 0..500), 10);
        let second = rest(Role::Server, Packet::shared(&block, 0..400), 10);
        assert_ne!(first.as_ptr(), second.as_ptr());
        let masked = || rest(Role::Client, Packet::shared(&block, 0..400), 10);
        assert_ne!(masked().as_ptr(), masked().as_ptr());
        let lent = || rest(Role::Server, Packet::lent(&block), 10);
        assert_ne!(lent().as_ptr(), lent().as_ptr());
    }

    #[test]
    fn none_of_it_holds_the_block_in_which_the_packet_lay() {
        let block = Bytes::from(vec![7; 1000]);
        let kept = rest(Role::Server, Packet::shared(&block, 0..500), 10);
        let other = Bytes::from(vec![8; 1000]);
        let _ = rest(Role::Server, Packet::shared(&other, 0..500), 10);
        assert!(block.is_unique() && kept.len() == 494);
    }
}
