//! When sessions are to be flushed although nothing comes: what lanes with a minimum interval hold may
//! leave then, or what waits beside a lane whose program is slow, and not its link.

use std::collections::BTreeSet;
use std::time::Duration;

use hashbrown::HashMap;

use super::Shard;
use crate::session::{Session, Stage, Window};

/// When which sessions are to be flushed. Others cost nothing.
#[derive(Debug, Default)]
pub(super) struct Paces {
    times: BTreeSet<(Duration, u32)>,
    of: HashMap<u32, Duration, foldhash::fast::FixedState>,
}

impl Paces {
    fn set(&mut self, slot: u32, due: Option<Duration>) {
        let before = match due {
            Some(due) => self.of.insert(slot, due),
            None => self.of.remove(&slot),
        };
        if before != due {
            if let Some(before) = before {
                self.times.remove(&(before, slot));
            }
            self.times.extend(due.map(|due| (due, slot)));
        }
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.times.first().map(|(due, _)| *due)
    }

    fn pop(&mut self, now: Duration) -> Option<u32> {
        self.times.first().filter(|(due, _)| *due <= now)?;
        let (_, slot) = self.times.pop_first()?;
        self.of.remove(&slot);
        Some(slot)
    }
}

impl Session {
    /// Whether one of its lanes has a minimum interval.
    pub(super) fn is_paced(&self) -> bool {
        self.lanes.iter().any(|one| one.lane.is_paced())
    }

    /// When something of it may be sent, if only the time stands against it.
    fn due(&self) -> Option<Duration> {
        let paced = self.lanes.iter().filter_map(|one| one.lane.due());
        let windows = self.lanes.iter().filter_map(|one| one.window.as_deref());
        let lies = windows.filter_map(Window::lies_at).min();
        paced.chain(lies.filter(|_| self.waits_for_a_share())).min()
    }
}

impl Shard {
    /// Lets go what the lanes of a session may send by now.
    #[inline]
    pub(super) fn pace(&mut self, slot: u32) {
        let Self { sessions, log, now, .. } = self;
        let session = &mut sessions[slot as usize];
        for lane_slot in &mut session.lanes {
            if let Some(window) = &mut lane_slot.window {
                window.note_what_lies(*now);
            }
            match session.stage {
                _ if !lane_slot.lane.is_paced() => {}
                Stage::Draining => lane_slot.lane.end_pace(log),
                _ => lane_slot.lane.pace(*now, log),
            }
        }
    }

    /// Notes when the lanes of a session may send next.
    #[inline]
    pub(super) fn note_pace(&mut self, slot: u32) {
        let session = &self.sessions[slot as usize];
        let is_paced = session.is_paced();
        if is_paced || session.lanes.len() > 1 {
            let due = session.due();
            // A time that stands here for nothing does no harm.
            if is_paced || due.is_some() {
                self.paces.set(slot, due);
            }
        }
    }

    /// Has those flushed whose time has come.
    pub(super) fn keep_pace(&mut self, now: Duration) {
        while let Some(slot) = self.paces.pop(now) {
            if self.sessions.contains(slot as usize) {
                self.mark_dirty(slot);
            }
        }
    }
}
