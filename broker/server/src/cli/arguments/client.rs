//! The arguments of the small clients.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, ValueEnum};
use client_sdk::Fingerprint;

use super::super::outcome::EXIT_CODES;

/// Which broker, and as whom.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// The broker: ws://, wss://, quic:// with HOST:PORT, or unix:PATH.
    #[arg(short, long, env = "BROKER_URL", default_value = "ws://127.0.0.1:7400")]
    pub(crate) url: String,
    /// The name by which others see this client and can send to it.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Trust the certificate with this SHA-256 fingerprint, as the broker prints it, and no other.
    #[arg(long, value_name = "SHA256", env = "BROKER_FINGERPRINT")]
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The form of the frames on the wire.
    #[arg(long, value_enum, default_value_t = Codec::Bincode)]
    pub(crate) codec: Codec,
    /// Give up connecting after so long.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) connect_timeout: Duration,
    /// Say on standard error what happens.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// The form of the frames on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codec {
    /// Compact.
    Bincode,
    /// Readable.
    Json,
}

/// How messages are printed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// How each message is printed.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Begin each line of text with the broker's time, in UTC.
    #[arg(short, long)]
    pub(crate) timestamps: bool,
    /// Print nothing after a raw payload.
    #[arg(short = 'N', long)]
    pub(crate) no_newline: bool,
}

/// How a message is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Topic and payload on one line, control characters escaped.
    Text,
    /// All that is known of the message, as one JSON object on one line.
    Json,
    /// The payload alone, byte for byte, and a newline.
    Raw,
}

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Content {
    /// Anything.
    Bytes,
    /// UTF-8.
    Text,
    /// One JSON value.
    Json,
}

/// What happens if messages come faster than they are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhenBehind {
    /// The oldest that wait are left out, and told.
    DropOldest,
    /// The command ends with exit code 1.
    End,
}

/// `broker sub`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  broker sub 'market.>'                            topic and payload on a line
  broker sub market.btc --format raw               payloads alone
  broker sub '>' --format json | jq .topic         JSON lines
  broker sub jobs.done --count 1 --wait 30s        wait for one message: exit code 0, or 4
  broker sub 'jobs.*' --group workers              share the messages with others of the group
  broker sub --name bob                            what others send to bob",
    after_long_help = EXIT_CODES)]
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
    /// Tell who is subscribed to the filters, and who comes and goes.
    #[arg(short, long)]
    pub(crate) presence: bool,
    /// What happens if messages come faster than they are printed.
    #[arg(long, value_enum, default_value_t = WhenBehind::DropOldest)]
    pub(crate) when_behind: WhenBehind,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// `broker pub`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  broker pub market.btc 42                         one message
  broker pub market.btc '{\"price\": 42}' --content json
  broker pub files.logo - < logo.png               all of standard input as one message
  journalctl -f | broker pub logs.host1 --lines    every line as a message",
    after_long_help = EXIT_CODES)]
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
    /// What the payload is; by default text if it is UTF-8, else bytes.
    #[arg(long, value_enum)]
    pub(crate) content: Option<Content>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// `broker request`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  broker request time.now                          prints the answer
  broker request sum.add '[1, 2]' --timeout 2s     exit code 4 after 2 s, 5 if nobody serves it",
    after_long_help = EXIT_CODES)]
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
#[command(after_help = "\
Examples:
  broker reply health --text ok                    the same answer to everybody
  broker reply time.now --exec date                what the command prints
  broker reply upper --exec 'tr a-z A-Z'           the request is the command's input
  broker reply echo --echo                         the request itself

The command runs in sh with the topic in $BROKER_TOPIC; at most 16 run at a time. If it fails, the asker
is told so.",
    after_long_help = EXIT_CODES)]
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
#[command(after_help = "\
Examples:
  broker send bob 'lunch?'                         exit code 5 if no client has this name",
    after_long_help = EXIT_CODES)]
pub(crate) struct Send {
    /// The name of the client.
    #[arg(value_name = "NAME")]
    pub(crate) to: String,
    /// The payload; - reads it from standard input.
    pub(crate) payload: String,
    /// What the payload is; by default text if it is UTF-8, else bytes.
    #[arg(long, value_enum)]
    pub(crate) content: Option<Content>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}: must be a duration such as 250ms, 5s or 10m"))
}
