//! From what waits to packets: the writer pulls from the lanes when the link is ready.
//!
//! The short way is one run that is the front of one lane: a slice of the log, handed to the link
//! as it lies. Everything else (control, a change of lane, gaps, frames, scattered extents) is
//! gathered in the shard's scratch buffer into one packet.

use std::num::NonZeroU64;

use std::time::Duration;

use broker_delivery::lane::Sent;
use broker_protocol::frame::LaneHeader;

use super::Shard;
use crate::session::{LaneSlot, Session, Stage};
use crate::{Log, Run};

/// Where a packet goes in a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Commands and answers; everything, where lanes share the link.
    Control,
    /// One lane, where each has a channel of its own.
    Lane(u8),
    /// Messages of one unreliable lane, where the link has datagrams.
    Datagram(u8),
}

/// What a link does with a packet: takes it whole or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Taken; another may follow.
    Taken,
    /// Taken; nothing more for now.
    TakenAndBlocked,
    /// Not taken.
    Refused,
}

/// Where packets go.
pub trait Outlet {
    /// Takes one packet without waiting.
    fn send(&mut self, channel: Channel, packet: Run<'_>) -> Verdict;

    /// Takes a ping of the transport's own, where it has one, behind all that was sent.
    fn ping(&mut self, _mark: u64) -> Verdict {
        Verdict::Refused
    }
}

impl<F: FnMut(Channel, Run<'_>) -> Verdict> Outlet for F {
    fn send(&mut self, channel: Channel, packet: Run<'_>) -> Verdict {
        self(channel, packet)
    }
}

/// What a flush came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Everything that waited was taken, and the link would take more.
    Everything,
    /// Some channel is blocked, even if nothing waits for it here: the link is to be polled, which
    /// moves what it holds back, and [`Shard::writable`] told.
    Blocked,
}

/// What was handed over and is to be struck off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Handed {
    /// How many bytes of control were in the packet.
    pub(super) control_bytes: usize,
    /// The place of the lane and how much of it was in the packet.
    pub(super) lane: Option<(usize, Sent)>,
    /// How many bytes of the lane's data frames were in the packet.
    pub(super) lane_bytes: usize,
    /// What the next run would be read as.
    pub(super) header: LaneHeader,
}

impl Shard {
    /// Hands to the link what waits for it, packet by packet, until nothing is left or it refuses.
    pub fn flush(&mut self, slot: u32, outlet: &mut impl Outlet) -> Flushed {
        if !self.sessions.contains(slot as usize) {
            return Flushed::Everything;
        }
        self.settle_to_offer(slot);
        let session = &self.sessions[slot as usize];
        if session.stage == Stage::Away {
            return Flushed::Everything;
        }
        let separate_lanes = session.link.info.separate_lanes;
        self.pace(slot);
        match separate_lanes {
            false => self.flush_shared(slot, outlet),
            true => self.flush_separate(slot, outlet),
        }
        let flushed = match self.sessions[slot as usize].is_blocked() {
            true => Flushed::Blocked,
            false => Flushed::Everything,
        };
        self.ask_for_replays(slot);
        let session = &mut self.sessions[slot as usize];
        if (session.behind || !session.holds) && session.keeps_something() {
            match session.behind {
                true => self.holders.add_late(session),
                false => self.holders.add(session),
            }
        }
        if session.stage != Stage::Ending {
            // What the link holds back is the link's own: behind is who has something waiting here.
            match session.is_idle() {
                true => self.caught_up(slot),
                false => self.fell_behind(slot),
            }
            self.note_pace(slot);
        }
        flushed
    }

    /// Says that a link which refused can take more.
    pub fn writable(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        session.link.blocked = false;
        session.lanes.iter_mut().for_each(|lane_slot| lane_slot.blocked = false);
        self.dirty.mark_with_room(session);
    }

    fn flush_shared(&mut self, slot: u32, outlet: &mut impl Outlet) {
        while !self.sessions[slot as usize].link.blocked {
            // Marks go before more data, so that a link which refuses in every flush brings them all
            // the same; control goes before both.
            let session = &self.sessions[slot as usize];
            let control_alone = !session.link.control.is_empty() && session.has_due_mark();
            if !control_alone {
                self.send_marks(slot, outlet);
            }
            let session = &self.sessions[slot as usize];
            if session.link.blocked {
                return;
            }
            let lane = if control_alone { None } else { session.next_lane() };
            if session.link.control.is_empty() && lane.is_none() {
                return;
            }
            let verdict = self.hand_over(slot, Channel::Control, true, lane, outlet);
            self.sessions[slot as usize].link.blocked = verdict != Verdict::Taken;
        }
    }

