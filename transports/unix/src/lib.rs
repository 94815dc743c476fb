//! Links over Unix sockets, for programs on one machine.
//!
//! Written with nothing but `transport-api` and the conformance suite, as the example that
//! `docs/transports.md` walks through. Who may connect is decided by the mode of the socket's file.
//!
//! # On the wire
//! The client sends one line that names version and codec, `broker/1 json`; the listener answers with
//! the same line, or with `error: …` and closes. Then bytes flow: a [`StreamLink`].
//!
//! [`StreamLink`]: transport_api::StreamLink
#![cfg(unix)]

mod config;
mod connector;
mod handshake;
mod listener;
mod socket_file;

pub use config::Config;
pub use connector::UnixConnector;
pub use listener::{UnixListener, listen};

/// The transport's name in URLs and metrics.
const TRANSPORT: &str = "unix";
