//! The arguments of `broker topics`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::client::{Connection, duration};
use super::examples;

/// `broker topics`
#[derive(Debug, Args)]
#[command(after_help = examples::TOPICS, after_long_help = examples::with_exit_codes(examples::TOPICS))]
pub(crate) struct Topics {
    /// Only topics that begin so.
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Which topics come first.
    #[arg(short, long, value_enum, default_value_t = TopicSort::Published)]
    pub(crate) sort: TopicSort,
    /// How many topics are shown at most.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Look again after each such time, until interrupted.
    #[arg(short, long, value_name = "DURATION", value_parser = duration)]
    pub(crate) watch: Option<Duration>,
    /// Print each topic as one JSON object on one line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Which topics come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TopicSort {
    /// Those to which most messages were published.
    Published,
    /// Those to which most bytes were published.
    Bytes,
    /// Those of which most messages went into lanes of subscribers.
    Deliveries,
    /// Those of which most values are retained.
    Retained,
    /// Those that were used last the longest ago.
    Idle,
    /// Those whose names come first.
    Name,
}
