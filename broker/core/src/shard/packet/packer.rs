//! Writes one packet, frame by frame.

use std::sync::Arc;

use broker_delivery::lane::{Entries, Extent, Gap, GapReason, Ledger, Newest, Skipped};
use broker_protocol::Codec;
use broker_protocol::frame::{BrokerFrame, CaughtUp, LaneHeader, Moved, Presence};
use bytes::BytesMut;
use smallvec::SmallVec;

use super::replaced::{Replaced, told};
use crate::session::transcode;
use crate::{Log, Publication};

/// How much of an item went into a packet.
pub(super) enum Taken {
    Whole,
    /// So many of its messages, gaps or frames.
    Part(u32),
}

/// How large a packet may become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) packet_bytes_max: usize,
    /// How many bytes of it the lane's share is, behind the gaps in front: those mustn't use up what its
    /// messages have. One frame goes at least.
    pub(super) share: usize,
    /// Whether one larger frame may stand in it alone.
    pub(super) larger: bool,
}

/// Writes one packet.
pub(super) struct Packer<'a> {
    codec: Codec,
    number: u8,
    header: LaneHeader,
    limit: Limit,
    /// Where the lane's share begins, and where it ends, less what is reserved.
    share_begins: usize,
    packet_bytes_max: usize,
    /// Bytes of `lane` frames that were written.
    header_bytes: usize,
    log: &'a Log,
    out: &'a mut BytesMut,
    replaced: Replaced,
    /// What stays free for the gaps of that, in bytes.
    reserved: usize,
    /// The gaps that told what was replaced, each with the number of frames in front of it.
    told: Vec<(u32, Gap)>,
    /// How many frames were written, these gaps not counted.
    frames: u32,
}

impl<'a> Packer<'a> {
    /// Writes for a lane of this number behind what stands in `out`; `header` is what a run there
    /// would be read as.
    pub(super) fn new(
        codec: Codec,
        (number, header): (u8, LaneHeader),
        limit: Limit,
        log: &'a Log,
        out: &'a mut BytesMut,
    ) -> Self {
        let (replaced, reserved, told, frames) = (Replaced::default(), 0, Vec::new(), 0);
        let share_begins = out.len();
        let packet_bytes_max = limit.packet_bytes_max.min(share_begins.saturating_add(limit.share));
        Self {
            codec,
            number,
            header,
            limit,
            share_begins,
            packet_bytes_max,
            header_bytes: 0,
            log,
            out,
            replaced,
            reserved,
            told,
            frames,
        }
    }

    /// What the next run would be read as.
    pub(super) fn header(&self) -> LaneHeader {
        self.header
    }

    /// Bytes of `lane` frames that were written: they aren't data of the lane.
    pub(super) fn header_bytes(&self) -> usize {
        self.header_bytes
    }

    /// Tells what was replaced, in front of what replaced it. Returns the gaps that told it, each with
    /// the number of frames that stand in front of it, such gaps not counted.
    pub(super) fn finish(mut self) -> Vec<(u32, Gap)> {
        self.tell_replaced();
        self.told
    }

    /// Tells what was replaced so far: what comes behind is told apart.
    fn tell_replaced(&mut self) {
        let replaced = std::mem::take(&mut self.replaced);
        replaced.write(self.codec, self.out, &mut self.told);
        self.packet_bytes_max += std::mem::take(&mut self.reserved);
    }

    /// Takes so much of the packet's room away for a gap, if `write` then fits into what is left.
    fn fits_with_gap(&mut self, room: usize, write: impl FnOnce(&mut BytesMut)) -> bool {
        let room = room.min(self.packet_bytes_max);
        (self.packet_bytes_max, self.reserved) =
            (self.packet_bytes_max - room, self.reserved + room);
        let fits = self.fits(None, write);
        if !fits {
            (self.packet_bytes_max, self.reserved) =
                (self.packet_bytes_max + room, self.reserved - room);
        }
        fits
    }

    /// Writes as many of a key's values as fit, and at least one into an empty packet; what they
    /// replaced is told in front of the first that is newer, or else of the last.
    pub(super) fn newest(&mut self, newest: &Newest) -> Taken {
        let (codec, log) = (self.codec, self.log);
        let mut rest: SmallVec<[(GapReason, Skipped); 2]> = newest.skipped().into();
        for (count, entry) in newest.entries().enumerate() {
            let (topic, at) = (log.topic(entry).0, (count, log.seq(entry)));
            let (replaced, later): (SmallVec<[_; 2]>, _) =
                rest.into_iter().partition(|(_, one)| newest.stands_in_front_of(one, at));
            rest = later;
            let room = |(reason, _): &_| self.replaced.room_for(codec, topic, *reason);
            let room = replaced.iter().map(room).sum();
            let mut place = 0;
            let fits = self.fits_with_gap(room, |out| {
                place = out.len();
                log.copy(codec, entry, out);
            });
            if !fits {
                return Taken::Part(count as u32);
            }
            let place = (place, self.frames - 1);
            for told in replaced {
                self.replaced.note(place, log.topic(entry), told);
            }
        }
        Taken::Whole
    }

