//! The handle that programs hold.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::builder::ClientBuilder;
use crate::hub::Hub;
use crate::inbox::{Inbox, Rules};
use crate::standing::Standing;
use crate::subscription::Receiving;
use crate::{
    Body, ClosedReason, ConnectError, ConnectionState, DirectGuard, Keep, Lag, LagError,
    MessageStream, Provider, Publication, PublishError, Reply, RequestError, Serving,
    ServingBuilder, Statistics, SubscribeError, Subscriber, Subscription, SubscriptionBuilder, lag,
    publication, request, subscriber,
};

/// A connection to a broker, kept up as long as it is needed.
///
/// A cheap handle: clones share one session and one connection. When the last handle and the last
/// guard (of a subscription, stream or serving) is dropped, the connection closes in good order.
///
/// If the connection is lost, the client makes it anew ([`Reconnect`](crate::Reconnect)), and its
/// session goes on over it, if the broker still has it ([`Session::resumed`](crate::Session)): then
/// nothing is missed, subscriptions and requests live on, and commands that weren't answered are
/// repeated, each carried out once. Otherwise subscriptions and servings begin anew, each
/// subscriber is told of the interruption, and commands that were under way fail with
/// `Disconnected`. What waits in the outgoing queue is sent in any case.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
/// # doc::with_client(async |client| {
/// use client_sdk::Message;
///
/// let _subscription = client
///     .subscribe("market.>", |message: &Message| {
///         println!("{}: {}", message.topic, message.text().unwrap_or("?"));
///     })
///     .await?;
/// client.publish("market.btc", "42").await?;
/// # Ok(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

/// Closes the connection when nobody holds it any more.
struct Handle {
    hub: Arc<Hub>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl Client {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { handle: Arc::new(Handle { hub }) }
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.handle.hub
    }

