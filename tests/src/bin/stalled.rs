//! What thousands of subscribers that never read cost the broker in memory, and whether it grows.
//!
//! `cargo build --release --bin broker`, then `cargo run --release -p broker-tests --bin stalled`. It
//! takes five quarters of a minute and 5,002 file descriptors in each process, and draws
//! `docs/images/stalled-memory.svg`, unless some of them merge (`--merging 500`). The broker is the program
//! beside this one, in a process of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use broker_tests::Transport;
use broker_tests::process::Process;
use broker_tests::stalled::{Load, Measured, run};

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

/// The largest packet unless a client asks for less, in bytes; and what stands around a payload.
const PACKET_BYTES: u32 = 64 << 10;
const RIM_BYTES: u64 = 128;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut load = Load::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value: u64 = arguments.next().context("a number is missing")?.parse()?;
        match argument.as_str() {
            "--stalled" => load.stalled = value as usize,
            "--merging" => load.merging = value as usize,
            "--seconds" => load.duration = Duration::from_secs(value),
            "--keys" => load.keys = value as usize,
            "--packet-bytes" => load.packet_bytes_max = Some(value as u32),
            other => {
                anyhow::bail!("{other}? --stalled, --merging, --seconds, --keys or --packet-bytes")
            }
        }
    }
    let program = std::env::current_exe()?.with_file_name("broker");
    let process = Process::start(&program, &SETTINGS)?;
    let place = Transport::WebSocket.place_at(process.url.clone(), None);
    let outcome = run(process, &place, load).await?;
    tell(&load, &outcome)?;
    if load.merging > 0 {
        return Ok(());
    }
    fs::write(images().join("stalled-memory.svg"), outcome.draw(&load))?;
    Ok(())
}

fn tell(load: &Load, outcome: &Measured) -> anyhow::Result<()> {
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
    let (first, second) = outcome.halves();
    let (growth, stalled) = (second.saturating_sub(outcome.idle_bytes), load.stalled as u64);
    let lists = stalled / 2 * load.keys as u64 * KEY_BYTES;
    let packet_bytes = u64::from(load.packet_bytes_max.unwrap_or(PACKET_BYTES));
    let packets = stalled * packet_bytes.max(load.payload_bytes as u64 + RIM_BYTES);
    let rows = [
        ("connected, nothing published", outcome.idle_bytes),
        ("most in the first half", first),
        ("most in the second half", second),
        ("of that for what waits", growth),
        ("expected for that at most", LOG_BYTES + lists + packets),
        ("- log, shared", LOG_BYTES),
        ("- lists of keys that wait", lists),
        ("- a packet for each that began to leave", packets),
    ];
    println!("| resident memory of the broker | MiB |\n|---|--:|");
    rows.iter().for_each(|(name, bytes)| println!("| {name} | {:.1} |", mib(*bytes)));
    let Measured { published, received, behind, ages: [p50, p99, max], farewell, .. } = outcome;
    println!(
        "\n{behind} sessions were behind at the end; for each of them {:.1} KiB",
        growth as f64 / KIB as f64 / load.stalled.max(1) as f64
    );
    println!(
        "the one that reads got {received} of {published} messages; their ages: p50 {p50:.1?}, p99 \
         {p99:.1?}, max {max:.1?}"
    );
    println!("the broker needed {:.0} % of a core", outcome.cores * 100.0);
    println!("the broker {farewell}");
    ensure!(published == received, "the one that reads missed some");
    ensure!(*behind == stalled, "some have caught up or gone");
    Ok(())
}

fn images() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images")
}
