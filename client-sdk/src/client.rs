//! The handle that programs hold.

mod callbacks;
mod interfaces;
mod publishing;
mod requesting;
mod subscribing;

use std::fmt;
use std::sync::{Arc, Weak};

use crate::builder::ClientBuilder;
use crate::hub::Hub;
use crate::{ClosedReason, ConnectError, ConnectionState, Lag, LagError, Statistics, lag};

/// A connection to a broker, kept up as long as it is needed.
///
/// A cheap handle: clones share one session and one connection. When the last handle and the last
/// guard (of a subscription, stream or serving) is dropped, the connection closes in good order.
///
/// If the connection is lost, the client makes it anew ([`Reconnect`](crate::Reconnect)), and its
/// session goes on over it, if the broker still has it ([`Session::resumed`](crate::Session)): then
/// nothing is missed, subscriptions and requests live on, and commands that weren't answered are
/// repeated, each carried out once. Otherwise subscriptions and servings begin anew, each
/// subscriber is told of the interruption, and commands that were under way end: subscriptions and
/// servings that were beginning begin, those that were ending have ended, a change of options fails with
/// `Interrupted`, everything else with `Disconnected`. What waits in the outgoing queue is sent in any
/// case.
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

/// A handle that doesn't keep the connection up.
#[derive(Clone)]
pub(crate) struct WeakClient(Weak<Handle>);

impl WeakClient {
    /// Whether anybody holds the client.
    pub(crate) fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Whether both are of one client.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }

    /// The client, if anybody holds it.
    pub(crate) fn upgrade(&self) -> Option<Client> {
        self.0.upgrade().map(|handle| Client { handle })
    }
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

    pub(crate) fn downgrade(&self) -> WeakClient {
        WeakClient(Arc::downgrade(&self.handle))
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
