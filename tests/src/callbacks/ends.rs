//! How soon a service knows that its clients are gone.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Stage;
use super::clients::PATIENCE;
use super::target::Ages;

/// What the service was told.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How long after the deed.
    pub after: Ages,
    /// With which reasons, and how often.
    pub reasons: BTreeMap<String, usize>,
}

/// Kills the process that entered first, with the signal that nobody can catch.
///
/// # Errors
/// If the service isn't told.
pub async fn killed(stage: &mut Stage) -> anyhow::Result<Ended> {
    ended(stage, "-KILL").await
}

/// Stops that process: it stays, and does nothing any more.
///
/// # Errors
/// If the service isn't told.
pub async fn frozen(stage: &mut Stage) -> anyhow::Result<Ended> {
    ended(stage, "-STOP").await
}

async fn ended(stage: &mut Stage, signal: &str) -> anyhow::Result<Ended> {
    let targets = stage.hall.targets();
    let (told, mut heard) = mpsc::channel(targets.len().max(1));
    for target in &targets {
        let told = told.clone();
        target.on_released(move |reason| _ = told.try_send((Instant::now(), reason)));
    }
    let process = stage.processes.first().context("nobody has entered")?.0.id();
    let begun = Instant::now();
    let done = Command::new("kill").args([signal, &process.to_string()]).status()?;
    ensure!(done.success(), "{signal} can't be sent");
    let (mut after, mut reasons) = (Vec::new(), BTreeMap::new());
    for _ in &targets {
        let one = timeout(2 * PATIENCE, heard.recv()).await.context("some are never released")?;
        let (at, reason) = one.context("closures that were dropped")?;
        after.push((at - begun).as_nanos() as u64);
        *reasons.entry(reason.to_string()).or_default() += 1;
    }
    drop(targets);
    stage.leave();
    Ok(Ended { after: Ages::new(after), reasons })
}
