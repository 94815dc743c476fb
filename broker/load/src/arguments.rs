//! A plan on a command line, and what a generator shows while it runs.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::{Pace, Plan, Progress, Report, Server};

/// What a run is to be, on a command line.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Load")]
pub struct PlanArguments {
    /// How many connections subscribe, each to one topic.
    #[arg(short, long, default_value_t = 1000, value_name = "N")]
    pub subscribers: usize,
    /// How many connections publish; with 0 connections are only opened.
    #[arg(short, long, default_value_t = 1, value_name = "N")]
    pub publishers: usize,
    /// How many topics; subscribers and messages are dealt to them in turn.
    #[arg(short, long, default_value_t = 1, value_name = "N")]
    pub topics: usize,
    /// Publish so many messages a second, in all, each at its time. Without it: a flood.
    #[arg(short, long, value_name = "PER_SECOND")]
    pub rate: Option<f64>,
    /// In a flood: so many messages per subscriber may be on their way.
    #[arg(short, long, default_value_t = 64, value_name = "N", conflicts_with = "rate")]
    pub window: u32,
    /// Bytes of each payload, at least 16.
    #[arg(long, default_value_t = 128, value_name = "BYTES")]
    pub size: usize,
    /// How long is measured.
    #[arg(short, long, default_value = "5s", value_name = "DURATION", value_parser = duration)]
    pub duration: Duration,
    /// How long it runs before that.
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = duration)]
    pub warm_up: Duration,
    /// The share of the subscribers that never read, such as 10%.
    #[arg(long, default_value = "0%", value_name = "SHARE", value_parser = share)]
    pub stalled: f64,
    /// The share of the stalled ones that get the newest message of their topic alone, such as 50%.
    #[arg(long, default_value = "0%", value_name = "SHARE", value_parser = share)]
    pub stalled_latest: f64,
    /// How many connections are opened at a time.
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub opening: usize,
    /// The process under load, for its CPU and memory. On this machine it is found by the URL.
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Print one line of JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Draw how the latencies are distributed, as SVG into this file.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
}

impl PlanArguments {
    /// The plan. `found` is the process that was found to serve.
    pub fn plan(&self, found: Option<Server>) -> Plan {
        Plan {
            subscribers: self.subscribers,
            publishers: self.publishers,
            topics: self.topics,
            pace: self.rate.map_or(Pace::Window(self.window), Pace::Rate),
            payload_bytes: self.size,
            warm_up: self.warm_up,
            duration: self.duration,
            stalled: self.stalled,
            stalled_latest: self.stalled_latest,
            opening: self.opening,
            receive_window: None,
            server: self.server_pid.map(Server::process).or(found),
        }
    }

    /// Prints what was measured, and draws it if that was asked for.
    ///
    /// # Errors
    /// If it can't be written, in words for people.
    pub fn publish(&self, report: &Report) -> Result<(), String> {
        let text = match self.json {
            true => serde_json::to_string(report).map_err(|error| error.to_string())? + "\n",
            false => report.to_string(),
        };
        let written = std::io::stdout().write_all(text.as_bytes());
        written.map_err(|error| format!("couldn't print the report: {error}"))?;
        if let Some(path) = &self.plot {
            let svg = crate::plot(report).map_err(|error| error.to_string())?;
            let written = std::fs::write(path, svg);
            written.map_err(|error| format!("couldn't write {}: {error}", path.display()))?;
        }
        Ok(())
    }
}

/// Shows on standard error how far a run is, if somebody looks.
pub fn show(progress: Progress) {
    let mut out = std::io::stderr();
    if !out.is_terminal() {
        return;
    }
    let line = match progress {
        Progress::Opening { opened, all } if opened < all && opened % 64 != 0 => return,
        Progress::Opening { opened, all } => format!("{opened} of {all} connections open"),
        Progress::WarmingUp => "warming up".to_owned(),
        Progress::Measuring { done, deliveries } => {
            format!("{:3.0} %, {deliveries} deliveries", done * 100.0)
        }
    };
    // Nobody is harmed by a progress that can't be shown.
    let _ = write!(out, "\r\x1b[K{line}");
    let _ = out.flush();
}

/// Takes away what [`show`] showed.
pub fn hide() {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        let _ = write!(out, "\r\x1b[K");
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}: must be a duration such as 250ms, 5s or 10m"))
}

fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let share = number.trim().parse::<f64>().map_err(|_| "must be a share such as 10% or 0.1")?;
    Ok(share / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_part_of_one_or_so_many_per_cent() {
        assert_eq!([share("10%"), share("0.1"), share("0")], [Ok(0.1), Ok(0.1), Ok(0.0)]);
        assert!(share("many").is_err());
    }
}
