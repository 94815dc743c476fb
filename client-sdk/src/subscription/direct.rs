//! The guard of what is received by name.

use crate::standing::Standing;

/// The guard of a receiver of direct messages: dropping it ends the receiving.
#[derive(Debug)]
#[must_use = "dropping the guard ends the receiving"]
pub struct DirectGuard {
    standing: Standing,
}

impl DirectGuard {
    pub(crate) fn new(standing: Standing) -> Self {
        Self { standing }
    }

    /// Lets it stand for as long as the client lives.
    pub fn detach(self) {
        self.standing.detach();
    }
}
