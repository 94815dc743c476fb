//! What a client receives.

use std::sync::Arc;

use crate::inbox::{Inbox, Rules};
use crate::standing::Standing;
use crate::subscription::Receiving;
use crate::{
    Client, DirectGuard, Keep, MessageStream, SubscribeError, Subscriber, Subscription,
    SubscriptionBuilder, subscriber,
};

impl Client {
    /// Subscribes, and waits until the subscription has begun.
    ///
    /// Dropping the returned guard unsubscribes. Any number of subscriptions share the connection;
    /// each has callbacks of its own.
    ///
    /// # Errors
    /// If the filter is none, the broker refuses, or the client is closed. While the connection is
    /// lost it waits.
    ///
    /// # Cancel safety
    /// Dropping the future unsubscribes.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use client_sdk::Message;
    ///
    /// let mut count = 0;
    /// let subscription = client
    ///     .subscribe("market.*.trades", move |message: &Message| {
    ///         count += 1;
    ///         println!("{count}: {} bytes", message.payload().len());
    ///     })
    ///     .await?;
    /// subscription.unsubscribe().await;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn subscribe(
        &self,
        filter: &str,
        subscriber: impl Subscriber,
    ) -> Result<Subscription, SubscribeError> {
        self.subscription(filter).start(subscriber).await
    }

    /// Subscribes to how things are, rather than to all that happens: as [`Client::subscribe`], but
    /// a subscriber that is behind gets only the latest message of each key.
    ///
    /// The key is what [`Body::key`](crate::Body::key) said, or else the topic. A key that waits, in the broker for
    /// the link or in this program for the subscriber, keeps its place and takes the newest value;
    /// what is skipped is counted in gaps
    /// ([`GapCause::is_conflated`](crate::GapCause::is_conflated)). So however slow the subscriber
    /// is, every key gets its turn, and once nothing more is published the last call for each key
    /// was with its last value. A subscriber that keeps up gets everything.
    ///
    /// Messages of one key come in their order; those of different keys of one topic may not.
    ///
    /// # Errors
    /// See [`Client::subscribe`].
    ///
    /// # Cancel safety
    /// Dropping the future unsubscribes.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use client_sdk::Message;
    ///
    /// let _subscription = client
    ///     .subscribe_latest("market.>", |quote: &Message| {
    ///         println!("{} is {}", quote.topic, quote.text().unwrap_or("?"));
    ///     })
    ///     .await?;
    /// client.publish("market.btc", "64123.50").await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn subscribe_latest(
        &self,
        filter: &str,
        subscriber: impl Subscriber,
    ) -> Result<Subscription, SubscribeError> {
        self.subscription(filter).keep(Keep::Latest(1)).start(subscriber).await
    }

    /// Begins a subscription with further options.
    pub fn subscription(&self, filter: &str) -> SubscriptionBuilder<'_> {
        SubscriptionBuilder::new(self, filter)
    }

    /// Subscribes, for code that would rather await than be called back.
    ///
    /// # Errors
    /// See [`Client::subscribe`].
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use client_sdk::Event;
    ///
    /// let mut events = client.stream("market.>").await?;
    /// client.publish("market.btc", "42").await?;
    /// while let Some(event) = events.next().await {
    ///     if let Event::Message(message) = event {
    ///         assert_eq!(message.text(), Some("42"));
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn stream(&self, filter: &str) -> Result<MessageStream, SubscribeError> {
        self.subscription(filter).stream().await
    }

    /// Receives what others [send](Client::send) to this client by its name.
    ///
    /// Nothing is said to the broker: such messages come anyway, and those for which there is no
    /// receiver are dropped. Each of several receivers gets all of them. The inbox is bounded as a
    /// subscription's is; at its bound the oldest messages are dropped, and told in a gap.
    ///
    /// # Errors
    /// If the client is closed.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use client_sdk::Message;
    ///
    /// let _direct = client.direct(|message: &Message| {
    ///     let from = message.from.as_deref().unwrap_or("somebody");
    ///     println!("{from} says {}", message.text().unwrap_or("?"));
    /// })?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub fn direct(&self, subscriber: impl Subscriber) -> Result<DirectGuard, SubscribeError> {
        let hub = self.hub();
        let inbox = Arc::new(Inbox::new(hub.config.inbox, Rules::NEWEST_OF_ALL));
        let wish = hub.wish_direct(Arc::clone(&inbox))?;
        let standing = Standing::new(self.clone(), wish);
        hub.runtime.spawn(subscriber::serve(Receiving::new(hub, wish, inbox), subscriber));
        Ok(DirectGuard::new(standing))
    }
}