    fn flush_separate(&mut self, slot: u32, outlet: &mut impl Outlet) {
        while !self.sessions[slot as usize].link.blocked
            && !self.sessions[slot as usize].link.control.is_empty()
        {
            let verdict = self.hand_over(slot, Channel::Control, true, None, outlet);
            self.sessions[slot as usize].link.blocked = verdict != Verdict::Taken;
        }
        self.send_marks(slot, outlet);
        while let Some(lane) = self.sessions[slot as usize].next_lane() {
            let session = &self.sessions[slot as usize];
            let number = session.lanes[lane].number;
            let verdict = match session.datagram_room(lane) {
                Some(_) => self.hand_over_unreliable(slot, (lane, number), outlet),
                None => self.hand_over(slot, Channel::Lane(number), false, Some(lane), outlet),
            };
            self.sessions[slot as usize].lanes[lane].blocked = verdict != Verdict::Taken;
            self.send_marks(slot, outlet);
        }
    }

    /// Offers one packet, and strikes it off if it was taken.
    fn hand_over(
        &mut self,
        slot: u32,
        channel: Channel,
        with_control: bool,
        lane: Option<usize>,
        outlet: &mut impl Outlet,
    ) -> Verdict {
        let Self { sessions, log, scratch, now, .. } = self;
        let session = &mut sessions[slot as usize];
        if let Some(lane) = lane {
            session.prepare(lane, *now, log);
        }
        let (verdict, handed) = match session.direct(lane, log) {
            Some((run, handed)) => (outlet.send(channel, run), handed),
            None => {
                let handed = session.gather(with_control, lane, log, scratch);
                if scratch.is_empty() {
                    return session.refuse_credit(lane);
                }
                (outlet.send(channel, Run::Lent(scratch)), handed)
            }
        };
        self.struck_off(slot, verdict, handed)
    }

    pub(super) fn struck_off(&mut self, slot: u32, verdict: Verdict, handed: Handed) -> Verdict {
        if verdict == Verdict::Refused {
            return verdict;
        }
        let Self { sessions, log, statistics, .. } = self;
        let session = &mut sessions[slot as usize];
        let kept_bytes_max = u64::from(session.link.kept_bytes_max);
        let Handed { control_bytes, lane, lane_bytes, header } = handed;
        statistics.packets += 1;
        if control_bytes > 0 {
            session.link.control.sent(control_bytes);
        }
        if let Some((place, sent)) = lane {
            session.count_turn(place, lane_bytes);
            session.count_beside(place, lane_bytes);
            let separate = session.link.info.separate_lanes;
            let lane_slot = &mut session.lanes[place];
            match separate {
                true => lane_slot.addressee = header.subscription.and_then(NonZeroU64::new),
                false => session.link.header = header,
            }
            lane_slot.strike_off_replays(sent.items);
            let before = lane_slot.lane.books().received;
            let LaneSlot { lane, presences, .. } = lane_slot;
            lane.sent(sent, log, presences);
            // Mostly that is left to the next look of the log: the oldest is seldom at hand.
            if lane.keeps_far_more_than(kept_bytes_max) {
                lane.keep_at_most(kept_bytes_max, log);
            }
            statistics.delivered += lane_slot.lane.books().received - before;
            lane_slot.handed(lane_bytes);
            self.tell_unheld_again(slot, place);
        }
        verdict
    }
}

impl LaneSlot {
    /// Whether something waits here, its channel would take it and it may be on its way.
    pub(super) fn is_ready(&self) -> bool {
        !self.blocked && self.lane.is_due() && self.room() > 0
    }
}

impl Session {
    /// Conflates what waits in a lane that is to be sent from, and leaves out what has expired.
    pub(super) fn prepare(&mut self, place: usize, now: Duration, log: &mut Log) {
        let slot = &mut self.lanes[place];
        slot.lane.conflate(log);
        slot.expire(now, self.link.packet_bytes_max as u64, log);
    }

    /// What is next in a lane, if anything is left, is larger than its credit: it waits for more.
    pub(super) fn refuse_credit(&mut self, lane: Option<usize>) -> Verdict {
        if let Some(slot) = lane.map(|place| &mut self.lanes[place])
            && slot.lane.is_due()
            && let Some(credit) = &mut slot.credit
        {
            credit.refuse();
        }
        Verdict::Taken
    }

    /// Whether some channel is blocked.
    pub(super) fn is_blocked(&self) -> bool {
        self.stage == Stage::Away
            || self.link.blocked
            || self.lanes.iter().any(|lane_slot| lane_slot.blocked)
    }
}
