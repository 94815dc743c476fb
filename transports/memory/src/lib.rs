//! Links inside one process, as badly as a test asks.
//!
//! The same three traits as every transport, without a socket: for programs that embed the broker,
//! and for tests. [`pair`] makes the two ends of one link; a [`Network`] has listeners and connectors
//! at names (`memory://name`). With the default [`Conditions`] a packet in shared memory is handed
//! over by reference under one small lock.
//!
//! # Misbehaviour
//! Each direction has [`Conditions`]: delay, stall, capacity, partial takes, chopped arrival, loss.
//! They are set in the [`Config`] and changed while the link lives by its [`Faults`], which also cut
//! or close it. All chance comes from a seed and all time from tokio's clock, so that a test with
//! paused time runs the same way each time.
//!
//! # What it can be
//! Packets or a stream, lanes shared or separate, with pings of its own or without, with datagrams
//! or without: what any other transport is, this one can pretend to be. The subprotocol is agreed on
//! by value; no preamble travels.

mod alarm;
mod cable;
mod conditions;
mod config;
mod connector;
mod error;
mod faults;
mod knock;
mod link;
mod listener;
mod network;
mod queue;
mod way;

pub use conditions::{Conditions, Direction, Stall};
pub use config::Config;
pub use connector::MemoryConnector;
pub use error::ListenError;
pub use faults::Faults;
pub use knock::Knock;
pub use link::{MemoryLink, pair};
pub use listener::MemoryListener;
pub use network::{BACKLOG, Network};

/// The transport's name in URLs and metrics.
const TRANSPORT: &str = "memory";
