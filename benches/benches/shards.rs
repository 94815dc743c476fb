//! Two shards beside one: how much more they deliver, with subscribers that cost nothing.
//!
//! `cargo bench -p broker-benches --bench shards`. Subscribers and the publisher are links without
//! another end, spread evenly over the shards: all that runs is the broker. Two brokers with a shard
//! and half of the subscribers each, which share nothing, show what this machine can give. The
//! figures are medians of runs by turns. Needs a core for each shard.

use broker_benches::{Flood, Flooded, Selection, count, is_short, micros, print_table, results};
use serde::Serialize;

/// How often each setting is measured.
const ROUNDS: usize = 3;

/// How many brokers, and how many shards each has.
const SETTINGS: [(u16, u16); 3] = [(1, 1), (1, 2), (2, 1)];

/// Payload bytes of every message.
const PAYLOAD_BYTES: usize = 128;

fn main() -> anyhow::Result<()> {
    if !Selection::of_arguments().has("shards") {
        return Ok(());
    }
    let mut rows = Vec::new();
    let fleets: &[usize] = if is_short() { &[100] } else { &[1000, 10_000] };
    for &subscribers in fleets {
        for at_a_time in [1, 64] {
            rows.extend(measure(subscribers, at_a_time)?);
        }
    }
    let lines: Vec<_> = rows.iter().map(Row::cells).collect();
    print_table("shards", Row::COLUMNS, &lines);
    results::write("shards", &rows)
}

/// One shard, two, and two brokers, by turns.
fn measure(subscribers: usize, at_a_time: usize) -> anyhow::Result<Vec<Row>> {
    let payload_bytes = PAYLOAD_BYTES;
    let floods = SETTINGS.map(|(brokers, shards)| Flood {
        brokers,
        shards,
        subscribers,
        at_a_time,
        payload_bytes,
    });
    let mut measured = floods.map(|_| Vec::new());
    for _ in 0..if is_short() { 1 } else { ROUNDS } {
        for (flood, measured) in floods.iter().zip(&mut measured) {
            measured.push(flood.measure()?);
        }
    }
    let medians = measured.map(median);
    let one_shard = per_second(&medians[0]);
    let row = |(flood, measured): (Flood, &Flooded)| {
        Row::new(flood, measured, per_second(measured) / one_shard)
    };
    Ok(floods.into_iter().zip(&medians).map(row).collect())
}

fn median(mut measured: Vec<Flooded>) -> Flooded {
    measured.sort_by(|one, other| per_second(one).total_cmp(&per_second(other)));
    measured[measured.len() / 2]
}

fn per_second(measured: &Flooded) -> f64 {
    measured.deliveries as f64 / measured.elapsed.as_secs_f64()
}

#[derive(Debug, Serialize)]
struct Row {
    brokers: u16,
    shards: u16,
    subscribers: usize,
    at_a_time: usize,
    gathered: f64,
    deliveries_per_second: f64,
    times_one_shard: f64,
    cpu_us: Option<f64>,
    shards_busy: Option<f64>,
}

impl Row {
    const COLUMNS: [&str; 9] = [
        "brokers",
        "shards",
        "subscribers",
        "messages at a time",
        "gathered",
        "deliveries/s",
        "× one shard",
        "CPU µs/delivery",
        "shards busy",
    ];

    fn new(flood: Flood, measured: &Flooded, times_one_shard: f64) -> Self {
        let deliveries = measured.deliveries.max(1) as f64;
        let cpu = measured.cpu.map(|cpu| cpu.as_secs_f64());
        let elapsed = measured.elapsed.as_secs_f64();
        Self {
            brokers: flood.brokers,
            shards: flood.shards,
            subscribers: flood.subscribers,
            at_a_time: flood.at_a_time,
            gathered: deliveries / measured.packets.max(1) as f64,
            deliveries_per_second: per_second(measured),
            times_one_shard,
            cpu_us: cpu.map(|cpu| cpu * 1e6 / deliveries),
            shards_busy: cpu.map(|cpu| cpu / elapsed / f64::from(flood.brokers * flood.shards)),
        }
    }

    fn cells(&self) -> [String; 9] {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        [
            self.brokers.to_string(),
            self.shards.to_string(),
            self.subscribers.to_string(),
            self.at_a_time.to_string(),
            format!("{:.1}", self.gathered),
            count(self.deliveries_per_second),
            format!("{:.2}", self.times_one_shard),
            self.cpu_us.map_or("-".to_owned(), micros),
            self.shards_busy.map_or("-".to_owned(), percent),
        ]
    }
}
