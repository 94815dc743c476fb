//! What a client of the SDK pays for a message, from the packet in which it comes to the end of its
//! callback: a closure's, or the method of an object that is called.
//!
//! `cargo bench -p broker-benches --bench receiving`. 50 clients in one thread, each at a link in memory,
//! by turns; the figures are medians. What a system call costs is no part of it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use broker_benches::lanes::processor_time;
use broker_benches::receiver::{Hall, Receiver, Way, packet};
use broker_benches::{Selection, is_short, median, print_table, results};
use serde::Serialize;

/// How often each setting is measured.
const ROUNDS: usize = 5;

const CLIENTS: u64 = 50;

/// How many messages come in one packet.
const IN_A_PACKET: [u64; 3] = [1, 16, 64];

const WAYS: [(&str, Way); 4] = [
    ("a closure, subscribed", Way::Subscribed),
    ("a closure, subscribed to the latest", Way::Latest),
    ("a method, called by itself", Way::Called),
    ("a method, called as one of a set", Way::Attached),
];

/// What a message costs, in nanoseconds.
#[derive(Debug, Clone, Serialize)]
struct Row {
    to: String,
    nanoseconds: Vec<f64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    if !Selection::of_arguments().has("receiving") {
        return Ok(());
    }
    let mut rows = Vec::new();
    for (to, way) in WAYS {
        let mut nanoseconds = Vec::new();
        for in_a_packet in IN_A_PACKET {
            nanoseconds.push(Box::pin(measured(way, in_a_packet)).await?);
        }
        rows.push(Row { to: to.to_owned(), nanoseconds });
    }
    let lines: Vec<_> = rows.iter().map(cells).collect();
    let [one, some, many] = IN_A_PACKET.map(|messages| format!("{messages} in a packet, ns each"));
    print_table("receiving", ["to", &one, &some, &many], &lines);
    results::write("receiving", &rows)
}

fn cells(row: &Row) -> [String; 4] {
    let figure = |place: usize| format!("{:.0}", row.nanoseconds[place]);
    [row.to.clone(), figure(0), figure(1), figure(2)]
}

async fn measured(way: Way, in_a_packet: u64) -> anyhow::Result<f64> {
    let (mut hall, came) = (Hall::new()?, Arc::new(AtomicU64::new(0)));
    let mut receivers = Vec::new();
    for _ in 0..CLIENTS {
        receivers.push(hall.enter(way, &came).await?);
    }
    let (rounds, turns) = if is_short() { (1, 2) } else { (ROUNDS, 4_000 / in_a_packet) };
    let (mut figures, mut sent, mut seq) = (Vec::new(), 0, 1);
    for _ in 0..rounds {
        let mut took = 0.0;
        for _ in 0..turns {
            let packet = packet(way, seq, in_a_packet);
            seq += in_a_packet;
            sent += CLIENTS * in_a_packet;
            let before = processor_time()?;
            for receiver in &mut receivers {
                receiver.say(&packet)?;
            }
            receivers[0].until(sent).await;
            took += (processor_time()? - before).as_secs_f64();
            receivers.iter_mut().for_each(Receiver::listen);
        }
        figures.push(took * 1e9 / (CLIENTS * in_a_packet * turns) as f64);
    }
    Ok(median(figures))
}
