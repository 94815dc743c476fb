//! The arguments of `broker bench`.

use broker_load::PlanArguments;
use clap::{Args, ValueEnum};
use client_sdk::Fingerprint;

use super::client::Codec;
use super::examples;

/// `broker bench`
#[derive(Debug, Args)]
#[command(after_help = examples::BENCH, after_long_help = examples::with_exit_codes(examples::BENCH))]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) plan: PlanArguments,
    /// What happens to a subscriber that falls behind; by default what the broker does.
    #[arg(long, value_enum)]
    pub(crate) overflow: Option<Overflow>,
    /// Subscribers that fall behind get the newest message of their topic alone.
    #[arg(long)]
    pub(crate) latest: bool,
    /// Subscribers tell what they have consumed, and are sent no more than this many bytes beyond it;
    /// 1 MiB where nothing is said.
    #[arg(long, value_name = "BYTES", num_args = 0..=1, default_missing_value = "1048576")]
    pub(crate) credit: Option<u64>,
    /// The broker: ws://, wss://, quic:// with HOST:PORT, or unix:PATH.
    #[arg(
        short,
        long,
        env = "BROKER_URL",
        default_value = "ws://127.0.0.1:7400",
        help_heading = "Connection"
    )]
    pub(crate) url: String,
    /// Trust the certificate with this SHA-256 fingerprint, as the broker prints it, and no other.
    #[arg(long, value_name = "SHA256", env = "BROKER_FINGERPRINT", help_heading = "Connection")]
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The form of the frames on the wire.
    #[arg(long, value_enum, default_value_t = Codec::Bincode, help_heading = "Connection")]
    pub(crate) codec: Codec,
}

/// What happens to a subscriber that falls behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Overflow {
    /// Its connection ends.
    Disconnect,
    /// The oldest that wait for it are left out, and told.
    DropOldest,
}
