//! What may stand on the command line.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

/// Bare send loops: the least that a fan-out costs without a broker, to compare the broker with.
///
/// They speak just enough of the broker's protocol (bincode, exact topics) for its clients, and hold
/// without bound what a subscriber doesn't take. A yardstick, never a server.
#[derive(Debug, Parser)]
#[command(name = "bare")]
pub(crate) struct Arguments {
    /// Over what to serve.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Over what to serve.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve WebSocket over TCP.
    Ws(Listen),
    /// Serve WebSocket over TLS, with a certificate made for this run.
    Wss(Listen),
    /// Serve QUIC, with a certificate made for this run.
    Quic(Listen),
}

/// Where to serve.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// The address to listen on; port 0 lets the system choose.
    #[arg(long = "listen", value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) address: SocketAddr,
}
