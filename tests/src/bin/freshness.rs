//! How old values are when they arrive over a narrow way, for those who keep the newest of each key
//! and for those who keep all; and when a slow callback gets them.
//!
//! `cargo run --release -p broker-tests --bin freshness [transport...] [--callback | --neighbour |
//! --priorities [--receive-window BYTES]] [--after SECONDS] [--rate PER_SECOND]`; what it prints is a table in Markdown. It takes a
//! quarter of a minute for each transport, all its rows at the same time. *Marks*: the client answers
//! those of the broker, and that's all; *credit*: a program with the SDK tells what it has consumed.
//! `--after` says how long it is overloaded before ages count.
//!
//! - `--callback`: the way is wide, and a callback takes 10 ms for each value.
//! - `--neighbour`: a fast callback, alone in its lane and beside one that sleeps 500 ms in each call, over
//!   a wide way and through the narrow one.
//! - `--priorities`: two lanes through the narrow way, of priorities 7 and 0, and what each gets; with
//!   `--receive-window BYTES` of a program with the SDK.

use std::env;
use std::time::Duration;

use broker_tests::Transport;
use broker_tests::freshness::{Ages, Kept, Load, measure};
use broker_tests::neighbour::{self, Neighbour, Way};
use broker_tests::priorities::{self, Told};
use broker_tests::slow_callback::{self, Credit, measure_narrow};

const TRANSPORTS: [Transport; 4] =
    [Transport::WebSocket, Transport::SecureWebSocket, Transport::Unix, Transport::Quic];

/// How long the slow callback takes.
const CALLBACK_TAKES: Duration = Duration::from_millis(10);

/// How long the neighbour sleeps in each call.
const NEIGHBOUR_SLEEPS: Duration = Duration::from_millis(500);

/// What is measured.
#[derive(Debug, Clone, Copy)]
enum Scene {
    NarrowWay,
    Callback,
    Neighbour,
    Priorities,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (mut wanted, mut load) = (Vec::new(), Load::default());
    let (mut scene, mut told) = (Scene::NarrowWay, Told::Marks);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--callback" => scene = Scene::Callback,
            "--neighbour" => scene = Scene::Neighbour,
            "--priorities" => scene = Scene::Priorities,
            "--receive-window" => {
                told = Told::Credit(arguments.next().unwrap_or_default().parse()?);
            }
            "--after" => {
                let seconds = arguments.next().unwrap_or_default().parse()?;
                load.warm_up = Duration::from_secs(seconds);
            }
            "--rate" => load.per_second = arguments.next().unwrap_or_default().parse()?,
            _ => wanted.push(argument),
        }
    }
    let is_wanted =
        |over: &Transport| wanted.is_empty() || wanted.iter().any(|it| it == over.name());
    let transports = TRANSPORTS.into_iter().filter(is_wanted);
    match scene {
        Scene::NarrowWay => through_a_narrow_way(transports, load).await,
        Scene::Callback => through_a_callback(transports, load).await,
        Scene::Neighbour => beside_one_that_sleeps(transports, load).await,
        Scene::Priorities => Box::pin(by_priority(transports, told, load)).await,
    }
}

async fn through_a_narrow_way(
    transports: impl Iterator<Item = Transport>,
    load: Load,
) -> anyhow::Result<()> {
    let Load { keys, per_second, payload_bytes, bytes_per_second, warm_up, measured } = load;
    println!(
        "{per_second} updates a second of {keys} keys, {payload_bytes} bytes each, through \
         {bytes_per_second} bytes a second; {measured:?} after {warm_up:?}\n"
    );
    println!("| transport | keeps | by | values | one round | age p50 | age p99 | oldest |");
    println!("|---|---|---|--:|--:|--:|--:|--:|");
    for over in transports {
        let (newest, all) = (Kept::Latest, Kept::All);
        let rows = tokio::try_join!(
            measure(over, newest, load),
            measure_narrow(over, newest, load),
            measure(over, all, load),
            measure_narrow(over, all, load),
        )?;
        // Only who reads frames knows how long they are.
        let round = rows.0.round(&load);
        let names = [(newest, "marks"), (newest, "credit"), (all, "marks"), (all, "credit")];
        for ((kept, by), ages) in names.into_iter().zip([rows.0, rows.1, rows.2, rows.3]) {
            let (name, kept, count) = (over.name(), kept.name(), ages.count());
            println!("| {name} | {kept} | {by} | {count} | {round:.2?} | {} |", quantiles(&ages));
        }
    }
    Ok(())
}

