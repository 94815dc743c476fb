//! Connect to a broker, publish, and be called back.
//!
//! ```no_run
//! use client_sdk::{Client, Message};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("ws://localhost:7400").await?;
//! let subscription = client
//!     .subscribe("greetings.*", |message: &Message| {
//!         println!("{}: {}", message.topic, message.text().unwrap_or("?"));
//!     })
//!     .await?;
//! client.publish_acked("greetings.world", "hello").await?;
//! subscription.unsubscribe().await;
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`Client`] is the entry to everything: publish, [send](Client::send),
//! [request](Client::request), [serve](Client::serve), and subscribe with a [`Subscriber`], a
//! closure or a [stream](Client::stream). One task owns the connection and does all that must not
//! wait; callbacks run in tasks of their own behind bounded inboxes. So a slow callback delays
//! nobody, and a callback may use the client as it likes.
//!
//! # Subscribers that are behind
//! What comes while a call runs waits in the subscriber's inbox, and holds the credit of its lane until
//! it was handed over: no more is sent than a window of 1 MiB, in a lane that conflates no more than
//! callbacks took in a quarter of a second, and the rest waits in the broker
//! ([`ClientBuilder::receive_window`]). Where several share a lane, what one of them can't take moves to
//! a list of its own, and is treated there as the lane at the broker treats what waits for the link. [`Client::subscribe`] keeps all of it; at the
//! bound the subscription ends, or the oldest go, as its [overflow rule](Overflow) says.
//! [`Client::subscribe_latest`] keeps the newest of each key, which is all that a price list, a map
//! or a dashboard needs: it is never behind by more than one value of each, and always ends with
//! the last. Whatever is left out is counted, and told by [`Subscriber::on_gap`].
//!
//! ```no_run
//! use client_sdk::{Client, Gap, Message, Subscriber};
//!
//! #[derive(Default)]
//! struct Board { skipped: u64, missed: u64 }
//!
//! impl Subscriber for Board {
//!     fn on_message(&mut self, _quote: &Message) { /* notes the price */ }
//!     fn on_gap(&mut self, gap: &Gap) {
//!         match gap.reason.is_conflated() {
//!             true => self.skipped += gap.count,
//!             false => self.missed += gap.count,
//!         }
//!     }
//!     fn on_batch_end(&mut self) { /* draws, once for all that waited together */ }
//! }
//!
//! # async fn example(client: Client) -> Result<(), client_sdk::SubscribeError> {
//! let _board = client.subscribe_latest("market.>", Board::default()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Services and callbacks
//! [`interface`] has a shorter way for Rust at both ends: a trait whose methods are called from afar. A client
//! hands an object to a service, and the service calls it, until it is released or its connection breaks.
//!
//! # Features
//! `websocket`, `quic` and `unix` (all on by default) bring the transports; `memory` the one for
//! links inside a process. [`ClientBuilder::with_connector`] takes any other.

mod body;
mod builder;
mod client;
mod config;
mod connection;
mod connectors;
mod credit;
mod direct_message;
mod driver;
mod error;
mod event;
mod hub;
mod inbox;
pub mod interface;
mod lag;
mod notices;
mod open_call;
mod pace;
mod provider;
mod publication;
mod reconnect;
mod request;
mod serving;
mod standing;
mod state;
mod statistics;
mod subscriber;
mod subscription;

pub use body::{Body, Content};
pub use builder::ClientBuilder;
pub use client::Client;
pub use connectors::connector;
pub use direct_message::DirectMessage;
pub use error::{ClosedReason, ConnectError, LagError, PublishError, RequestError, SubscribeError};
pub use event::{Ended, Event, Gap, GapCause, GapReason, Granted, Interruption, Message, Presence};
pub use lag::{Lag, LaneLag, SubscriptionLag, Waits};
pub use provider::{Provider, Refusal, Request};
pub use publication::Publication;
pub use reconnect::Reconnect;
pub use request::Reply;
pub use serving::{Serving, ServingBuilder};
pub use state::{ConnectionState, Refused, Session};
pub use statistics::Statistics;
pub use subscriber::Subscriber;
pub use subscription::{DirectGuard, MessageStream, Subscription, SubscriptionBuilder};

pub use broker_delivery::fold;
pub use broker_protocol::frame::{Keep, LaneOptions, Overflow, SessionLimits};
pub use broker_protocol::{Codec, ErrorCode};
pub use client_sdk_macros::{callback, data, service};
pub use interface::{
    CallError, Callback, CallbackSet, OfferError, Offered, ReleaseReason, ResolveError, Service,
};
pub use transport_api::Connector;
#[cfg(feature = "memory")]
pub use transport_memory as memory;
pub use transport_tls::{Fingerprint, ParseFingerprintError, Trust, TrustError};

/// The examples of the README are true.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
