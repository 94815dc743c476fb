//! What the small clients have in common.

use std::time::Duration;

use clap::{Args, ValueEnum};
use client_sdk::Fingerprint;

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

/// Reads a duration with its unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}: must be a duration such as 250ms, 5s or 10m"))
}