    /// Writes as many messages as fit, and at least one into an empty packet.
    pub(super) fn run(&mut self, extent: Extent, subscription: Option<u64>) -> Taken {
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

    /// Writes the first message alone: those behind it may go another way.
    pub(super) fn first_of(&mut self, extent: Extent) -> Taken {
        match self.run(Extent::one(extent.start), None) {
            Taken::Whole if extent.len() > 1 => Taken::Part(1),
            taken => taken,
        }
    }

    /// Copies messages whose bytes lie together, as many as fit, unless they need a `lane` in front.
    /// Returns how many.
    fn together(&mut self, extent: Extent, subscription: Option<u64>) -> u32 {
        let header = LaneHeader { lane: self.number, subscription };
        let room = self.packet_bytes_max.saturating_sub(self.out.len());
        match self.log.shared(self.codec, extent, room) {
            Some((block, range, count)) if range.len() <= room && self.header == header => {
                self.out.extend_from_slice(&block[range]);
                self.frames += count;
                count
            }
            _ => 0,
        }
    }

    /// Writes as many gaps as fit, and at least one into an empty packet. The lane's share begins behind
    /// them.
    pub(super) fn gaps(&mut self, ledger: &Ledger) -> Taken {
        self.packet_bytes_max = self.limit.packet_bytes_max.saturating_sub(self.reserved);
        let taken = self.write_gaps(ledger);
        self.share_begins = self.out.len();
        let share_ends = self.share_begins.saturating_add(self.limit.share);
        self.packet_bytes_max = self.packet_bytes_max.min(share_ends);
        taken
    }

    fn write_gaps(&mut self, ledger: &Ledger) -> Taken {
        let codec = self.codec;
        for (count, gap) in ledger.gaps().iter().enumerate() {
            let fits = match &gap.of {
                Some((topic, epoch)) if gap.moves_to_the_front() => {
                    self.moves(gap, (topic, *epoch))
                }
                _ => self.fits(gap.addressee, |out| codec.write_broker(&told(gap), out)),
            };
            if !fits {
                return Taken::Part(count as u32);
            }
        }
        Taken::Whole
    }

    /// Puts what a gap tells to what the packet's messages replaced, if there is room for it: a
    /// topic has one gap of a reason in a packet.
    fn moves(&mut self, gap: &Gap, of: (&Arc<str>, u64)) -> bool {
        let Gap { first_seq, last_seq, count, .. } = *gap;
        let (room, mut place) = (self.replaced.room_for(self.codec, of.0, gap.reason), 0);
        // They are written last: until then the packet looks emptier than it is.
        let left = self.packet_bytes_max.saturating_sub(self.out.len());
        if !self.replaced.is_empty() && room > left {
            return false;
        }
        let fits = self.fits_with_gap(room, |out| place = out.len());
        if fits {
            // Nothing was written yet.
            self.frames -= 1;
            let (place, skipped) = ((place, self.frames), Skipped { first_seq, last_seq, count });
            self.replaced.note(place, of, (gap.reason, skipped));
        }
        fits
    }

    pub(super) fn frame(&mut self, frame: &[u8]) -> Taken {
        self.tell_replaced();
        let codec = self.codec;
        match self.fits(self.addressee(), |out| transcode(codec, frame, out)) {
            true => Taken::Whole,
            false => Taken::Part(0),
        }
    }

    /// Writes a retained value for one subscription.
    pub(super) fn replayed(&mut self, subscription: u64, publication: &Publication) -> Taken {
        self.tell_replaced();
        let codec = self.codec;
        match self.fits(Some(subscription), |out| publication.write(codec, out)) {
            true => Taken::Whole,
            false => Taken::Part(0),
        }
    }

    pub(super) fn caught_up(&mut self, subscription: u64) -> Taken {
        self.told(&BrokerFrame::CaughtUp(CaughtUp { subscription }))
    }

    pub(super) fn moved(&mut self, moved: Moved) -> Taken {
        self.told(&BrokerFrame::Moved(moved))
    }

    /// Writes a frame that tells something and is for nobody in particular.
    fn told(&mut self, frame: &BrokerFrame<'_>) -> Taken {
        self.tell_replaced();
        let codec = self.codec;
        match self.fits(self.addressee(), |out| codec.write_broker(frame, out)) {
            true => Taken::Whole,
            false => Taken::Part(0),
        }
    }

    /// Writes as many frames of a waiting presence as fit, and at least one into an empty packet.
    pub(super) fn presence(&mut self, frames: impl Iterator<Item = Presence>) -> Taken {
        self.tell_replaced();
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
        let header_bytes = self.out.len() - start;
        write(self.out);
        let most = match start == self.share_begins {
            true => self.limit.packet_bytes_max.saturating_sub(self.reserved),
            false => self.packet_bytes_max,
        };
        if self.out.len() <= most || start == 0 && self.limit.larger {
            self.frames += 1;
            self.header_bytes += header_bytes;
            return true;
        }
        self.out.truncate(start);
        self.header = before;
        false
    }
}
