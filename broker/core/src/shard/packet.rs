//! One packet: a slice of the log where that is enough, else what was gathered.

mod datagram;
mod packer;
mod replaced;

use std::num::NonZeroU64;

use broker_delivery::lane::{Item, Sent};
use broker_protocol::frame::LaneHeader;
use bytes::BytesMut;

use super::flush::Handed;
use crate::session::{LaneFrame, LaneSlot, Session};
use crate::{Log, Run};
use packer::{Limit, Packer, Taken};

/// A run of fewer bytes than this, with more behind it, is copied together with what follows: a
/// write of its own costs more. A run ends early where a turn's block does, too.
const SCATTERED_BYTES_MAX: usize = 16 << 10;

/// The most that a packet of a conflating lane takes once the link has refused: what has begun to
/// leave grows old and can't be replaced any more.
const CONFLATED_BYTES_MAX: usize = 16 << 10;

impl Session {
    /// The short way: the front of one lane lies in the log as it is to be sent.
    #[inline]
    pub(super) fn direct<'a>(
        &self,
        lane: Option<usize>,
        log: &'a Log,
    ) -> Option<(Run<'a>, Handed)> {
        let place = lane?;
        let slot = &self.lanes[place];
        if !self.link.info.separate_lanes && !self.link.control.is_empty() {
            return None;
        }
        let mut items = slot.lane.items();
        let Some(Item::Run(extent)) = items.next() else { return None };
        let header = LaneHeader { lane: slot.number, subscription: None };
        if self.header(slot) != header {
            return None;
        }
        let codec = self.link.info.codec;
        let (room, larger) = slot.allowance();
        let packet_bytes_max = (self.link.packet_bytes_max as usize).min(room);
        let packet_bytes_max = packet_bytes_max.min(self.part_of(place));
        let (block, range, count) = log.shared(codec, *extent, packet_bytes_max)?;
        if range.len() > room && !larger {
            return None;
        }
        let goes_on = count < extent.len() || items.next().is_some();
        if goes_on && range.len() < SCATTERED_BYTES_MAX.min(packet_bytes_max / 2) {
            return None;
        }
        let sent = match count == extent.len() {
            true => Sent { items: 1, ..Sent::default() },
            false => Sent { of_next: count, ..Sent::default() },
        };
        let lane_bytes = range.len();
        let handed = Handed { control_bytes: 0, lane: Some((place, sent)), lane_bytes, header };
        Some((Run::Shared(block, range), handed))
    }

    /// Gathers a packet in `out`: control, then what the lane has, as much as fits.
    pub(super) fn gather(
        &self,
        with_control: bool,
        lane: Option<usize>,
        log: &Log,
        out: &mut BytesMut,
    ) -> Handed {
        out.clear();
        let packet_bytes_max = self.link.packet_bytes_max as usize;
        let codec = self.link.info.codec;
        if with_control {
            out.extend_from_slice(self.link.control.packet(codec, packet_bytes_max));
        }
        let control_bytes = out.len();
        let more_control = with_control && control_bytes < self.link.control.bytes().len();
        let Some(place) = lane.filter(|_| !more_control) else {
            return Handed { control_bytes, lane: None, lane_bytes: 0, header: self.link.header };
        };
        let slot = &self.lanes[place];
        let packet_bytes_max = match slot.lane.conflates() && slot.lane.is_waiting() {
            true => packet_bytes_max.min(CONFLATED_BYTES_MAX).min(slot.room() as usize),
            false => packet_bytes_max,
        };
        let (room, larger) = slot.allowance();
        let share = self.part_of(place);
        let packet_bytes_max = packet_bytes_max.min(control_bytes.saturating_add(room));
        let header = self.header(slot);
        let limit = Limit { packet_bytes_max, share, larger };
        let mut packer = Packer::new(codec, (slot.number, header), limit, log, out);
        let mut sent = Sent::default();
        let by_datagram = self.datagram_room(place).is_some();
        for item in slot.lane.items() {
            if by_datagram && self.begins_a_datagram(place, item, log) {
                break;
            }
            let taken = match item {
                Item::Run(extent) if by_datagram => packer.first_of(*extent),
                Item::Run(extent) => packer.run(*extent, None),
                Item::Addressed { extent, subscription } => {
                    packer.run(*extent, Some(*subscription))
                }
                Item::Newest(newest) => packer.newest(newest),
                Item::Frame(LaneFrame::Encoded(frame) | LaneFrame::Request(frame)) => {
                    packer.frame(frame)
                }
                Item::Frame(LaneFrame::Presence(subscription)) => {
                    packer.presence(slot.presences.frames(*subscription))
                }
                Item::Frame(LaneFrame::Replayed(replayed)) => {
                    packer.replayed(replayed.0, &replayed.1)
                }
                Item::Frame(LaneFrame::Unheld(callback)) => {
                    packer.frame(slot.presences.unheld(*callback))
                }
                Item::Frame(LaneFrame::Held(callback)) => {
                    packer.frame(slot.presences.held(*callback))
                }
                Item::Frame(LaneFrame::CaughtUp(subscription)) => packer.caught_up(*subscription),
                Item::Frame(LaneFrame::Moved(moved)) => packer.moved(*moved),
                Item::Gaps(ledger) => packer.gaps(ledger),
            };
            match taken {
                Taken::Whole => sent.items += 1,
                Taken::Part(count) => {
                    sent.of_next = count;
                    break;
                }
            }
        }
        let header = packer.header();
        let header_bytes = packer.header_bytes();
        sent.told = packer.finish();
        let lane_bytes = out.len() - control_bytes - header_bytes;
        Handed { control_bytes, lane: Some((place, sent)), lane_bytes, header }
    }

    /// What a run of this lane would be read as now.
    fn header(&self, slot: &LaneSlot) -> LaneHeader {
        match self.link.info.separate_lanes {
            true => {
                let subscription = slot.addressee.map(NonZeroU64::get);
                LaneHeader { lane: slot.number, subscription }
            }
            false => self.link.header,
        }
    }
}
