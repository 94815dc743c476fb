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
//! # Features
//! `websocket`, `quic` and `unix` (all on by default) bring the transports; `memory` the one for
//! links inside a process. [`ClientBuilder::with_connector`] takes any other.

mod body;
mod builder;
mod client;
mod config;
mod connection;
mod connectors;
mod driver;
mod error;
mod event;
mod hub;
mod inbox;
mod notices;
mod open_call;
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
pub use error::{ClosedReason, ConnectError, PublishError, RequestError, SubscribeError};
pub use event::{Ended, Event, Gap, GapCause, GapReason, Granted, Interruption, Message, Presence};
pub use provider::{Provider, Refusal, Request};
pub use publication::Publication;
pub use reconnect::Reconnect;
pub use request::Reply;
pub use serving::{Serving, ServingBuilder};
pub use state::{ConnectionState, Refused, Session};
pub use statistics::Statistics;
pub use subscriber::Subscriber;
pub use subscription::{DirectGuard, MessageStream, Subscription, SubscriptionBuilder};

pub use broker_protocol::frame::{Keep, LaneOptions, Overflow, SessionLimits};
pub use broker_protocol::{Codec, ErrorCode};
pub use transport_api::Connector;
#[cfg(feature = "memory")]
pub use transport_memory as memory;
pub use transport_tls::{Fingerprint, ParseFingerprintError, Trust, TrustError};
