//! What each rule of a lane costs: processor time for each message and lane, side by side.
//!
//! `cargo bench -p broker-benches --bench rules`. One shard without links, 256 lanes of one rule; the
//! settings are measured by turns, and the figures are medians. What a system call or a cipher costs
//! is no part of it.

use std::time::{Duration, Instant};

use broker_benches::lanes::{Lanes, Subject, TOPICS, processor_time};
use broker_benches::{Selection, is_short, median, print_table, results};
use broker_protocol::frame::{Keep, LaneOptions, Overflow};
use serde::Serialize;

/// How often each setting is measured.
const ROUNDS: usize = 5;

/// Turns before anything is measured: whoever is to wait at its bound does.
const WARM_UP_TURNS: u32 = 300;

/// A link that takes somewhat less than a tenth of what is published.
const SLOW: (u32, u32) = (10, 8 << 10);

/// What is printed.
const COLUMNS: [&str; 5] = ["link", "lane", "ns", "times the first", "taken"];

#[derive(Debug, Serialize)]
struct Row {
    link: &'static str,
    lane: &'static str,
    nanoseconds: f64,
    times_first: f64,
    /// Which part of what was published the link took, in bytes.
    taken: f64,
}

fn main() -> anyhow::Result<()> {
    if !Selection::of_arguments().has("rules") {
        return Ok(());
    }
    let mut rows = Vec::new();
    for (link, settings) in [("takes everything", keeping_up()), ("takes a tenth", behind())] {
        rows.extend(measure(link, settings)?);
    }
    // The first keeps up and gets everything.
    let (first, all) = (rows[0].nanoseconds, rows[0].taken);
    for row in &mut rows {
        (row.times_first, row.taken) = (row.nanoseconds / first, row.taken / all);
    }
    let lines: Vec<_> = rows.iter().map(Row::cells).collect();
    print_table("rules", COLUMNS, &lines);
    results::write("rules", &rows)
}

impl Row {
    fn cells(&self) -> [String; 5] {
        [
            self.link.to_owned(),
            self.lane.to_owned(),
            format!("{:.1}", self.nanoseconds),
            format!("{:.1}", self.times_first),
            format!("{:.0} %", 100.0 * self.taken),
        ]
    }
}

type Setting = (&'static str, Subject);

fn keep(keep: Keep) -> LaneOptions {
    LaneOptions { keep: Some(keep), ..LaneOptions::default() }
}

fn keeping_up() -> Vec<Setting> {
    let with = |options| Subject { options, ..Subject::default() };
    let kept = Subject { session_expiry: 30, ..Subject::default() };
    let credit = Subject { receive_window: Some(1 << 20), ..kept.clone() };
    let paced = LaneOptions { min_interval: Some(100), ..keep(Keep::Latest(1)) };
    vec![
        ("`keep: all`, session ends with its connection", Subject::default()),
        ("`keep: all`, session is kept for 30 s", kept),
        ("the same, and a receive window of 1 MiB", credit),
        ("`keep: latest`", with(keep(Keep::Latest(1)))),
        ("`keep: merge`", with(keep(Keep::Merge))),
        ("`keep: latest`, `min_interval: 100`", with(paced)),
    ]
}

fn behind() -> Vec<Setting> {
    let (turns, bytes) = SLOW;
    let slow =
        Subject { one_packet_in: Some(turns), packet_bytes_max: bytes, ..Subject::default() };
    let with = |options| Subject { options, ..slow.clone() };
    let dropping = LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
    let expiring = Subject { expires_in: Some(20), ..with(dropping.clone()) };
    let paced = LaneOptions { min_interval: Some(100), ..keep(Keep::Latest(1)) };
    let alone = Subject { lanes: 1, ..with(keep(Keep::Merge)) };
    let latest_alone = Subject { lanes: 1, ..with(keep(Keep::Latest(1))) };
    vec![
        ("`keep: all`, `drop-oldest`", with(dropping)),
        ("the same, messages expire after 20 ms", expiring),
        ("`keep: latest`", with(keep(Keep::Latest(1)))),
        ("`keep: 3`", with(keep(Keep::Latest(3)))),
        ("`keep: latest`, `min_interval: 100`", with(paced)),
        ("`keep: merge`, patches of about 100 bytes", with(keep(Keep::Merge))),
        ("`keep: latest`, one lane alone", latest_alone),
        ("`keep: merge`, one lane alone", alone),
    ]
}

/// Measures the settings by turns.
fn measure(link: &'static str, settings: Vec<Setting>) -> anyhow::Result<Vec<Row>> {
    let (rounds, each) = match is_short() {
        true => (1, Duration::from_millis(20)),
        false => (ROUNDS, Duration::from_millis(250)),
    };
    let mut worlds: Vec<_> = settings
        .into_iter()
        .map(|(name, subject)| (name, subject.lanes, Lanes::new(subject)))
        .collect();
    for (_, _, world) in &mut worlds {
        (0..WARM_UP_TURNS).for_each(|_| world.publish());
    }
    let mut measured = vec![Vec::new(); worlds.len()];
    let mut taken = vec![(0, 0); worlds.len()];
    for _ in 0..rounds {
        for (place, (_, lanes, world)) in worlds.iter_mut().enumerate() {
            let (begun, bytes) = (Instant::now(), world.bytes());
            let before = processor_time()?;
            let mut turns = 0_u32;
            while begun.elapsed() < each {
                (0..10).for_each(|_| world.publish());
                turns += 10;
            }
            let messages = f64::from(turns) * TOPICS as f64 * *lanes as f64;
            let took = processor_time()?.saturating_sub(before);
            measured[place].push(took.as_secs_f64() * 1e9 / messages);
            taken[place].0 += world.bytes() - bytes;
            taken[place].1 += turns;
        }
    }
    let medians: Vec<_> = measured.into_iter().map(median).collect();
    let rows = worlds.iter().zip(medians).zip(taken);
    let rows = rows.map(|(((lane, ..), nanoseconds), (bytes, turns))| {
        let taken = bytes as f64 / f64::from(turns);
        Row { link, lane, nanoseconds, times_first: 1.0, taken }
    });
    Ok(rows.collect())
}