    /// Connects with the default settings; [`Client::builder`] has all of them.
    ///
    /// The scheme of the URL chooses the transport: `ws://`, `wss://`, `quic://`, `unix:`, as the
    /// crate's features have them.
    ///
    /// # Errors
    /// See [`ClientBuilder::connect`].
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), client_sdk::ConnectError> {
    /// let client = client_sdk::Client::connect("ws://localhost:7400").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder(url).connect().await
    }

    /// Begins to make a client with other settings than the default ones.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    /// How the client stands with the broker at this moment.
    pub fn state(&self) -> ConnectionState {
        self.hub().watch().borrow().clone()
    }

    /// The name under which the broker knows this client; `None` while it isn't connected.
    pub fn name(&self) -> Option<String> {
        match self.state() {
            ConnectionState::Connected(session) => Some(session.name),
            _ => None,
        }
    }

    /// What was counted so far: how often the bounds of this client were met.
    pub fn statistics(&self) -> Statistics {
        self.hub().counters.now()
    }

    /// Publishes a message, without waiting for more than room in the outgoing queue.
    ///
    /// Fire and forget: a message that is under way when the connection is lost may be lost with
    /// it, and a refusal is told by [`ClientBuilder::on_refused`] alone. Messages of one task go out
    /// in the order of the calls. While the connection is lost they wait in the queue.
    ///
    /// # Errors
    /// If the topic or the payload can't be published, or the client is closed.
    ///
    /// # Cancel safety
    /// Dropping the future before it is done means that nothing was published.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// client.publish("chat.room", "hello").await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn publish(&self, topic: &str, body: impl Into<Body>) -> Result<(), PublishError> {
        Publication::new(self, topic, body.into()).publish().await
    }

    /// Publishes a message if there is room in the outgoing queue.
    ///
    /// # Errors
    /// As [`Client::publish`], and [`PublishError::Full`].
    pub fn try_publish(&self, topic: &str, body: impl Into<Body>) -> Result<(), PublishError> {
        Publication::new(self, topic, body.into()).try_publish()
    }

    /// Publishes a message and waits for the acknowledgement: the message has its place in the
    /// topic's order, and will be delivered to everybody who was subscribed at that point.
    ///
    /// Waits in the queue while the connection is lost, up to the request time-out in all.
    ///
    /// # Errors
    /// As [`Client::publish`]; if the broker refuses; [`PublishError::Disconnected`] and
    /// [`PublishError::TimedOut`] if nobody knows the outcome.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the message is published.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// client.publish_acked("orders.new", client_sdk::Body::json(r#"{"id": 7}"#)).await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn publish_acked(
        &self,
        topic: &str,
        body: impl Into<Body>,
    ) -> Result<(), PublishError> {
        Publication::new(self, topic, body.into()).publish_acked().await
    }

    /// Begins a message with further options.
    pub fn publication<'a>(
        &'a self,
        topic: impl Into<Cow<'a, str>>,
        body: impl Into<Body>,
    ) -> Publication<'a> {
        Publication::new(self, topic, body.into())
    }

    /// Sends a message to one client, by its name, and waits for the acknowledgement: the message
    /// waits in that client's lane. It arrives at what it set up with [`Client::direct`].
    ///
    /// # Errors
    /// As [`Client::publish_acked`], [`PublishError::NoSuchClient`] and [`PublishError::Busy`].
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// # let _direct = client.direct(|_: &client_sdk::Message| {})?;
    /// client.send("bob", "are you there?").await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn send(&self, to: &str, body: impl Into<Body>) -> Result<(), PublishError> {
        publication::send(self.hub(), to, body.into()).await
    }

    /// Asks whoever serves a topic, and waits for the answer up to the request time-out. On
    /// `$broker.sessions` and `$broker.stats` the broker itself answers.
    ///
    /// # Errors
    /// [`RequestError::NobodyAnswers`] comes at once. See [`RequestError`].
    ///
    /// # Cancel safety
    /// Dropping the future cancels the request: its provider is told.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// # let _serving = client
    /// #     .serve("math.double", async |_: client_sdk::Request| Ok("42".into()))
    /// #     .await?;
    /// let reply = client.request("math.double", "21").await?;
    /// assert_eq!(reply.text(), Some("42"));
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn request(&self, topic: &str, body: impl Into<Body>) -> Result<Reply, RequestError> {
        let timeout = self.hub().config.request_timeout;
        self.request_within(timeout, topic, body).await
    }

    /// Asks whoever serves a topic, and waits for the answer up to a time of one's own.
    ///
    /// # Errors
    /// See [`Client::request`].
    ///
    /// # Cancel safety
    /// Dropping the future cancels the request: its provider is told.
    pub async fn request_within(
        &self,
        timeout: Duration,
        topic: &str,
        body: impl Into<Body>,
    ) -> Result<Reply, RequestError> {
        request::request(self.hub(), topic, body.into(), timeout).await
    }

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
    /// The key is what [`Body::key`] said, or else the topic. A key that waits, in the broker for
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

    /// Answers the requests of a topic, or of all topics that a filter matches. Waits until the
    /// serving has begun; dropping the returned guard ends it.
    ///
    /// # Errors
    /// See [`Client::subscribe`].
    ///
    /// # Cancel safety
    /// Dropping the future ends the serving.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use client_sdk::{Refusal, Request};
    ///
    /// let _serving = client
    ///     .serve("echo", async |request: Request| Ok::<_, Refusal>(request.body))
    ///     .await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn serve(
        &self,
        filter: &str,
        provider: impl Provider,
    ) -> Result<Serving, SubscribeError> {
        self.serving(filter).start(provider).await
    }

    /// Begins a serving with further options.
    pub fn serving(&self, filter: &str) -> ServingBuilder<'_> {
        ServingBuilder::new(self, filter)
    }

    /// How far behind this client is: what waits for it in the broker, lane by lane, and what waits
    /// in this program for the callbacks of its subscriptions.
    ///
    /// # Errors
    /// If the broker can't be asked, or doesn't answer within the request time-out.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// let _subscription = client.subscribe("market.>", |_: &client_sdk::Message| {}).await?;
    /// for behind in client.lag().await?.subscriptions {
    ///     println!("{}: {:?} there, {:?} here", behind.filter, behind.broker, behind.here);
    /// }
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn lag(&self) -> Result<Lag, LagError> {
        lag::lag(self.hub()).await
    }

    /// Closes the client: sends what waits, says `disconnect`, and waits for the end, up to the
    /// close time-out. Every handle is closed, every subscription ends.
    ///
    /// # Cancel safety
    /// Dropping the future doesn't undo the closing.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// client.close().await;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn close(&self) {
        self.hub().close();
        self.closed().await;
    }

    /// Waits until the client is closed for good, for whatever reason.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn closed(&self) -> ClosedReason {
        let mut watch = self.hub().watch();
        loop {
            if let ConnectionState::Closed(reason) = &*watch.borrow_and_update() {
                return reason.clone();
            }
            watch.changed().await.expect("the hub lives as long as this handle");
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish()
    }
}
