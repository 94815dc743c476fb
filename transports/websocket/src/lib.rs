//! Links over WebSocket, with and without TLS.
//!
//! The `tungstenite` family does the handshakes at both ends. What follows is this crate's own, so
//! that an idle connection costs next to nothing and a packet one system call: a [`reader`] that
//! works in memory that is only lent, and a writer that puts the header beside the packet's bytes
//! wherever these lie.
//!
//! One packet is one message, text or binary as the subprotocol says. Extensions, and with them
//! compression, are not spoken: the bytes of a packet serve all subscribers.
//!
//! # Ends
//! When a link has failed ([`LinkError`](transport_api::LinkError)), the peer was told why as far
//! as its socket took it. Polling [`poll_closed`](transport_api::Link::poll_closed) before the link
//! is dropped makes sure of it, within a time-out of the caller's.

mod accept;
mod acceptor;
mod config;
mod connector;
mod frame;
mod head;
mod held;
mod link;
mod listener;
mod mask;
mod negotiate;
mod outbox;
pub mod reader;
mod refusal;
mod socket;
mod stream;
mod target;
mod tls;

pub use config::{ClientConfig, Config, Messages};
pub use connector::WebSocketConnector;
pub use listener::{WebSocketListener, listen};
