//! The end of a shard: what waits is still sent, up to a deadline.

use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Reconnect, ReleasedReason};

use super::Shard;
use crate::session::{Session, Stage};

impl Shard {
    /// Takes no more commands and opens no more sessions. Lanes are emptied;
    /// [`Shard::end_drained`] ends who has all.
    pub fn drain(&mut self) {
        self.draining = Some(Draining::default());
        while let Some((_, slot)) = self.away.first().copied() {
            self.bury(slot, ReleasedReason::Closed);
        }
        for (_, session) in &mut self.sessions {
            if session.stage == Stage::Open {
                session.stage = Stage::Draining;
            }
        }
        // What they hold may leave now.
        let paced = self.sessions.iter().filter(|(_, session)| session.is_paced());
        let paced: Vec<u32> = paced.map(|(slot, _)| slot as u32).collect();
        paced.into_iter().for_each(|slot| self.mark_dirty(slot));
    }

    /// Ends the sessions for which nothing waits, or all if the deadline has passed. Each is asked
    /// to return after a time of its own within `spread`, so that they don't all return at once.
    /// Returns how many are left.
    pub fn end_drained(&mut self, deadline: Deadline, spread: Duration) -> usize {
        let done = |session: &Session| deadline == Deadline::Passed || session.is_idle();
        let slots: Vec<u32> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.stage != Stage::Ending && done(session))
            .map(|(slot, _)| slot as u32)
            .collect();
        for slot in slots {
            let place = self.draining.get_or_insert_default().next_place();
            let after = (spread.as_millis() * u128::from(place)) >> u32::BITS;
            let reason = "the broker shuts down".to_owned();
            self.end(slot, ErrorCode::ShuttingDown, reason, Reconnect::Later(after as u64));
        }
        self.sessions.iter().filter(|(_, session)| session.stage != Stage::Ending).count()
    }
}

/// How far a drain came.
#[derive(Debug, Default)]
pub(super) struct Draining {
    ended: u32,
}

impl Draining {
    /// The golden ratio's fraction of 2^32.
    const GOLDEN: u32 = 0x9E37_79B9;

    /// A place among all of 0 to 2^32, for the next session that ends: its multiples by the golden
    /// ratio are spread evenly however many there will be.
    fn next_place(&mut self) -> u32 {
        self.ended = self.ended.wrapping_add(1);
        self.ended.wrapping_mul(Self::GOLDEN)
    }
}

/// Whether there is still time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// What waits may still be sent.
    Ahead,
    /// Everything ends now.
    Passed,
}
