//! The arguments of `broker sessions`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::client::{Connection, duration};
use super::examples;

/// `broker sessions`
#[derive(Debug, Args)]
#[command(after_help = examples::SESSIONS, after_long_help = examples::with_exit_codes(examples::SESSIONS))]
pub(crate) struct Sessions {
    /// Only sessions whose names begin so.
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Which sessions come first.
    #[arg(short, long, value_enum, default_value_t = Sort::Age)]
    pub(crate) sort: Sort,
    /// How many sessions are shown at most.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Look again after each such time, until interrupted.
    #[arg(short, long, value_name = "DURATION", value_parser = duration)]
    pub(crate) watch: Option<Duration>,
    /// Print each session as one JSON object on one line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Which sessions come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// Those whose oldest waiting message is the oldest.
    Age,
    /// Those for which most messages wait.
    Queue,
    /// Those whose names come first.
    Name,
}
