//! What the broker needs from a transport, and nothing of what it does with it.
//!
//! A transport moves *packets* and says when it can take more. It knows nothing of topics, frames
//! or sessions. The whole of it is three traits:
//!
//! - a [`Listener`] yields one [`Incoming`] after the other and never waits for a handshake;
//! - an [`Incoming`] finishes its handshake in the place where the link will live;
//! - a [`Link`] is one established connection, the same trait for both of its ends.
//!
//! The contract of a link in one sentence: hand it packets with [`Link::try_send`] until it says
//! that it is blocked, poll [`Link::poll_writable`] only then, and poll [`Link::poll_receive`]
//! whenever you are willing to take more.
//!
//! For most byte streams [`StreamLink`] is a link ready-made, and [`Preamble`] reads the line by
//! which both ends agree on a [`Subprotocol`].
//!
//! A transport is done when it passes `transport-conformance`.

mod address;
mod close;
mod connector;
mod error;
mod link;
mod listener;
mod packet;
mod stream;
mod subprotocol;

pub use address::Address;
pub use close::{CloseCode, CloseReason};
pub use connector::Connector;
pub use error::{AcceptError, ConnectError, HandshakeError, LinkError};
pub use link::{Channel, Framing, Lanes, Link, PingSupport, Properties, Received, Sent, Sink};
pub use listener::{BoxFuture, Incoming, Listener, Placement};
pub use packet::Packet;
pub use stream::StreamLink;
pub use subprotocol::{Preamble, Subprotocol};
