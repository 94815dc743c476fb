//! Credit: what clients tell that they have consumed.

use std::num::NonZeroU32;

use broker_protocol::ErrorCode;
use broker_protocol::frame::Consumed;

use super::Shard;
use crate::session::{Credit, LaneSlot, Session, Stage};
use crate::{Log, Now};

impl Shard {
    /// The window that a client gets which asks for one.
    pub(super) fn receive_window(&self, wished: Option<u64>) -> Option<NonZeroU32> {
        let limits = &self.config.limits;
        let most = limits.receive_window_max.max(1);
        let least = limits.receive_window_min.clamp(1, most);
        let wished = u32::try_from(wished?).unwrap_or(most);
        NonZeroU32::new(wished.clamp(least, most))
    }

    /// Has each lane keep its share of what one session may have kept: what a client that takes part in
    /// credit was sent and hasn't consumed is within its window, but many lanes have a window each.
    pub(super) fn share_what_is_kept(&mut self, slot: u32) {
        let Self { sessions, log, config, .. } = self;
        let session = &mut sessions[slot as usize];
        let lanes = session.lanes.len().max(1) as u32;
        let share = config.limits.receive_window_max / lanes;
        let window = session.link.receive_window.map_or(0, |window| window.get().min(share));
        let least = u32::try_from(config.absence.resume_window).unwrap_or(u32::MAX);
        session.link.kept_bytes_max = window.max(least);
        if session.link.receive_window.is_some() {
            session.keep_no_more(log);
        }
    }

    /// A client has consumed some of a lane. Telling of more than it was sent ends its connection:
    /// what is out can't be known any more.
    pub(super) fn consumed(&mut self, now: Now, slot: u32, consumed: &Consumed) {
        let Consumed { lane: number, frames, bytes } = *consumed;
        let session = &mut self.sessions[slot as usize];
        let takes_part = session.link.receive_window.is_some();
        let place = session.lanes.iter().position(|one| one.number == number);
        let told = match place {
            Some(place) => session.lanes[place].consumed(bytes, now),
            None if frames > 0 || takes_part && bytes > 0 => Err(0),
            None => Ok(()),
        };
        if let Err(sent) = told {
            let message = format!(
                "`consumed` tells of {frames} frames and {bytes} bytes of lane {number}; {sent} bytes \
                 were sent over this connection"
            );
            return self.end_faulty(slot, ErrorCode::InvalidField, message);
        }
        let Some(place) = place else { return };
        self.consumed_frames(slot, place, frames);
        if self.sessions[slot as usize].stage != Stage::Ending
            && takes_part
            && !self.sessions[slot as usize].lanes[place].lane.is_empty()
        {
            self.mark_dirty(slot);
        }
    }

    /// None of the lane's first `frames` data frames is needed again: what is kept of them for a
    /// resume is let go.
    fn consumed_frames(&mut self, slot: u32, place: usize, frames: u64) {
        let Self { sessions, log, .. } = self;
        let LaneSlot { number, lane, .. } = &mut sessions[slot as usize].lanes[place];
        if lane.consumed(frames, log).is_err() {
            let (number, sent) = (*number, lane.frames());
            let message =
                format!("`consumed` of {frames} frames of lane {number}; {sent} were sent");
            self.end_faulty(slot, ErrorCode::InvalidField, message);
        }
    }
}

impl LaneSlot {
    /// Its client has consumed so many bytes over this connection. Fails with what it was sent, if
    /// that is less.
    fn consumed(&mut self, bytes: u64, now: Now) -> Result<(), u64> {
        let waits = self.lane.is_waiting();
        let Some(credit) = &mut self.credit else { return Ok(()) };
        credit.consumed(bytes).map_err(|excess| excess.sent)?;
        let (_, consumed) = credit.totals();
        if !self.lane.options().unreliable
            && let Some(window) = &mut self.window
        {
            window.told(consumed, now.monotonic, waits);
        }
        Ok(())
    }

    /// How many bytes a packet may take of it, and whether one larger message may go.
    pub(super) fn allowance(&self) -> (usize, bool) {
        match &self.credit {
            None => (usize::MAX, true),
            Some(credit) => {
                (usize::try_from(credit.room()).unwrap_or(usize::MAX), credit.allows_larger())
            }
        }
    }

    /// Whether it keeps everything and has to wait until its client has consumed more.
    fn lacks_credit(&self) -> bool {
        !self.lane.conflates()
            && !self.lane.is_empty()
            && self.credit.as_deref().is_some_and(|credit: &Credit| credit.room() == 0)
    }
}

impl Session {
    /// Lets go of what is kept beyond what each lane may keep for a client that is there.
    pub(super) fn keep_no_more(&mut self, log: &mut Log) {
        if self.stage != Stage::Away {
            let most = u64::from(self.link.kept_bytes_max);
            self.lanes.iter_mut().for_each(|one| one.lane.keep_at_most(most, log));
        }
    }

    /// Whether some lane that keeps everything has to wait until its client has consumed more.
    pub(super) fn lacks_credit(&self) -> bool {
        self.lanes.iter().any(LaneSlot::lacks_credit)
    }
}
