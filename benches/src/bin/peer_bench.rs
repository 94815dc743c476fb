//! Puts a server that isn't ours under the load of `broker bench`: the same engine and arguments,
//! another protocol.

use std::net::SocketAddr;
use std::process::ExitCode;

use broker_benches::peers::{Peer, PeerDialect};
use broker_load::{PlanArguments, find_server, hide, show};
use clap::Parser;

/// Puts another server under load, and measures what becomes of it.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    plan: PlanArguments,
    /// What is spoken with the server.
    #[arg(long, value_enum)]
    dialect: Peer,
    /// Where it listens.
    #[arg(long, value_name = "IP:PORT")]
    address: SocketAddr,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peer-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let Arguments { plan, dialect, address } = arguments;
    let server = find_server(&format!("tcp://{address}"));
    let measured =
        broker_load::run(&plan.plan(server), &PeerDialect::new(*dialect, *address), &show);
    hide();
    let report = measured.map_err(|error| format!("no measurement at {address}: {error}"))?;
    plan.publish(&report)
}
