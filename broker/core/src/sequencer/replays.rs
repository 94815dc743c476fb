//! What replays may cost in one turn.
//!
//! A replay whose filter matches little looks at many values for every one that it brings. So each
//! session has a budget of looks in a turn, for all its lanes; what is beyond goes on in the next turn.

use hashbrown::HashMap;

use super::retained::Looks;
use crate::{Batch, Command, SessionId};

/// How many values are looked at for one session in a turn at most.
const SESSION_LOOKS: usize = 1024;

/// How many for all sessions together, unless they are so many that each has the least.
const TURN_LOOKS: usize = 16 << 10;

/// How many values may be looked at for a session however many ask: it comes on with every turn.
const SESSION_LOOKS_MIN: usize = 64;

/// What is left to the sessions that ask in a turn.
#[derive(Debug, Default)]
pub(super) struct Replays {
    /// Each session's share of the turn, once anybody asks.
    share: Option<usize>,
    left: HashMap<SessionId, Looks>,
}

impl Replays {
    /// A turn begins.
    pub(super) fn begin(&mut self) {
        if self.share.take().is_some() {
            self.left.clear();
        }
    }

    /// What is left to a session that asks in a batch.
    pub(super) fn looks_for(&mut self, session: SessionId, batch: &Batch) -> &mut Looks {
        let share = *self.share.get_or_insert_with(|| share(batch));
        self.left.entry(session).or_insert(Looks(share))
    }
}

/// What each session may look at that asks in a batch.
fn share(batch: &Batch) -> usize {
    let asks = |command: &&Command| matches!(command, Command::Replay { .. });
    let asking = batch.commands.iter().filter(asks).count();
    (TURN_LOOKS / asking.max(1)).clamp(SESSION_LOOKS_MIN, SESSION_LOOKS)
}
