//! The arguments of each small client.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::client::{Connection, Content, Format, Output, duration};
use super::examples;

/// What happens if messages come faster than they are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhenBehind {
    /// The oldest that wait are left out, and told.
    DropOldest,
    /// The newest of each topic, or of each key within it, takes the place of those that wait; how
    /// many it replaced is told.
    Latest,
    /// JSON documents that wait are folded into one of each topic, or of each key within it, by JSON
    /// Merge Patch (RFC 7396); how many were folded into others is told.
    Merge,
    /// All that waits is left out, and told; then what is retained is printed, and it goes on.
    Resync,
    /// The command ends with exit code 1, in place of the first that is missing.
    End,
}

/// What is printed before what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Replay {
    /// Nothing.
    None,
    /// The last value of each topic and key, as far as it is retained.
    Last,
}

/// `broker sub`
#[derive(Debug, Args)]
#[command(after_help = examples::SUBSCRIBE, after_long_help = examples::with_exit_codes(examples::SUBSCRIBE))]
pub(crate) struct Subscribe {
    /// Filters: topics in which * stands for one token and, at the end, > for all that follow.
    /// With --name none is needed: what is sent to the name is printed as well.
    #[arg(required_unless_present = "name", value_name = "FILTER")]
    pub(crate) filters: Vec<String>,
    /// End after so many messages.
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) count: Option<NonZeroU64>,
    /// End after so long: with exit code 4 if fewer than --count messages came, or none at all.
    #[arg(short, long, value_name = "DURATION", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
    /// Share the messages with the other members of this queue group.
    #[arg(short, long, conflicts_with = "presence")]
    pub(crate) group: Option<String>,
    /// Print what is retained first: the last value of each topic and key. In text its lines begin with
    /// "(retained) ", in JSON they have "replayed":true.
    #[arg(short, long, value_enum, default_value_t = Replay::None, conflicts_with = "group")]
    pub(crate) replay: Replay,
    /// Tell who is subscribed to the filters, and who comes and goes.
    #[arg(short, long)]
    pub(crate) presence: bool,
    /// What happens if messages come faster than they are printed.
    #[arg(long, value_enum, default_value_t = WhenBehind::DropOldest)]
    pub(crate) when_behind: WhenBehind,
    /// At most one message of each topic, or of each key within it, in so long: the newest, or with
    /// --when-behind merge what they merge into.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "group")]
    pub(crate) min_interval: Option<Duration>,
    /// The newest of each topic or key as datagrams, where the link has them (quic://): what the
    /// network loses isn't sent again, and isn't told.
    #[arg(long, conflicts_with_all = ["when_behind", "group"])]
    pub(crate) unreliable: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// `broker pub`
#[derive(Debug, Args)]
#[command(after_help = examples::PUBLISH, after_long_help = examples::with_exit_codes(examples::PUBLISH))]
pub(crate) struct Publish {
    /// The topic.
    pub(crate) topic: String,
    /// The payload; - reads it from standard input.
    #[arg(required_unless_present = "lines", conflicts_with = "lines")]
    pub(crate) payload: Option<String>,
    /// Publish each line of standard input, as soon as it is there.
    #[arg(short, long)]
    pub(crate) lines: bool,
    /// What the message is about within its topic.
    #[arg(short, long)]
    pub(crate) key: Option<String>,
    /// After so long it isn't delivered any more to subscribers that are behind.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) expires_in: Option<Duration>,
    /// Keep the message for who subscribes later, as the last value of its topic and key; an empty
    /// payload clears that.
    #[arg(short, long)]
    pub(crate) retain: bool,
    /// What the payload is; by default text if it is UTF-8, else bytes.
    #[arg(long, value_enum)]
    pub(crate) content: Option<Content>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// `broker request`
#[derive(Debug, Args)]
#[command(after_help = examples::REQUEST, after_long_help = examples::with_exit_codes(examples::REQUEST))]
pub(crate) struct Request {
    /// The topic that somebody serves.
    pub(crate) topic: String,
    /// The payload; - reads it from standard input.
    #[arg(default_value = "")]
    pub(crate) payload: String,
    /// Give up after so long.
    #[arg(short, long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// What the payload is; by default text if it is UTF-8, else bytes.
    #[arg(long, value_enum)]
    pub(crate) content: Option<Content>,
    /// How the answer is printed.
    #[arg(short, long, value_enum, default_value_t = Format::Raw)]
    pub(crate) format: Format,
    /// Print nothing after a raw payload.
    #[arg(short = 'N', long)]
    pub(crate) no_newline: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// `broker reply`
#[derive(Debug, Args)]
#[command(after_help = examples::REPLY, after_long_help = examples::with_exit_codes(examples::REPLY))]
#[command(group = clap::ArgGroup::new("answer").required(true))]
pub(crate) struct Reply {
    /// The topic, or a filter for several.
    #[arg(value_name = "FILTER")]
    pub(crate) filter: String,
    /// Answer with this text.
    #[arg(long, group = "answer")]
    pub(crate) text: Option<String>,
    /// Answer with what this command prints; its input is the request.
    #[arg(long, group = "answer", value_name = "COMMAND")]
    pub(crate) exec: Option<String>,
    /// Answer with the request itself.
    #[arg(long, group = "answer")]
    pub(crate) echo: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// `broker send`
#[derive(Debug, Args)]
#[command(after_help = examples::SEND, after_long_help = examples::with_exit_codes(examples::SEND))]
pub(crate) struct Send {
    /// The name of the client.
    #[arg(value_name = "NAME")]
    pub(crate) to: String,
    /// The payload; - reads it from standard input.
    pub(crate) payload: String,
    /// After so long it isn't delivered any more, if the client is behind.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) expires_in: Option<Duration>,
    /// What the payload is; by default text if it is UTF-8, else bytes.
    #[arg(long, value_enum)]
    pub(crate) content: Option<Content>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}
