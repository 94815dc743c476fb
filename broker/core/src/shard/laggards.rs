//! Sessions that are behind: the log is held for them, within its budget.

use broker_delivery::lane::{Overflowed, Pushed};
use broker_protocol::ErrorCode;
use broker_protocol::frame::Reconnect;

use super::Shard;
use crate::Command;
use crate::session::{Session, Stage};

/// After how many milliseconds a slow consumer is asked to return.
const SLOW_CONSUMER_RETURN: u64 = 1000;

impl Shard {
    /// Says that a turn is over. The log lets go of what nobody wants.
    pub fn end_turn(&mut self) {
        let held = self.log.bytes_held() as u64;
        self.statistics.log_bytes_most = self.statistics.log_bytes_most.max(held);
        self.forget_buried();
        self.settle_some();
        self.walk_some();
        self.dirty.rest(self.log.frames_end());
        let nobody = self.dirty.is_empty() && self.laggards.is_empty() && self.holders.is_empty();
        if nobody {
            self.look = None;
            self.log.retire_all();
        } else {
            self.look_some();
        }
        self.search_some();
    }

    /// The link refused: waiting begins, and with it the bounds.
    pub(super) fn fell_behind(&mut self, slot: u32) {
        let session = &mut self.sessions[slot as usize];
        let first = !std::mem::replace(&mut session.behind, true);
        let (mut overflowed, mut waiting) = (None, 0);
        for (place, lane_slot) in session.lanes.iter_mut().enumerate() {
            if let Some(window) = &mut lane_slot.window
                && !lane_slot.lane.is_waiting()
                && lane_slot.lane.is_due()
            {
                window.begins_to_wait(self.now);
            }
            match lane_slot.lane.block(&mut self.log) {
                Pushed::Kept => {}
                Pushed::Due => self.walks.add(slot, place),
                Pushed::Overflowed(how) => overflowed = Some(how.harder(overflowed)),
            }
            waiting |= u16::from(lane_slot.lane.is_waiting()) << place;
        }
        self.late.defer(slot, waiting, self.log.end());
        if first {
            self.laggards.insert(slot);
        }
        self.tell_blocked(slot);
        if let Some(how) = overflowed {
            self.judge(slot, how);
        }
    }

    /// Nothing is left to send. Costs whoever never was behind one look at its session.
    #[inline]
    pub(super) fn caught_up(&mut self, slot: u32) {
        if self.sessions[slot as usize].behind {
            self.no_longer_behind(slot);
        }
    }

    fn no_longer_behind(&mut self, slot: u32) {
        self.laggards.remove(&slot);
        self.late.end(slot);
        let session = &mut self.sessions[slot as usize];
        session.behind = false;
        self.tell_blocked(slot);
    }

    /// Tells the sequencer whether a session which takes turns with others can be written to, when
    /// that has changed. One whose conflating lane has enough on its way can; one that has to consume
    /// first what was sent of another lane, or has a lane beside such a one, can't.
    pub(super) fn tell_blocked(&mut self, slot: u32) {
        let session = &mut self.sessions[slot as usize];
        let waits = |session: &Session| {
            session.is_blocked() || session.lacks_credit() || session.waits_for_a_share()
        };
        let blocked = session.behind && waits(session);
        if blocked != session.told_blocked && (session.told_blocked || session.takes_turns()) {
            session.told_blocked = blocked;
            let session = session.id;
            self.outgoing.push(Command::Blocked { session, blocked });
        }
    }

    /// More came than may wait. Whose link would take some is offered it before it is judged: where it
    /// refuses with more than may wait, the bounds hold.
    pub(super) fn overflowed(&mut self, slot: u32, how: Overflowed) {
        let session = &self.sessions[slot as usize];
        match session.dirty && !session.is_blocked() {
            true if session.stage != Stage::Ending => self.resync(slot),
            _ => self.judge(slot, how),
        }
    }

    fn judge(&mut self, slot: u32, how: Overflowed) {
        let stage = self.sessions[slot as usize].stage;
        // Lanes that discard go on by being sent what is retained, whatever becomes of the link.
        if stage != Stage::Ending {
            self.resync(slot);
        }
        if how == Overflowed::Resync && stage != Stage::Ending {
            return;
        }
        if matches!(stage, Stage::Ending | Stage::Away) {
            return;
        }
        self.statistics.slow_consumers += 1;
        let message =
            "more waited for this client than its lane may hold, with overflow `disconnect`";
        let reconnect = Reconnect::Later(SLOW_CONSUMER_RETURN);
        self.end(slot, ErrorCode::SlowConsumer, message.to_owned(), reconnect);
    }

    pub(super) fn end_overrun(&mut self, slot: u32) {
        self.statistics.control_overruns += 1;
        let message = "more answers waited for this client than may".to_owned();
        let reconnect = Reconnect::Later(SLOW_CONSUMER_RETURN);
        self.end(slot, ErrorCode::ControlOverrun, message, reconnect);
    }
}
