//! The command line.
//!
//! Standard output carries data only: what was received, a configuration, the addresses of a broker.
//! Everything else that is said goes to standard error. How a command ended is told by its
//! [`Outcome`](outcome::Outcome), which scripts see as exit code.

mod arguments;
mod configuration;
mod logging;
mod outcome;
mod output;
mod serve;
mod signals;

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
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(Failure { outcome, message }) => {
            eprintln!("{message}");
            outcome.into()
        }
    }
}
