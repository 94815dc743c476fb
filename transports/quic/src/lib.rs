//! Links over QUIC.
//!
//! # On the wire
//! - ALPN agrees on the subprotocol: `broker/1+bincode`, `broker/1+json`. A peer that offers nothing
//!   that is spoken here is refused during the handshake.
//! - The client's first bidirectional stream is [`Channel::Control`](transport_api::Channel), both
//!   ways, and all that the client sends. It exists for the broker once its first frame has
//!   arrived; the client here makes that happen at once with an empty frame, others with their
//!   first packet.
//! - Each lane is a unidirectional stream that the broker opens on first use; its first byte is the
//!   lane's number. At most 16 at a time.
//! - Datagrams begin with the lane's number and go from the broker to the client alone.
//! - An end in good order is an application code of
//!   [`CloseCode::application`](transport_api::CloseCode::application) with the text. Before it, each
//!   end finishes its streams and waits until the other has all of them. Code 255 says that an end
//!   vanished without a word: its peer sees a broken link.
//!
//! # Where packets wait
//! A packet is handed to QUIC as one chunk, by reference where it lies in shared memory. What flow
//! control or the send window doesn't take is kept by the link, at most one packet per channel, and
//! counted as unsent. What QUIC took stays in memory until it is acknowledged: at most
//! [`Config::send_window_bytes`] per link, beside what is counted as unsent. A chunk pins the
//! block it lies in.
//!
//! # Independent lanes
//! Each lane has its own flow control: a peer that doesn't read one of them stops that one. Control
//! goes before lanes; lanes share evenly. They share one congestion window and one send window, which
//! bytes leave when they are acknowledged, not when they are read.
//!
//! # Liveness
//! The transport has no ping for its user; the broker's own pings are frames. A connection on which
//! nothing arrives for the idle time-out is dead. The client sends a keep-alive well before, which
//! also keeps the path through address translators open; the broker sends none, as that would cost a
//! packet per connection and interval.
//!
//! # Sockets
//! A listener is one UDP socket, whose connections live in the runtime that made it. A connector
//! shares one socket per address family among its links. The listener's has room for what many links
//! acknowledge at one time, as far as the system grants it ([`Config::socket_receive_bytes`]); the
//! connector's is left as the system gives it.

mod closing;
mod config;
mod connector;
mod copies;
mod datagrams;
mod endpoints;
mod failures;
mod link;
mod listener;
mod outgoing;
mod receiver;
mod sender;
mod socket;
mod target;

pub use config::{ClientConfig, Config};
pub use connector::QuicConnector;
pub use listener::{QuicListener, endpoint, listen};

/// The transport's name in URLs and metrics.
const TRANSPORT: &str = "quic";

/// How many lanes a broker may have open towards a client.
const LANES_MAX: u32 = 16;