async fn through_a_callback(
    transports: impl Iterator<Item = Transport>,
    load: Load,
) -> anyhow::Result<()> {
    let Load { keys, per_second, payload_bytes, warm_up, measured, .. } = load;
    println!(
        "{per_second} updates a second of {keys} keys, {payload_bytes} bytes each, for a callback \
         that takes {CALLBACK_TAKES:?}; {measured:?} after {warm_up:?}\n"
    );
    println!("| transport | credit | values | came in | age p50 | age p99 | oldest |");
    println!("|---|---|--:|--:|--:|--:|--:|");
    for over in transports {
        let seen = |credit| slow_callback::measure(over, credit, CALLBACK_TAKES, load);
        let (on, off) = tokio::try_join!(seen(Credit::On), seen(Credit::Off))?;
        for (credit, seen) in [(Credit::On, on), (Credit::Off, off)] {
            let came = seen.received as f64 / (warm_up + measured).as_secs_f64();
            let (name, credit, values) = (over.name(), credit.name(), seen.ages.count());
            println!("| {name} | {credit} | {values} | {came:.0}/s | {} |", quantiles(&seen.ages));
        }
    }
    Ok(())
}

async fn beside_one_that_sleeps(
    transports: impl Iterator<Item = Transport>,
    load: Load,
) -> anyhow::Result<()> {
    let Load { keys, per_second, payload_bytes, bytes_per_second, warm_up, measured } = load;
    println!(
        "{per_second} updates a second of {keys} keys, {payload_bytes} bytes each, for a fast callback, \
         alone or beside one that sleeps {NEIGHBOUR_SLEEPS:?} in each call; a narrow way carries \
         {bytes_per_second} bytes a second; {measured:?} after {warm_up:?}\n"
    );
    println!("| transport | way | lane | values | age p50 | age p99 | oldest |");
    println!("|---|---|---|--:|--:|--:|--:|");
    let sleeps = Neighbour::Sleeps(NEIGHBOUR_SLEEPS);
    for over in transports {
        let measured = |way, neighbour| neighbour::measure(over, way, neighbour, load);
        // Over a wide way they would slow down each other.
        let wide = measured(Way::Wide, Neighbour::None).await?;
        let wide = [wide, measured(Way::Wide, sleeps).await?];
        let (alone, beside) = tokio::try_join!(
            measured(Way::Narrow, Neighbour::None),
            measured(Way::Narrow, sleeps)
        )?;
        for (way, [alone, beside]) in [("wide", wide), ("narrow", [alone, beside])] {
            for (lane, ages) in [("alone", alone), ("shared", beside)] {
                let (over, count) = (over.name(), ages.count());
                println!("| {over} | {way} | {lane} | {count} | {} |", quantiles(&ages));
            }
        }
    }
    Ok(())
}

async fn by_priority(
    transports: impl Iterator<Item = Transport>,
    told: Told,
    load: Load,
) -> anyhow::Result<()> {
    let Load { keys, per_second, payload_bytes, bytes_per_second, warm_up, measured } = load;
    println!(
        "{per_second} updates a second of {keys} keys in each of two lanes, {payload_bytes} bytes each, \
         through {bytes_per_second} bytes a second; {measured:?} after {warm_up:?}\n"
    );
    println!(
        "| transport | by | of priority 7 | of priority 0 | values, 7 | values, 0 | age p50, 7 | \
         age p99, 7 | oldest, 7 |"
    );
    println!("|---|---|---|---|--:|--:|--:|--:|--:|");
    let (newest, all) = (Kept::Latest, Kept::All);
    for over in transports {
        let measured = |high, low| priorities::measure(over, [high, low], told, load);
        let rows = tokio::try_join!(
            measured(newest, all),
            measured(newest, newest),
            measured(all, all),
            measured(all, newest),
        )?;
        let pairs = [(newest, all), (newest, newest), (all, all), (all, newest)];
        for ((first, other), [high, low]) in pairs.into_iter().zip([rows.0, rows.1, rows.2, rows.3])
        {
            let (over, by, first, other) = (over.name(), told.name(), first.name(), other.name());
            let (of_high, of_low, ages) = (high.count(), low.count(), quantiles(&high));
            println!("| {over} | {by} | {first} | {other} | {of_high} | {of_low} | {ages} |");
        }
    }
    Ok(())
}

fn quantiles(ages: &Ages) -> String {
    let [half, most, all] = [0.5, 0.99, 1.0].map(|share| ages.quantile(share));
    format!("{half:.2?} | {most:.2?} | {all:.2?}")
}
