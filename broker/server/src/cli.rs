//! The command line.
//!
//! Standard output carries data only: what was received, a configuration, the addresses of a broker.
//! Everything else that is said goes to standard error. How a command ended is told by its
//! [`Outcome`](outcome::Outcome), which scripts see as exit code.

mod arguments;
mod bench;
mod client;
mod columns;
mod configuration;
mod logging;
mod looking;
mod numbers;
mod outcome;
mod output;
mod payload;
mod publish;
mod reply;
mod request;
mod serve;
mod sessions;
mod signals;
mod subscribe;
mod topics;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use outcome::Failure;

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        None => serve::run(&arguments.server),
        Some(Command::Check(arguments)) => configuration::check(&arguments),
        Some(Command::Config(arguments)) => configuration::show(&arguments),
        Some(Command::Sub(arguments)) => subscribe::run(&arguments),
        Some(Command::Pub(arguments)) => publish::publish(&arguments),
        Some(Command::Send(arguments)) => publish::send(&arguments),
        Some(Command::Request(arguments)) => request::run(&arguments),
        Some(Command::Reply(arguments)) => reply::run(&arguments),
        Some(Command::Sessions(arguments)) => sessions::run(&arguments),
        Some(Command::Topics(arguments)) => topics::run(&arguments),
        Some(Command::Bench(arguments)) => bench::run(&arguments),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(Failure { outcome, message }) => {
            eprintln!("{message}");
            outcome.into()
        }
    }
}
