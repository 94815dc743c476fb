//! What calls of callbacks cost between processes: how many go through in a second, how long one takes,
//! how soon a service knows that its clients are gone, and what is missed over a lost connection.
//!
//! `cargo build --release --bin broker`, then `cargo run --release -p broker-tests --bin callbacks [flood]
//! [idle] [killed] [frozen] [cut] [--scheme ws|quic] [--clients NUMBER] [--seconds NUMBER]
//! [--window NUMBER]`. It prints tables in Markdown. The broker is the program beside this one; clients are further processes of this program, two of
//! them. The ends of many clients need `ulimit -n`.

use std::time::Duration;

use anyhow::Context as _;
use broker_tests::callbacks::{
    Ages, Ended, Flood, Stage, WINDOW, Way, cut, frozen, idle, killed, run_clients,
};

/// How often the broker looks for signs of life where clients freeze.
const PING_INTERVAL: &str = "limits.ping_interval=1s";

/// Calls one by one.
const IDLE_CALLS: u64 = 2_000;

/// How often a process is killed.
const KILLS: usize = 5;

struct Wishes {
    parts: Vec<String>,
    schemes: Vec<String>,
    clients: Vec<usize>,
    seconds: u64,
    window: u64,
}

impl Wishes {
    fn read(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut wishes = Self {
            parts: Vec::new(),
            schemes: vec!["ws".into(), "quic".into()],
            clients: vec![100, 1_000],
            seconds: 3,
            window: WINDOW,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().context("a value is missing");
            match &*argument {
                "--scheme" => wishes.schemes = vec![value()?],
                "--clients" => wishes.clients = vec![value()?.parse()?],
                "--seconds" => wishes.seconds = value()?.parse()?,
                "--window" => wishes.window = value()?.parse()?,
                "flood" | "idle" | "killed" | "frozen" | "cut" => wishes.parts.push(argument),
                other => anyhow::bail!("{other}? flood, idle, killed, frozen or cut"),
            }
        }
        Ok(wishes)
    }

    fn has(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|it| it == part)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("clients").is_some() {
        return Box::pin(run_clients(&arguments.collect::<Vec<_>>())).await;
    }
    let wishes = Wishes::read(arguments)?;
    if wishes.has("flood") {
        Box::pin(floods(&wishes)).await?;
    }
    if wishes.has("idle") {
        Box::pin(one_by_one(&wishes)).await?;
    }
    if wishes.has("killed") || wishes.has("frozen") {
        Box::pin(gone(&wishes)).await?;
    }
    if wishes.has("cut") {
        let cut = Box::pin(cut(wishes.clients[0], wishes.seconds)).await?;
        println!("\n{cut:?}; {} neither came nor were told", cut.lost());
    }
    Ok(())
}

async fn floods(wishes: &Wishes) -> anyhow::Result<()> {
    println!(
        "| over | clients | called | calls/s | age p50 | age p99 | cores: broker, service, clients |"
    );
    println!("|---|--:|---|--:|--:|--:|--:|");
    for scheme in &wishes.schemes {
        for &clients in &wishes.clients {
            for (way, name) in [(Way::Each, "each"), (Way::Set, "as a set")] {
                let mut stage = Stage::open(scheme, wishes.window, &["server.shards=1"]).await?;
                stage.enter(clients / 2, None).await?;
                stage.enter(clients - clients / 2, None).await?;
                let duration = Duration::from_secs(wishes.seconds);
                let flooded = Flood { way, duration }.run(&stage).await?;
                let [broker, service, others] = flooded.cores;
                println!(
                    "| {scheme} | {clients} | {name} | {:.0} | {} | {broker:.2}, {service:.2}, {others:.2} |",
                    flooded.per_second,
                    quantiles(&flooded.ages, &[0.5, 0.99]),
                );
            }
        }
    }
    Ok(())
}

async fn one_by_one(wishes: &Wishes) -> anyhow::Result<()> {
    println!("\n| over | call | p50 | p99 |\n|---|---|--:|--:|");
    for scheme in &wishes.schemes {
        let mut stage = Stage::open(scheme, WINDOW, &["server.shards=1"]).await?;
        stage.enter(1, None).await?;
        let idle = idle(&stage, IDLE_CALLS).await?;
        let row = |ages: &Ages| quantiles(ages, &[0.5, 0.99]);
        println!("| {scheme} | without an answer | {} |", row(&idle.said));
        println!("| {scheme} | with its answer | {} |", row(&idle.confirmed));
    }
    Ok(())
}

async fn gone(wishes: &Wishes) -> anyhow::Result<()> {
    println!(
        "\n| over | clients | are | `released` p50 | last | reasons |\n|---|--:|---|--:|--:|---|"
    );
    let clients = wishes.clients[0];
    for scheme in &wishes.schemes {
        let mut stage = Stage::open(scheme, WINDOW, &["server.shards=1", PING_INTERVAL]).await?;
        let times = if wishes.has("killed") { KILLS } else { 0 };
        for _ in 0..times {
            stage.enter(clients, Some(Duration::ZERO)).await?;
            let ended = killed(&mut stage).await?;
            print_ended(scheme, clients, "killed", &ended);
        }
        if wishes.has("frozen") {
            stage.enter(clients, Some(Duration::ZERO)).await?;
            let ended = frozen(&mut stage).await?;
            print_ended(scheme, clients, "frozen", &ended);
        }
    }
    Ok(())
}

fn print_ended(scheme: &str, clients: usize, are: &str, Ended { after, reasons }: &Ended) {
    let after = quantiles(after, &[0.5, 1.0]);
    println!("| {scheme} | {clients} | {are} | {after} | {reasons:?} |");
}

fn quantiles(ages: &Ages, shares: &[f64]) -> String {
    let shown = shares.iter().map(|share| format!("{:.2?}", ages.quantile(*share)));
    shown.collect::<Vec<_>>().join(" | ")
}
