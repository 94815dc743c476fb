//! What all guards have in common: something stands as long as they live.

use broker_protocol::frame::LaneOptions;

use crate::hub::WishId;
use crate::inbox::Inbox;
use crate::{Client, Granted, LagError, SubscribeError, SubscriptionLag, Waits};

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

    /// Changes its options, and waits for what is granted.
    pub(crate) async fn change(&self, options: LaneOptions) -> Result<Granted, SubscribeError> {
        let hub = self.client.hub();
        let closed = || SubscribeError::Closed(hub.closed_reason());
        let _turn = hub.commands.acquire().await.map_err(|_| closed())?;
        hub.change(self.wish, options)?.await.map_err(|_| SubscribeError::Ended)?
    }

    /// How far behind it is.
    pub(crate) async fn lag(
        &self,
        filter: &str,
        inbox: &Inbox,
    ) -> Result<SubscriptionLag, LagError> {
        let lane = self.client.hub().lane(self.wish).unwrap_or_default();
        let lanes = self.client.lag().await?.lanes;
        let broker = lanes.iter().find(|one| one.lane == lane);
        let broker = broker.map_or_else(Waits::default, |one| one.waits);
        Ok(SubscriptionLag { filter: filter.to_owned(), lane, broker, here: inbox.waiting() })
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
