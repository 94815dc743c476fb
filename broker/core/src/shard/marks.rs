//! Marks: what a peer has consumed of its conflating lanes, measured by what comes back.

use std::time::Duration;

use broker_protocol::frame::{BrokerFrame, Ping};

use super::Shard;
use super::flush::{Channel, Outlet, Verdict};
use crate::session::{LaneSlot, PongTo, Session, Stage, lane_of};
use crate::{Now, Run};

impl Shard {
    /// Sends the marks that are due, behind the data of their lanes. A lane without a window
    /// needs none.
    #[inline]
    pub(super) fn send_marks(&mut self, slot: u32, outlet: &mut impl Outlet) {
        if self.sessions[slot as usize].has_windows() {
            self.send_due_marks(slot, outlet);
        }
    }

    #[inline(never)]
    fn send_due_marks(&mut self, slot: u32, outlet: &mut impl Outlet) {
        for lane in 0..self.sessions[slot as usize].lanes.len() {
            if self.sessions[slot as usize].lanes[lane].window.is_some() {
                self.send_mark(slot, lane, outlet);
            }
        }
    }

    fn send_mark(&mut self, slot: u32, lane: usize, outlet: &mut impl Outlet) {
        let session = &mut self.sessions[slot as usize];
        let lane_slot = &session.lanes[lane];
        if session.stage == Stage::Ending || session.link.blocked || lane_slot.blocked {
            return;
        }
        let number = lane_slot.number;
        let Some(mark) = session.due_mark(lane) else { return };
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
        let serial = session.newest_mark().map_or(0, |(serial, _)| serial) + 1;
        let lane_slot = &mut session.lanes[lane];
        if let Some(window) = lane_slot.window.as_mut().filter(|_| verdict != Verdict::Refused) {
            window.sent_mark(self.now, serial);
        }
        match info.separate_lanes {
            true => lane_slot.blocked = verdict != Verdict::Taken,
            false => session.link.blocked = verdict != Verdict::Taken,
        }
    }

    /// A mark came back: what was sent in front of it has been consumed, in other lanes too where
    /// they share the link. So a client that answers the newest of several pings alone, as RFC 6455
    /// §5.5.3 allows, answers for all.
    pub fn returned(&mut self, now: Now, slot: u32, mark: u64) {
        if mark == 0 {
            return self.ponged(slot);
        }
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        let (lane, separate) = (lane_of(mark), session.link.info.separate_lanes);
        let of_lane = session.lanes.iter().find(|one| one.number == lane);
        let window = of_lane.and_then(|one| one.window.as_ref());
        let Some(serial) = window.and_then(|window| window.serial_of(mark)) else { return };
        let mut dirty = false;
        for place in 0..session.lanes.len() {
            let lane_slot = &mut session.lanes[place];
            let (number, waits) = (lane_slot.number, lane_slot.lane.is_waiting());
            if let Some(window) = &mut lane_slot.window
                && (number == lane || !separate)
            {
                window.returned(serial, now.monotonic, waits);
                if let Some(took) = window.took() {
                    let took = u16::try_from(took.as_millis()).unwrap_or(u16::MAX);
                    session.link.shortest_trip = session.link.shortest_trip.min(took);
                }
                dirty |= waits || session.due_mark(place).is_some();
            }
        }
        if dirty {
            self.mark_dirty(slot);
        }
    }

    /// Has marks sent again that should have come back long ago: some clients lose pongs.
    pub(super) fn remind(&mut self, now: Duration) {
        let laggards = std::mem::take(&mut self.laggards);
        for slot in &laggards {
            let Some(session) = self.sessions.get_mut(*slot as usize) else { continue };
            let after = session.link.ping_interval();
            // What waits beside one that is late goes on.
            let mut any_late = false;
            for LaneSlot { window, blocked, .. } in &mut session.lanes {
                any_late |= window.as_mut().is_some_and(|window| window.note_late(now, *blocked));
            }
            let windows = session.lanes.iter_mut().filter_map(|one| one.window.as_mut());
            let mut overdue = windows.filter(|window| window.is_overdue(now, after)).peekable();
            let any = overdue.peek().is_some();
            overdue.for_each(|window| window.remind());
            if any || any_late {
                self.mark_dirty(*slot);
            }
        }
        self.laggards = laggards;
    }
}

impl Session {
    /// Whether a mark is to be sent.
    pub(super) fn has_due_mark(&self) -> bool {
        (0..self.lanes.len()).any(|place| self.due_mark(place).is_some())
    }

    /// The mark that is to be sent behind what was sent of a lane, if one is due.
    fn due_mark(&self, place: usize) -> Option<u64> {
        let own = &self.lanes[place];
        let window = own.window.as_ref()?;
        window.due_mark(own.number, own.room() == 0, || self.another_has_something(place))
    }

    /// Whether another lane has something to send.
    fn another_has_something(&self, place: usize) -> bool {
        let has = |(other, one): (usize, &LaneSlot)| other != place && one.lane.is_due();
        self.lanes.iter().enumerate().any(has)
    }

    /// The newest mark that is on its way: its number, and the mark.
    pub(super) fn newest_mark(&self) -> Option<(u64, u64)> {
        let lanes = self.lanes.iter();
        lanes.filter_map(|one| one.window.as_ref()?.newest_mark(one.number)).max()
    }
}
