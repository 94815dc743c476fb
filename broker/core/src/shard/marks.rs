//! Marks: what a peer has consumed of its conflating lanes, measured by what comes back.

use broker_protocol::frame::{BrokerFrame, Ping};

use super::Shard;
use super::flush::{Channel, Outlet, Verdict};
use crate::session::{PongTo, Stage, lane_of};
use crate::{Now, Run};

impl Shard {
    /// Sends the marks that are due, behind the data of their lanes. A lane without a window, which
    /// is one that keeps everything, needs none.
    #[inline]
    pub(super) fn send_marks(&mut self, slot: u32, outlet: &mut impl Outlet) {
        for lane in 0..self.sessions[slot as usize].lanes.len() {
            if self.sessions[slot as usize].lanes[lane].window.is_some() {
                self.send_mark(slot, lane, outlet);
            }
        }
    }

    fn send_mark(&mut self, slot: u32, lane: usize, outlet: &mut impl Outlet) {
        let session = &mut self.sessions[slot as usize];
        let lane_slot = &mut session.lanes[lane];
        if session.stage == Stage::Ending || session.link.blocked || lane_slot.blocked {
            return;
        }
        let number = lane_slot.number;
        let Some(window) = &mut lane_slot.window else { return };
        let Some(mark) = window.due_mark(number) else { return };
        let info = session.link.info;
        let verdict = match info.pings {
            PongTo::Transport => outlet.ping(mark),
            PongTo::Frame => {
                let channel = match info.separate_lanes {
                    true => Channel::Lane(number),
                    false => Channel::Control,
                };
                let ping = BrokerFrame::Ping(Ping { mark: Some(mark) });
                self.scratch.clear();
                info.codec.write_broker(&ping, &mut self.scratch);
                outlet.send(channel, Run::Lent(&self.scratch))
            }
        };
        if verdict != Verdict::Refused {
            window.sent_mark(self.now);
        }
        match info.separate_lanes {
            true => lane_slot.blocked = verdict != Verdict::Taken,
            false => session.link.blocked = verdict != Verdict::Taken,
        }
    }

    /// A mark came back: what was sent in front of it has been consumed.
    pub fn returned(&mut self, now: Now, slot: u32, mark: u64) {
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        let number = lane_of(mark);
        let Some(lane_slot) = session.lanes.iter_mut().find(|one| one.number == number) else {
            return;
        };
        let waits = lane_slot.lane.is_waiting();
        let Some(window) = &mut lane_slot.window else { return };
        window.returned(mark, now.monotonic, waits);
        if waits || window.due_mark(number).is_some() {
            self.mark_dirty(slot);
        }
    }
}
