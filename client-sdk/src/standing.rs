//! What all guards have in common: something stands as long as they live.

use crate::Client;
use crate::hub::WishId;

/// A standing wish, ended at once when this is dropped.
#[derive(Debug)]
pub(crate) struct Standing {
    client: Client,
    wish: WishId,
    detached: bool,
}

impl Standing {
    pub(crate) fn new(client: Client, wish: WishId) -> Self {
        Self { client, wish, detached: false }
    }

    /// Ends it where the broker says.
    pub(crate) fn leave_in_order(&mut self) {
        self.detached = true;
        self.client.hub().leave_in_order(self.wish);
    }

    /// Lets it stand for as long as the client lives.
    pub(crate) fn detach(mut self) {
        self.detached = true;
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        if !self.detached {
            self.client.hub().leave_now(self.wish);
        }
    }
}
