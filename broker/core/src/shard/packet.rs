//! One packet: a slice of the log where that is enough, else what was gathered.

use broker_delivery::lane::{Extent, Item, Sent};
use broker_protocol::Codec;
use broker_protocol::frame::{BrokerFrame, Gap, GapReason, LaneHeader};
use bytes::BytesMut;

use super::flush::Handed;
use crate::session::{LaneSlot, Session};
use crate::{Log, Run};

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
        let Some(Item::Run(extent)) = slot.lane.items().next() else { return None };
        let header = LaneHeader { lane: slot.number, subscription: None };
        if self.header(slot) != header {
            return None;
        }
        let codec = self.link.info.codec;
        let (block, range, count) = log.shared(codec, *extent, self.link.packet_bytes_max)?;
        let sent = match count == extent.len() {
            true => Sent { items: 1, of_next: 0 },
            false => Sent { items: 0, of_next: count },
        };
        let handed = Handed { control: false, lane: Some((place, sent)), header };
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
        if with_control {
            out.extend_from_slice(self.link.control.bytes());
        }
        let control = with_control;
        let Some(place) = lane else {
            return Handed { control, lane: None, header: self.link.header };
        };
        let slot = &self.lanes[place];
        let packet_bytes_max = self.link.packet_bytes_max;
        let codec = self.link.info.codec;
        let mut packer = Packer { codec, number: slot.number, header: self.header(slot), log, out };
        let mut sent = Sent::default();
        for item in slot.lane.items() {
            let whole = match item {
                Item::Run(extent) => packer.run(*extent, None, packet_bytes_max),
                Item::Addressed { extent, subscription } => {
                    packer.run(*extent, Some(*subscription), packet_bytes_max)
                }
                Item::Frame(frame) => packer.whole(packet_bytes_max, |codec, out| {
                    frame.write(codec, &slot.presences, out);
                }),
                Item::Gaps(ledger) => packer.whole(packet_bytes_max, |codec, out| {
                    ledger.gaps().iter().for_each(|gap| codec.write_broker(&told(gap), out));
                }),
            };
            match whole {
                Taken::Whole => sent.items += 1,
                Taken::Messages(count) => {
                    sent.of_next = count;
                    break;
                }
            }
        }
        Handed { control, lane: Some((place, sent)), header: packer.header }
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
    Messages(u32),
}

/// Writes one packet.
struct Packer<'a> {
    codec: Codec,
    number: u8,
    header: LaneHeader,
    log: &'a Log,
    out: &'a mut BytesMut,
}

impl Packer<'_> {
    fn turn_to(&mut self, subscription: Option<u64>) {
        let header = LaneHeader { lane: self.number, subscription };
        if self.header != header {
            self.codec.write_broker(&BrokerFrame::Lane(header), self.out);
            self.header = header;
        }
    }

    /// Writes as many messages as fit, and at least one into an empty packet.
    fn run(&mut self, extent: Extent, subscription: Option<u64>, bytes_max: usize) -> Taken {
        if self.out.len() >= bytes_max {
            return Taken::Messages(0);
        }
        let header = self.header;
        let start = self.out.len();
        self.turn_to(subscription);
        for (count, entry) in extent.entries().enumerate() {
            let before = self.out.len();
            self.log.copy(self.codec, entry, self.out);
            if self.out.len() > bytes_max && before > 0 {
                let (cut, header) = match count {
                    0 if start > 0 => (start, header),
                    // Alone behind its own `lane` frame: a larger message goes as it is.
                    0 => continue,
                    _ => (before, self.header),
                };
                self.out.truncate(cut);
                self.header = header;
                return Taken::Messages(count as u32);
            }
        }
        Taken::Whole
    }

    /// Writes frames that belong together, whatever their size, unless the packet is full.
    fn whole(&mut self, bytes_max: usize, write: impl FnOnce(Codec, &mut BytesMut)) -> Taken {
        if self.out.len() >= bytes_max {
            return Taken::Messages(0);
        }
        let current = self.header.subscription;
        self.turn_to(if self.header.lane == self.number { current } else { None });
        write(self.codec, self.out);
        Taken::Whole
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
