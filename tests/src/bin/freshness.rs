//! How old values are when they arrive over a narrow way, for those who keep the newest of each key
//! and for those who keep all; and when a slow callback gets them.
//!
//! `cargo run --release -p broker-tests --bin freshness [transport...] [--callback] [--after SECONDS]
//! [--rate PER_SECOND]`; what it prints is a table in Markdown. It takes half a minute for each
//! transport. With `--callback` the way is wide, and a callback takes 10 ms for each value. `--after`
//! says how long it is overloaded before ages count.

use std::env;
use std::time::Duration;

use broker_tests::Transport;
use broker_tests::freshness::{Ages, Kept, Load, measure};
use broker_tests::slow_callback::{self, Credit};

const TRANSPORTS: [Transport; 4] =
    [Transport::WebSocket, Transport::SecureWebSocket, Transport::Unix, Transport::Quic];

/// How long the slow callback takes.
const CALLBACK_TAKES: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (mut wanted, mut load, mut callback) = (Vec::new(), Load::default(), false);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--callback" => callback = true,
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
    match callback {
        true => through_a_callback(transports, load).await,
        false => through_a_narrow_way(transports, load).await,
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
    println!("| transport | keeps | values | one round | age p50 | age p99 | oldest |");
    println!("|---|---|--:|--:|--:|--:|--:|");
    for over in transports {
        for kept in [Kept::Latest, Kept::All] {
            let ages = measure(over, kept, load).await?;
            let (name, kept, round) = (over.name(), kept.name(), ages.round(&load));
            println!("| {name} | {kept} | {} | {round:.2?} | {} |", ages.count(), quantiles(&ages));
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
        for credit in [Credit::On, Credit::Off] {
            let seen = slow_callback::measure(over, credit, CALLBACK_TAKES, load).await?;
            let came = seen.received as f64 / (warm_up + measured).as_secs_f64();
            let (name, credit, values) = (over.name(), credit.name(), seen.ages.count());
            println!("| {name} | {credit} | {values} | {came:.0}/s | {} |", quantiles(&seen.ages));
        }
    }
    Ok(())
}

fn quantiles(ages: &Ages) -> String {
    let [half, most, all] = [0.5, 0.99, 1.0].map(|share| ages.quantile(share));
    format!("{half:.2?} | {most:.2?} | {all:.2?}")
}
