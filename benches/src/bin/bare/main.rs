//! The least that a fan-out costs without a broker: bare send loops, to compare the broker with.
//!
//! Each is a loop that encodes what was published once and writes the same bytes to everybody who
//! is subscribed. It speaks just enough of the protocol (in bincode) for the broker's clients to be
//! used against it unchanged. It has no queues with bounds, no lanes, no rules: a yardstick, and
//! nothing to be used.

mod arguments;
mod conversation;
mod hub;
mod quic;
mod tcp;
mod topics;

use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use transport_api::Subprotocol;
use transport_tls::ServerIdentity;

use arguments::{Arguments, Command};

/// The one subprotocol that is spoken here.
const SUBPROTOCOL: Subprotocol = broker::SUBPROTOCOLS[0];

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Ws(listen) => {
            let listener = tcp::bind(listen.address).context("the address can't be had")?;
            greet("ws", listener.local_addr()?, None);
            tcp::serve(listener, None)
        }
        Command::Wss(listen) => {
            let identity = identity()?;
            let listener = tcp::bind(listen.address).context("the address can't be had")?;
            greet("wss", listener.local_addr()?, Some(&identity));
            tcp::serve(listener, Some(identity.server_config(&[])))
        }
        Command::Quic(listen) => quic::run(listen.address, &identity()?, |address, identity| {
            greet("quic", address, Some(identity));
        }),
    }
}

/// A certificate that nobody vouches for, made anew at every start.
fn identity() -> anyhow::Result<ServerIdentity> {
    let directory = tempfile::tempdir()?;
    Ok(ServerIdentity::development(directory.path())?)
}

/// Says where it listens and whom to trust, in the broker's words.
fn greet(scheme: &str, address: SocketAddr, identity: Option<&ServerIdentity>) {
    println!("listening on {scheme}://{address}");
    if let Some(identity) = identity {
        println!("development certificate, SHA-256 fingerprint: {}", identity.fingerprint());
    }
}
