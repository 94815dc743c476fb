//! Where log lines go, and how they look.

use std::io::{self, IsTerminal};

use broker::config::{Log, LogFormat};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::Subscriber;

/// Sends log lines to standard error, as the configuration says.
pub(crate) fn start(log: &Log) {
    // A loaded filter is valid; were it not, nothing would be filtered out by mistake.
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = Subscriber::builder().with_env_filter(filter).with_writer(io::stderr);
    match log.format {
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
        _ => subscriber.with_ansi(colours()).init(),
    }
}

/// Sends log lines of a small client to standard error: errors, or on request what happens.
pub(crate) fn start_for_client(verbose: bool) {
    let filter = if verbose { "info,client_sdk=debug" } else { "error" };
    let subscriber = Subscriber::builder().with_env_filter(EnvFilter::new(filter));
    subscriber.with_writer(io::stderr).with_ansi(colours()).init();
}

/// On terminals only, and not where <https://no-color.org> asks for none.
fn colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !refused
}
