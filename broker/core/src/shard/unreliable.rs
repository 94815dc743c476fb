//! Unreliable lanes: messages go as datagrams, everything else by the lane's stream.

use broker_delivery::lane::Sent;

use super::Shard;
use super::flush::{Channel, Outlet, Verdict};
use crate::Run;

impl Shard {
    /// Offers what an unreliable lane has in front: a datagram of messages, or, where there are none
    /// or the first is too large for one, a packet of its stream.
    pub(super) fn hand_over_unreliable(
        &mut self,
        slot: u32,
        (lane, number): (usize, u8),
        outlet: &mut impl Outlet,
    ) -> Verdict {
        let Self { sessions, log, scratch, now, .. } = self;
        let session = &mut sessions[slot as usize];
        session.prepare(lane, *now, log);
        let Some(sent) = session.gather_datagram(lane, log, scratch) else {
            let handed = session.gather(false, Some(lane), log, scratch);
            if scratch.is_empty() {
                return session.refuse_credit(Some(lane));
            }
            let verdict = outlet.send(Channel::Lane(number), Run::Lent(scratch));
            return self.struck_off(slot, verdict, handed);
        };
        if let Some(verdict) = self.tell_replaced(slot, (lane, number), sent.items, outlet) {
            // Told once, whatever becomes of the datagram: the next round gathers it again.
            return verdict;
        }
        let verdict = outlet.send(Channel::Datagram(number), Run::Lent(&self.scratch));
        if verdict != Verdict::Refused {
            self.datagram_left(slot, lane, sent);
        }
        verdict
    }

    /// Tells what the first items of a lane replaced, by its stream: it mustn't get lost. `None` if
    /// there is nothing to tell.
    fn tell_replaced(
        &mut self,
        slot: u32,
        (lane, number): (usize, u8),
        items: usize,
        outlet: &mut impl Outlet,
    ) -> Option<Verdict> {
        let Self { sessions, log, scratch, statistics, .. } = self;
        let session = &mut sessions[slot as usize];
        let (told, told_bytes) = session.gather_replaced(lane, items, log, scratch);
        if told.is_empty() {
            return None;
        }
        let verdict = outlet.send(Channel::Lane(number), Run::Lent(scratch));
        if verdict != Verdict::Refused {
            statistics.packets += 1;
            let kept_bytes_max = u64::from(session.link.kept_bytes_max);
            let lane_slot = &mut session.lanes[lane];
            // Datagrams don't count, but this does.
            if let Some(credit) = &mut lane_slot.credit {
                credit.sent(told_bytes);
            }
            lane_slot.addressee = None;
            let lane = &mut lane_slot.lane;
            lane.told_replaced(items, told);
            lane.keep_at_most(kept_bytes_max, log);
        }
        Some(verdict)
    }

    /// Strikes off the messages of a datagram, which lies in the scratch buffer.
    fn datagram_left(&mut self, slot: u32, place: usize, sent: Sent) {
        let Self { sessions, log, scratch, statistics, .. } = self;
        let session = &mut sessions[slot as usize];
        statistics.packets += 1;
        session.count_turn(place, scratch.len());
        session.count_beside(place, scratch.len());
        let lane_slot = &mut session.lanes[place];
        let before = lane_slot.lane.books().received;
        lane_slot.lane.sent_unreliably(sent, log);
        statistics.delivered += lane_slot.lane.books().received - before;
        if let Some(window) = &mut lane_slot.window {
            window.sent(scratch.len());
            if !lane_slot.lane.is_due() {
                window.fell_idle();
            }
        }
    }
}
