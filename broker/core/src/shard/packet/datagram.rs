//! Datagrams: the messages of an unreliable lane, where the link has them.

use broker_delivery::lane::{Entries, Extent, Gap, Item, Sent};
use broker_protocol::frame::{BrokerFrame, LaneHeader};
use bytes::BytesMut;

use super::replaced::Replaced;
use crate::Log;
use crate::session::{LaneFrame, Session};

impl Session {
    /// How many bytes of messages go into a datagram, if those of the lane at this place go so.
    pub(in crate::shard) fn datagram_room(&self, place: usize) -> Option<usize> {
        let room = self.link.info.datagram_room()?;
        self.lanes[place].lane.options().unreliable.then_some(room)
    }

    /// Gathers a datagram in `out`: messages in front of the lane, as many as fit. `None` if what is in
    /// front isn't a message, or fits into none.
    pub(in crate::shard) fn gather_datagram(
        &self,
        place: usize,
        log: &Log,
        out: &mut BytesMut,
    ) -> Option<Sent> {
        out.clear();
        let (room, slot) = (self.datagram_room(place)?, &self.lanes[place]);
        let mut sent = Sent::default();
        for item in slot.lane.items() {
            let Some(extent) = alone(item) else { break };
            let taken = self.take_messages(extent, room, log, out);
            if taken < extent.len() {
                sent.of_next = taken;
                break;
            }
            sent.items += 1;
        }
        (sent != Sent::default()).then_some(sent)
    }

    /// Copies as many messages as fit. Returns how many.
    fn take_messages(&self, extent: Extent, room: usize, log: &Log, out: &mut BytesMut) -> u32 {
        let codec = self.link.info.codec;
        for (count, entry) in extent.entries().enumerate() {
            if out.len() + log.frame_bytes(codec, entry) > room {
                return count as u32;
            }
            log.copy(codec, entry, out);
        }
        extent.len()
    }

    /// Whether an item begins with what goes into a datagram.
    pub(super) fn begins_a_datagram(
        &self,
        place: usize,
        item: &Item<LaneFrame>,
        log: &Log,
    ) -> bool {
        let (Some(room), Some(extent)) = (self.datagram_room(place), alone(item)) else {
            return false;
        };
        log.frame_bytes(self.link.info.codec, extent.start) <= room
    }

    /// Writes what the first `items` of a lane replaced: gaps go by the lane's stream, since they
    /// mustn't get lost, and are for all of the lane. Returns the gaps, and how many bytes of `out`
    /// are their own; if there are none, `out` is as it was.
    pub(in crate::shard) fn gather_replaced(
        &self,
        place: usize,
        items: usize,
        log: &Log,
        out: &mut BytesMut,
    ) -> (Vec<(u32, Gap)>, usize) {
        let slot = &self.lanes[place];
        let mut replaced = Replaced::default();
        for item in slot.lane.items().take(items) {
            if let Item::Newest(newest) = item
                && let Some(entry) = newest.entries().next()
            {
                for told in newest.skipped() {
                    replaced.note((0, 0), log.topic(entry), *told);
                }
            }
        }
        let mut told = Vec::new();
        if replaced.is_empty() {
            return (told, 0);
        }
        out.clear();
        replaced.write(self.link.info.codec, out, &mut told);
        let told_bytes = out.len();
        if slot.addressee.is_some() {
            let header = LaneHeader { lane: slot.number, subscription: None };
            self.link.info.codec.write_broker(&BrokerFrame::Lane(header), out);
            out.rotate_left(told_bytes);
        }
        (told, told_bytes)
    }
}

/// The messages of an item that may go into a datagram, each by itself.
fn alone(item: &Item<LaneFrame>) -> Option<Extent> {
    match item {
        Item::Run(extent) => Some(*extent),
        Item::Newest(newest) => {
            let mut entries = newest.entries();
            let (first, more) = (entries.next(), entries.next());
            first.filter(|_| more.is_none()).map(Extent::one)
        }
        Item::Addressed { .. } | Item::Frame(_) | Item::Gaps(_) => None,
    }
}
