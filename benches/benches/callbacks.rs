//! What callbacks cost the broker: a broadcast to those that are attached beside a publish to as many
//! subscribers, and what is paid for each that is offered, held, called and released.
//!
//! `cargo bench -p broker-benches --bench callbacks`. One shard without links, 10,000 clients with a
//! callback each; the settings are measured by turns, and the figures are medians. What a system call or a
//! cipher costs is no part of it.

use broker_benches::called::Called;
use broker_benches::lanes::processor_time;
use broker_benches::{Selection, is_short, median, print_table, results};
use serde::Serialize;

/// How often each setting is measured.
const ROUNDS: usize = 5;

/// What is measured, and what it cost.
#[derive(Debug, Clone, Serialize)]
struct Row {
    what: String,
    nanoseconds: f64,
}

impl Row {
    fn cells(&self) -> [String; 2] {
        [self.what.clone(), format!("{:.1}", self.nanoseconds)]
    }
}

fn main() -> anyhow::Result<()> {
    let selection = Selection::of_arguments();
    let clients = if is_short() { 100 } else { 10_000 };
    if selection.has("callbacks/broadcast") {
        tell("callbacks-broadcast", "ns/delivery", &broadcast(clients)?)?;
    }
    if selection.has("callbacks/commands") {
        tell("callbacks-commands", "ns each", &commands(clients)?)?;
    }
    Ok(())
}

fn tell(name: &str, unit: &str, rows: &[Row]) -> anyhow::Result<()> {
    let lines: Vec<_> = rows.iter().map(Row::cells).collect();
    print_table(&name.replace('-', "/"), ["what", unit], &lines);
    results::write(name, rows)
}

/// One message to all of them, and 64.
fn broadcast(clients: usize) -> anyhow::Result<Vec<Row>> {
    let (mut subscribed, mut attached) = (Called::new(clients), Called::new(clients));
    subscribed.subscribe();
    attached.offer();
    attached.attach();
    let mut worlds = [("subscribers", subscribed), ("attached callbacks", attached)];
    let mut rows = Vec::new();
    for at_a_time in [1, 64] {
        let turns = if is_short() { 2 } else { 400 / at_a_time.min(20) };
        let mut measured = [Vec::new(), Vec::new()];
        for _ in 0..rounds() {
            for ((_, world), measured) in worlds.iter_mut().zip(&mut measured) {
                let deliveries = turns * at_a_time * clients;
                let publish = || (0..turns).for_each(|_| world.publish(at_a_time));
                measured.push(nanoseconds(deliveries, publish)?);
            }
        }
        for ((name, _), measured) in worlds.iter().zip(measured) {
            let what = format!("{at_a_time} at a time, to {clients} {name}");
            rows.push(Row { what, nanoseconds: median(measured) });
        }
    }
    Ok(rows)
}

/// Something that all callbacks go through, and its name.
type Step = (&'static str, fn(&mut Called));

/// What each callback goes through, from the beginning to the end.
fn commands(clients: usize) -> anyhow::Result<Vec<Row>> {
    let steps: [Step; 6] = [
        ("offering, a session each", Called::offer),
        ("holding, all by one session", Called::hold),
        ("calling each in turn", Called::send),
        ("letting go of it again", Called::let_go),
        ("attaching to one topic", Called::attach),
        ("releasing what is attached", Called::release),
    ];
    let mut measured = steps.map(|_| Vec::new());
    for _ in 0..rounds() {
        let mut world = Called::new(clients);
        for ((_, step), measured) in steps.iter().zip(&mut measured) {
            measured.push(nanoseconds(clients, || step(&mut world))?);
        }
    }
    let rows = steps.iter().zip(measured);
    Ok(rows
        .map(|((what, _), measured)| Row {
            what: (*what).to_owned(),
            nanoseconds: median(measured),
        })
        .collect())
}

fn rounds() -> usize {
    if is_short() { 1 } else { ROUNDS }
}

fn nanoseconds(times: usize, work: impl FnOnce()) -> anyhow::Result<f64> {
    let before = processor_time()?;
    work();
    Ok((processor_time()? - before).as_secs_f64() * 1e9 / times as f64)
}
