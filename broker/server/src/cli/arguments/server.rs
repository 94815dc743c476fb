//! The arguments of the broker itself.

use std::path::PathBuf;

use broker::config::{Listen, Sources};
use clap::Args;

use super::examples;

/// Where the broker's configuration comes from. Environment variables (BROKER__SECTION__SETTING) go
/// over the file, flags over both.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerSettings {
    /// The configuration file (TOML); without it the built-in defaults hold.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Listen here and nowhere else: ws://, wss://, quic:// with ADDRESS:PORT, or unix:PATH. May be
    /// given several times.
    #[arg(long, value_name = "URL")]
    pub(crate) listen: Vec<Listen>,
    /// What is logged: off, error, warn, info, debug, trace, or directives such as
    /// warn,broker=debug.
    #[arg(long, value_name = "FILTER")]
    pub(crate) log_level: Option<String>,
    /// Set any setting: limits.payload_bytes_max=1MiB. May be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) set: Vec<(String, String)>,
}

impl ServerSettings {
    /// The sources that the arguments and the environment name.
    pub(crate) fn sources(&self) -> Sources {
        let set = self.set.iter().map(|(key, value)| ("--set", key.as_str(), value));
        let level = self.log_level.iter().map(|level| ("--log-level", "log.filter", level));
        let owned =
            |(flag, key, value): (&str, &str, &String)| (flag.into(), key.into(), value.clone());
        Sources {
            file: self.config.clone(),
            environment: environment(),
            listen: self.listen.clone(),
            flags: set.chain(level).map(owned).collect(),
        }
    }
}

/// The variables that are text; others can't set anything.
fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => Err("must be KEY=VALUE, such as limits.payload_bytes_max=1MiB".to_owned()),
    }
}

/// `broker check`
#[derive(Debug, Args)]
#[command(after_help = examples::CHECK)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) settings: ServerSettings,
}

/// `broker config`
#[derive(Debug, Args)]
#[command(after_help = examples::CONFIG)]
pub(crate) struct Show {
    /// Print what is in force, with the source of each value that isn't built in (the default).
    #[arg(long)]
    pub(crate) print: bool,
    /// Print a commented file with every setting at its default.
    #[arg(long, conflicts_with = "print")]
    pub(crate) defaults: bool,
    #[command(flatten)]
    pub(crate) settings: ServerSettings,
}
