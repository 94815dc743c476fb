//! Serving: `broker` without a command.

use std::fmt::Write as _;

use broker::config::Loaded;
use broker::{Builder, Configured, Running, Summary};
use tokio::runtime::Runtime;
use transport_api::Address;

use super::arguments::ServerSettings;
use super::configuration;
use super::logging;
use super::outcome::{Failure, Outcome};
use super::output;
use super::signals::Signals;

/// Serves until a signal comes, then stops in good order.
pub(crate) fn run(settings: &ServerSettings) -> Result<Outcome, Failure> {
    let loaded = configuration::load(settings)?;
    logging::start(&loaded.config.log);
    runtime()?.block_on(serve(settings, loaded))
}

/// The runtime of the thread that waits for signals; shards have their own.
fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Outcome::Failed.because(format_args!("no runtime: {error}")))
}

async fn serve(settings: &ServerSettings, loaded: Loaded) -> Result<Outcome, Failure> {
    let failed = |error: &dyn std::fmt::Display| Outcome::Failed.because(error);
    let mut signals = Signals::take().map_err(|error| failed(&error))?;
    let Configured { builder, development_fingerprint, .. } =
        Builder::configured(&loaded.config).map_err(|error| failed(&error))?;
    let running = builder.start().await.map_err(|error| failed(&error))?;
    let fingerprint = development_fingerprint.map(|fingerprint| fingerprint.to_string());
    output::print(&greeting(settings, &loaded, &running, fingerprint.as_deref()))?;
    signals.asked().await;
    eprintln!("stopping; a second signal ends it at once");
    output::print(&farewell(&running.shutdown().await))
}

/// What runs, where, whom to trust, and a line to try.
fn greeting(
    settings: &ServerSettings,
    loaded: &Loaded,
    running: &Running,
    fingerprint: Option<&str>,
) -> String {
    let name = &loaded.config.server.name;
    let mut text = format!("broker {} \"{name}\"\n", env!("CARGO_PKG_VERSION"));
    // Writing to a string doesn't fail.
    let _ = match &settings.config {
        Some(file) => writeln!(text, "configuration: {}", file.display()),
        None => writeln!(text, "configuration: built-in defaults (no --config)"),
    };
    for (transport, address) in running.listening() {
        let _ = writeln!(text, "listening on {}", url(transport, address));
    }
    if let Some(fingerprint) = fingerprint {
        let _ = writeln!(text, "development certificate, SHA-256 fingerprint: {fingerprint}");
    }
    if let Some((transport, address)) = running.listening().first() {
        let _ = writeln!(text, "try: {}", line_to_try(transport, address, fingerprint));
    }
    text
}

/// Where clients of this machine reach it.
fn url(transport: &str, address: &Address) -> String {
    match address {
        Address::Socket(address) => format!("{transport}://{address}"),
        address => format!("{transport}:{address}"),
    }
}

fn line_to_try(transport: &str, address: &Address, fingerprint: Option<&str>) -> String {
    let url =
        url(transport, address).replace("://0.0.0.0:", "://127.0.0.1:").replace("[::]", "[::1]");
    let trust = match (transport, fingerprint) {
        ("wss" | "quic", Some(fingerprint)) => format!(" --fingerprint {fingerprint}"),
        _ => String::new(),
    };
    let url = if url == "ws://127.0.0.1:7400" { String::new() } else { format!(" --url {url}") };
    format!("broker sub '>'{url}{trust}")
}

/// What it did, in one line.
fn farewell(summary: &Summary) -> String {
    let Summary { published, topics, shards, .. } = summary;
    format!(
        "stopped: {} sessions, {published} messages published in {topics} topics, {} delivered, {} \
         conflated, {} merged, {} dropped, {} slow consumers; the logs held {} KiB at most, {} messages were copied out\n",
        shards.sessions_opened,
        shards.delivered,
        shards.conflated,
        shards.merged,
        shards.dropped,
        shards.slow_consumers,
        shards.log_bytes_most.div_ceil(1024),
        shards.log.copied_out
    )
}
