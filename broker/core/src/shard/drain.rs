//! The end of a shard: what waits is still sent, up to a deadline.

use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::Reconnect;

use super::Shard;
use crate::session::Stage;

impl Shard {
    /// Takes no more commands. Lanes are emptied; [`Shard::end_drained`] ends who has all.
    pub fn drain(&mut self) {
        for (_, session) in &mut self.sessions {
            if session.stage == Stage::Open {
                session.stage = Stage::Draining;
            }
        }
    }

    /// Ends the sessions for which nothing waits, or all if the deadline has passed. Each is asked
    /// to return after a time of its own, spread evenly over `spread`, so that they don't all
    /// return at once. Returns how many are left.
    pub fn end_drained(&mut self, deadline: Deadline, spread: Duration) -> usize {
        let done =
            |session: &crate::session::Session| deadline == Deadline::Passed || session.is_idle();
        let slots: Vec<u32> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.stage != Stage::Ending && done(session))
            .map(|(slot, _)| slot as u32)
            .collect();
        let count = slots.len().max(1) as u128;
        for (place, slot) in slots.into_iter().enumerate() {
            let after = (spread.as_millis() * (place as u128 + 1) / count) as u64;
            let reason = "the broker shuts down".to_owned();
            self.end(slot, ErrorCode::ShuttingDown, reason, Reconnect::Later(after));
        }
        self.sessions.iter().filter(|(_, session)| session.stage != Stage::Ending).count()
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
