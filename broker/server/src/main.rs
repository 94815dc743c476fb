//! The `broker` program: the broker itself, and small clients for the shell.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
