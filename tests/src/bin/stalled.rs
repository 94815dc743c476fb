//! What thousands of subscribers that never read cost the broker in memory, and whether it grows.
//!
//! `cargo build --release --bin broker`, then `cargo run --release -p broker-tests --bin stalled`. It
//! takes five quarters of a minute and 5,002 file descriptors in each process, and draws
//! `docs/images/stalled-memory.svg`. The broker is the program beside this one, in a process of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use broker_tests::Transport;
use broker_tests::process::Process;
use broker_tests::stalled::{Load, Outcome, run};

const MIB: u64 = 1 << 20;
const KIB: u64 = 1 << 10;

/// Who never reads sends no signs of life either, and is to stay for the whole run.
const SETTINGS: [&str; 3] = ["server.shards=1", "limits.ping_interval=10m", "shutdown.deadline=1s"];

/// What a lane's bound and the log's share come to, at most: twice the bound waits in a lane that
/// conflates before it is walked; the log pins twice what is wanted, and half as much again until
/// it looks; one segment of 256 KiB has begun.
const LOG_BYTES: u64 = 2 * MIB * 2 * 3 / 2 + 256 * KIB;

/// What a key that waits in a lane and has replaced others costs there, in bytes.
const KEY_BYTES: u64 = 120;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut load = Load::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value: u64 = arguments.next().context("a number is missing")?.parse()?;
        match argument.as_str() {
            "--stalled" => load.stalled = value as usize,
            "--seconds" => load.duration = Duration::from_secs(value),
            "--keys" => load.keys = value as usize,
            other => anyhow::bail!("{other}? --stalled, --seconds or --keys"),
        }
    }
    let program = std::env::current_exe()?.with_file_name("broker");
    let process = Process::start(&program, &SETTINGS)?;
    let place = Transport::WebSocket.place_at(process.url.clone(), None);
    let outcome = run(process, &place, load).await?;
    tell(&load, &outcome)?;
    fs::write(images().join("stalled-memory.svg"), outcome.draw(&load))?;
    Ok(())
}

fn tell(load: &Load, outcome: &Outcome) -> anyhow::Result<()> {
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
    let (first, second) = outcome.halves();
    let (growth, keys) = (second.saturating_sub(outcome.idle_bytes), load.keys as u64);
    let lists = load.stalled as u64 / 2 * keys * KEY_BYTES;
    println!("connected, nothing published:   {:8.1} MiB", mib(outcome.idle_bytes));
    println!("most in the first half:         {:8.1} MiB", mib(first));
    println!("most in the second half:        {:8.1} MiB", mib(second));
    println!("all of that for what waits:     {:8.1} MiB", mib(growth));
    println!(
        "  of a stalled subscriber:      {:8.1} KiB",
        growth as f64 / load.stalled as f64 / 1024.0
    );
    println!("expected: log, shared:          {:8.1} MiB at most", mib(LOG_BYTES));
    println!("  lists of keys, {keys} in a lane: {:8.1} MiB at most", mib(lists));
    println!(
        "  one packet begun for each:    {:8.1} MiB at most, of 64 KiB",
        mib(load.stalled as u64 * 64 * KIB)
    );
    println!(
        "published: {} messages, {} received by the one that reads, ages p99 {:.1?}, max {:.1?}",
        outcome.published, outcome.received, outcome.age_p99, outcome.age_max
    );
    println!("the broker: {}", outcome.farewell);
    ensure!(outcome.published == outcome.received, "the one that reads missed some");
    Ok(())
}

fn images() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images")
}
