//! Subscribing, and the guards of what was begun.

mod builder;
mod direct;
mod receiving;
mod stream;

use std::sync::Arc;

use broker_delivery::check_filter;
use broker_protocol::frame::LaneOptions;
use tokio::task::JoinHandle;

use crate::inbox::Inbox;
use crate::standing::Standing;
use crate::{Granted, LagError, SubscribeError, SubscriptionLag};

pub use builder::SubscriptionBuilder;
pub use direct::DirectGuard;
pub(crate) use receiving::Receiving;
pub use stream::MessageStream;

/// The guard of a subscription: dropping it unsubscribes.
///
/// After it is dropped only the end is still told to the subscriber, of a batch that has begun and
/// of the subscription; what waited is discarded. A call that is being made goes on.
#[derive(Debug)]
#[must_use = "dropping the guard unsubscribes"]
pub struct Subscription {
    standing: Standing,
    task: JoinHandle<()>,
    filter: String,
    id: u64,
    inbox: Arc<Inbox>,
}

impl Subscription {
    /// The number that the broker gave to the subscription when it first began.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The filter.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Changes the options of the lane in which it is delivered, as
    /// [`SubscriptionBuilder::lane_options`] sets them: all at once. Nothing is missing or doubled, and
    /// the order stays: where the subscription goes on in another lane, what comes there waits until
    /// what was to come before has come. [`Subscriber::on_subscribed`](crate::Subscriber::on_subscribed) is called with what is granted
    /// where it begins to hold.
    ///
    /// While the connection is lost it waits for the session to go on, or to be over.
    ///
    /// # Errors
    /// What the broker or a bound says against it: then the options are as before. Subscriptions with
    /// presence, and members of queue groups, that share a lane can't change them. And
    /// [`SubscribeError::Interrupted`], if the session is over before the answer came.
    ///
    /// # Cancel safety
    /// Dropping the future doesn't undo the change.
    pub async fn set_options(&self, options: LaneOptions) -> Result<Granted, SubscribeError> {
        self.standing.change(options).await
    }

    /// How far behind this subscription is: what waits in its lane at the broker, and in this program
    /// for its callback.
    ///
    /// # Errors
    /// See [`Client::lag`](crate::Client::lag).
    pub async fn lag(&self) -> Result<SubscriptionLag, LagError> {
        self.standing.lag(&self.filter, &self.inbox).await
    }

    /// Unsubscribes in order: what the broker delivers until it ends the subscription still
    /// arrives. Done when the subscriber's last call has returned. While the connection is lost it
    /// waits for the session to go on; if the session is over, so is the subscription.
    ///
    /// # Cancel safety
    /// Dropping the future doesn't undo the unsubscribing.
    ///
    /// # Deadlock
    /// Blocking on this in a call of the same subscriber waits for itself; drop the guard there.
    pub async fn unsubscribe(self) {
        let Self { mut standing, task, .. } = self;
        standing.leave_in_order();
        // A callback that panicked has ended its subscription too.
        let _ = task.await;
    }

    /// Lets the subscription stand for as long as the client lives.
    pub fn detach(self) {
        self.standing.detach();
    }

    /// Waits until the subscription has ended for whatever reason, and its last call has returned.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn ended(&mut self) {
        if !self.task.is_finished() {
            let _ = (&mut self.task).await;
        }
    }
}

pub(crate) fn check(filter: &str) -> Result<(), SubscribeError> {
    check_filter(filter).map_err(|error| SubscribeError::InvalidFilter {
        filter: filter.to_owned(),
        reason: error.to_string(),
    })
}
