//! Matching: what it costs to find the ten filters for a topic among a thousand and a million, and
//! to come and go there. The figures should hardly depend on the number of filters.
//!
//! `cargo bench -p broker-benches --bench matching`; `BENCH_SHORT=1` stops at 100,000 filters and
//! takes few samples.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use broker_benches::estimates::{Estimated, nanoseconds};
use broker_benches::{is_short, print_table, results};
use broker_delivery::Matcher;
use criterion::{BenchmarkId, Criterion};

const TOPIC_OF_TEN: &str = "plant.hall-3.press-7.temperature";
const TOPIC_OF_ONE: &str = "market.venue-0.item-0.trades";
const TOPIC_OF_NONE: &str = "market.venue-0.item-0.orders";

/// The filters that match [`TOPIC_OF_TEN`]: one of them is held twice.
const TEN: [&str; 10] = [
    "plant.hall-3.press-7.temperature",
    "plant.hall-3.press-7.temperature",
    "plant.hall-3.press-7.*",
    "plant.hall-3.press-7.>",
    "plant.hall-3.*.temperature",
    "plant.*.press-7.temperature",
    "plant.*.*.temperature",
    "plant.hall-3.>",
    "*.hall-3.press-7.temperature",
    "plant.>",
];

/// What is measured with each number of filters.
const MEASURED: [&str; 5] = ["ten", "one", "none", "come-and-go", "spread"];

fn main() -> anyhow::Result<()> {
    let begun = SystemTime::now();
    let mut criterion = configured().configure_from_args();
    matching(&mut criterion);
    criterion.final_summary();
    let row = |function: &'static str, filters: usize| {
        let nanoseconds = nanoseconds("matching", function, filters, begun)?;
        Some(Estimated { function: function.to_owned(), parameter: filters, nanoseconds })
    };
    let rows = sizes().iter().flat_map(|&filters| MEASURED.map(|function| row(function, filters)));
    let rows: Vec<_> = rows.flatten().collect();
    if rows.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = rows.iter().map(Estimated::cells).collect();
    print_table("matching", ["function", "filters", "ns"], &lines);
    results::write("matching", &rows)
}

fn sizes() -> &'static [usize] {
    if is_short() { &[1_000, 100_000] } else { &[100, 1_000, 10_000, 100_000, 1_000_000] }
}

/// Of ten filters seven are exact, two have a `*` and one a `>`; all differ.
fn filter(n: usize) -> String {
    let venue = n % 50;
    match n % 10 {
        0..7 => format!("market.venue-{venue}.item-{n}.trades"),
        7 => format!("market.*.item-{n}.trades"),
        8 => format!("*.venue-{venue}.item-{n}.quotes"),
        _ => format!("market.venue-{venue}.item-{n}.>"),
    }
}

fn matcher_of(filters: usize) -> Matcher<u64> {
    let mut matcher = Matcher::new();
    for n in 0..filters - TEN.len() {
        matcher.insert(&filter(n), n as u64);
    }
    for (value, filter) in (0..).zip(TEN) {
        matcher.insert(filter, value);
    }
    matcher
}

fn count(matcher: &Matcher<u64>, topic: &str) -> usize {
    let mut found = 0;
    matcher.for_each_match(black_box(topic), |value| {
        black_box(value);
        found += 1;
    });
    found
}

fn matching(criterion: &mut Criterion) {
    for &filters in sizes() {
        let before = resident_bytes();
        let mut matcher = matcher_of(filters);
        report_memory(filters, before, resident_bytes());
        let mut group = criterion.benchmark_group("matching");
        for (name, topic, expected) in
            [("ten", TOPIC_OF_TEN, 10), ("one", TOPIC_OF_ONE, 1), ("none", TOPIC_OF_NONE, 0)]
        {
            assert_eq!(count(&matcher, topic), expected);
            group.bench_function(BenchmarkId::new(name, filters), |bencher| {
                bencher.iter(|| count(&matcher, topic));
            });
        }
        group.bench_function(BenchmarkId::new("come-and-go", filters), |bencher| {
            bencher.iter(|| {
                matcher.insert(black_box("market.venue-1.item-new.trades"), 1);
                matcher.remove(black_box("market.venue-1.item-new.trades"), &1)
            });
        });
        group.bench_function(BenchmarkId::new("spread", filters), |bencher| {
            let topics = topics(filters);
            let mut turn = topics.iter().cycle();
            bencher.iter(|| turn.next().map(|topic| count(&matcher, topic)));
        });
        group.finish();
    }
}

/// Topics all over the trie, so that the caches of the processor help as little as in life.
fn topics(filters: usize) -> Vec<String> {
    let step = (filters / 4096).max(1);
    (0..filters).step_by(step).map(|n| format!("market.venue-{}.item-{n}.trades", n % 50)).collect()
}

fn report_memory(filters: usize, before: Option<u64>, after: Option<u64>) {
    if let (Some(before), Some(after)) = (before, after) {
        let each = after.saturating_sub(before) / filters as u64;
        println!("matching: {filters} filters, about {each} resident bytes each");
    }
}

/// What the process holds in memory, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes * 1024)
}

fn configured() -> Criterion {
    let (warm_up, measurement) = if is_short() { (50, 100) } else { (300, 1000) };
    let (warm_up, measurement) =
        (Duration::from_millis(warm_up), Duration::from_millis(measurement));
    let samples = if is_short() { 10 } else { 50 };
    Criterion::default().sample_size(samples).warm_up_time(warm_up).measurement_time(measurement)
}
