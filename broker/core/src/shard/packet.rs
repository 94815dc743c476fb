//! One packet: a slice of the log where that is enough, else what was gathered.

use broker_delivery::lane::{Extent, Item, Ledger, Sent};
use broker_protocol::Codec;
use broker_protocol::frame::{BrokerFrame, Gap, GapReason, LaneHeader, Presence};
use bytes::BytesMut;

use super::flush::Handed;
use crate::session::{LaneFrame, LaneSlot, Session, transcode};
use crate::{Log, Run};

/// A run of fewer bytes than this, with more behind it, is copied together with what follows: a
/// write of its own costs more. A run ends early where a turn's block does, too.
const SCATTERED_BYTES_MAX: usize = 16 << 10;

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
        let (block, range, count) = log.shared(codec, *extent, self.link.packet_bytes_max)?;
        let goes_on = count < extent.len() || items.next().is_some();
        if goes_on && range.len() < SCATTERED_BYTES_MAX.min(self.link.packet_bytes_max / 2) {
            return None;
        }
        let sent = match count == extent.len() {
            true => Sent { items: 1, of_next: 0 },
            false => Sent { items: 0, of_next: count },
        };
        let handed = Handed { control_bytes: 0, lane: Some((place, sent)), header };
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
        let packet_bytes_max = self.link.packet_bytes_max;
        let codec = self.link.info.codec;
        if with_control {
            out.extend_from_slice(self.link.control.packet(codec, packet_bytes_max));
        }
        let control_bytes = out.len();
        let more_control = with_control && control_bytes < self.link.control.bytes().len();
        let Some(place) = lane.filter(|_| !more_control) else {
            return Handed { control_bytes, lane: None, header: self.link.header };
        };
        let slot = &self.lanes[place];
        let header = self.header(slot);
        let mut packer = Packer { codec, number: slot.number, header, packet_bytes_max, log, out };
        let mut sent = Sent::default();
        for item in slot.lane.items() {
            let taken = match item {
                Item::Run(extent) => packer.run(*extent, None),
                Item::Addressed { extent, subscription } => {
                    packer.run(*extent, Some(*subscription))
                }
                Item::Frame(LaneFrame::Encoded(frame)) => packer.frame(frame),
                Item::Frame(LaneFrame::Presence(subscription)) => {
                    packer.presence(slot.presences.frames(*subscription))
                }
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
        Handed { control_bytes, lane: Some((place, sent)), header: packer.header }
    }

    /// What a run of this lane would be read as now.
    fn header(&self, slot: &LaneSlot) -> LaneHeader {
        match self.link.info.separate_lanes {
            true => LaneHeader { lane: slot.number, subscription: slot.addressee },
            false => self.link.header,
        }
    }
}

/// How much of an item went into a packet.
enum Taken {
    Whole,
    /// So many of its messages, gaps or frames.
    Part(u32),
}

/// Writes one packet.
struct Packer<'a> {
    codec: Codec,
    number: u8,
    header: LaneHeader,
    packet_bytes_max: usize,
    log: &'a Log,
    out: &'a mut BytesMut,
}

impl Packer<'_> {
    /// Writes as many messages as fit, and at least one into an empty packet.
    fn run(&mut self, extent: Extent, subscription: Option<u64>) -> Taken {
        let (codec, log) = (self.codec, self.log);
        let mut rest = extent;
        while !rest.is_empty() {
            let together = self.together(rest, subscription);
            if together == 0 && !self.fits(subscription, |out| log.copy(codec, rest.start, out)) {
                return Taken::Part((rest.start - extent.start) as u32);
            }
            rest.start += u64::from(together.max(1));
        }
        Taken::Whole
    }

    /// Copies messages whose bytes lie together, as many as fit, unless they need a `lane` in front.
    /// Returns how many.
    fn together(&mut self, extent: Extent, subscription: Option<u64>) -> u32 {
        let header = LaneHeader { lane: self.number, subscription };
        let room = self.packet_bytes_max.saturating_sub(self.out.len());
        match self.log.shared(self.codec, extent, room) {
            Some((block, range, count)) if range.len() <= room && self.header == header => {
                self.out.extend_from_slice(&block[range]);
                count
            }
            _ => 0,
        }
    }

    /// Writes as many gaps as fit, and at least one into an empty packet.
    fn gaps(&mut self, ledger: &Ledger) -> Taken {
        let codec = self.codec;
        for (count, gap) in ledger.gaps().iter().enumerate() {
            if !self.fits(gap.addressee, |out| codec.write_broker(&told(gap), out)) {
                return Taken::Part(count as u32);
            }
        }
        Taken::Whole
    }

    fn frame(&mut self, frame: &[u8]) -> Taken {
        let codec = self.codec;
        match self.fits(self.addressee(), |out| transcode(codec, frame, out)) {
            true => Taken::Whole,
            false => Taken::Part(0),
        }
    }

    /// Writes as many frames of a waiting presence as fit, and at least one into an empty packet.
    fn presence(&mut self, frames: impl Iterator<Item = Presence>) -> Taken {
        let codec = self.codec;
        for (count, presence) in frames.enumerate() {
            let frame = BrokerFrame::Presence(presence);
            if !self.fits(self.addressee(), |out| codec.write_broker(&frame, out)) {
                return Taken::Part(count as u32);
            }
        }
        Taken::Whole
    }

    /// Whoever the lane speaks to: what isn't a message is for no subscription alone.
    fn addressee(&self) -> Option<u64> {
        let here = self.header.lane == self.number;
        self.header.subscription.filter(|_| here)
    }

    /// Writes one frame, behind a `lane` where it needs one, unless the packet becomes too large:
    /// a larger frame stands alone.
    fn fits(&mut self, subscription: Option<u64>, write: impl FnOnce(&mut BytesMut)) -> bool {
        let (start, before) = (self.out.len(), self.header);
        let header = LaneHeader { lane: self.number, subscription };
        if before != header {
            self.codec.write_broker(&BrokerFrame::Lane(header), self.out);
            self.header = header;
        }
        write(self.out);
        if self.out.len() <= self.packet_bytes_max || start == 0 {
            return true;
        }
        self.out.truncate(start);
        self.header = before;
        false
    }
}

fn told(gap: &broker_delivery::lane::Gap) -> BrokerFrame<'static> {
    use broker_delivery::lane::GapReason as Reason;
    let reason = match gap.reason {
        Reason::Conflated => GapReason::Conflated,
        Reason::Merged => GapReason::Merged,
        Reason::Dropped => GapReason::Dropped,
        Reason::Expired => GapReason::Expired,
    };
    let of_topic = gap.of.is_some();
    BrokerFrame::Gap(Gap {
        topic: gap.of.as_ref().map(|(topic, _)| topic.to_string()),
        epoch: gap.of.as_ref().map(|(_, epoch)| *epoch),
        first_seq: of_topic.then_some(gap.first_seq),
        last_seq: of_topic.then_some(gap.last_seq),
        count: gap.count,
        reason,
    })
}
