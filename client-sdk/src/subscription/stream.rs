//! A subscription as a stream.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use broker_protocol::frame::LaneOptions;

use super::Receiving;
use crate::credit::Owed;
use crate::inbox::Held;
use crate::standing::Standing;
use crate::{Event, Granted, LagError, SubscribeError, SubscriptionLag};

/// What a subscription delivers, as a stream: dropping it unsubscribes.
///
/// The first event is [`Event::Subscribed`], the last [`Event::Ended`]. What isn't taken waits in
/// the subscription's inbox, as it does for callbacks.
#[derive(Debug)]
#[must_use = "dropping the stream unsubscribes"]
pub struct MessageStream {
    pub(super) standing: Standing,
    pub(super) receiving: Receiving,
    pub(super) filter: String,
    /// What the broker is told when the next event is asked for: the last one is done with then.
    pub(super) owed: Option<Owed>,
}

impl MessageStream {
    /// Changes the options of the lane in which it is delivered; see [`Subscription::set_options`](crate::Subscription::set_options). An
    /// [`Event::Subscribed`] stands where they begin to hold.
    ///
    /// # Errors
    /// See [`Subscription::set_options`](crate::Subscription::set_options).
    pub async fn set_options(&self, options: LaneOptions) -> Result<Granted, SubscribeError> {
        self.standing.change(options).await
    }

    /// Waits for the next event; `None` after the end.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// How far behind this subscription is: what waits in its lane at the broker, and in this program
    /// to be taken.
    ///
    /// # Errors
    /// See [`Client::lag`](crate::Client::lag).
    pub async fn lag(&self) -> Result<SubscriptionLag, LagError> {
        self.standing.lag(&self.filter, &self.receiving.inbox).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.owed = None;
        self.receiving.poll_next(cx).map(|held| {
            let Held { event, owed, .. } = held?;
            self.owed = owed;
            Some(event)
        })
    }
}

impl futures_core::Stream for MessageStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}
