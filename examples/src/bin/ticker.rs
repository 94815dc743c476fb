//! A market that walks at random, and a view of it that is drawn as fast as the terminal takes it:
//! it asks for the latest price of each instrument, so over a slow link it shows fewer prices, not old
//! ones.
//!
//! ```sh
//! cargo run --release -p broker-examples --bin ticker -- publish
//! cargo run --release -p broker-examples --bin ticker -- view
//! cargo run --release -p broker-examples --bin ticker -- view --bytes-per-second 20000
//! cargo run --release -p broker-examples --bin ticker -- view --bytes-per-second 20000 --all
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use broker_examples::{Reach, lost_and_back, narrow};
use clap::{Parser, Subcommand};
use client_sdk::{
    Client, ClosedReason, Ended, Gap, Interruption, Keep, LaneOptions, Message, Overflow,
    Subscriber,
};
use rand::RngExt as _;
use tokio::time::{MissedTickBehavior, interval};

/// A market of instruments whose prices walk at random.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Publishes prices.
    Publish {
        /// How many instruments there are.
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        instruments: u32,
        /// How many prices change in a second, over all of them.
        #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        rate: u32,
    },
    /// Shows prices.
    View {
        /// Which ones.
        #[arg(default_value = "market.>")]
        filter: String,
        /// How many lines.
        #[arg(long, default_value_t = 20)]
        lines: usize,
        /// Over a slow link, which this program makes; ws:// only.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1_000..))]
        bytes_per_second: Option<u32>,
        /// Every price, the oldest first, and not the latest: to see what that is worth.
        #[arg(long)]
        all: bool,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { role, mut reach } = Arguments::parse();
    match role {
        Role::Publish { instruments, rate } => {
            let client = reach.client().name("market").connect().await?;
            publish(&client, instruments, rate).await
        }
        Role::View { filter, lines, bytes_per_second, all } => {
            if let Some(bytes_per_second) = bytes_per_second {
                reach.url = narrow(&reach.url, bytes_per_second).await?;
            }
            let (options, wish) = if all { (everything(), "-all") } else { (latest(), "") };
            let link = if bytes_per_second.is_some() { "-slow" } else { "" };
            let builder = reach.client().name(format!("view{link}{wish}"));
            let client = builder.on_state(lost_and_back(tell)).connect().await?;
            view(&client, &filter, options, lines).await
        }
    }
}

fn latest() -> LaneOptions {
    LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() }
}

fn everything() -> LaneOptions {
    LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() }
}

/// How often prices are published; each time as many as the rate asks for.
const STEPS_PER_SECOND: u32 = 100;

async fn publish(client: &Client, instruments: u32, rate: u32) -> anyhow::Result<()> {
    let mut prices: Vec<f64> = (0..instruments).map(|place| 10.0 + f64::from(place)).collect();
    let mut steps = interval(Duration::from_secs(1) / STEPS_PER_SECOND);
    steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
    println!("publishing {rate} prices per second of {instruments} instruments; Ctrl-C ends");
    let mut due = 0.0;
    loop {
        tokio::select! {
            _ = steps.tick() => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        due += f64::from(rate) / f64::from(STEPS_PER_SECOND);
        while due >= 1.0 {
            due -= 1.0;
            let place = rand::rng().random_range(0..prices.len());
            prices[place] *= 1.0 + rand::rng().random_range(-0.002..0.002);
            let topic = format!("market.i{place:05}");
            client.publish(&topic, format!("{:.2}", prices[place])).await?;
        }
    }
    client.close().await;
    Ok(())
}

/// What the view knows: the last price of each instrument, and how much it was told.
#[derive(Debug, Default)]
struct View {
    prices: BTreeMap<String, Price>,
    received: u64,
    /// Prices in whose place newer ones came.
    skipped: u64,
    /// Prices that nobody replaced.
    missed: u64,
    /// How often the session was lost; what was published until the next one may be uncounted.
    interruptions: u64,
    /// How old the newest price was when it came.
    age: Duration,
    lines: usize,
}

#[derive(Debug, Default)]
struct Price {
    last: f64,
    before: f64,
    changes: u64,
}

impl Subscriber for View {
    fn on_message(&mut self, message: &Message) {
        let Some(last) = message.text().and_then(|text| text.parse().ok()) else { return };
        self.received += 1;
        let accepted = UNIX_EPOCH + Duration::from_millis(message.time);
        self.age = SystemTime::now().duration_since(accepted).unwrap_or_default();
        let price = self.prices.entry(message.topic.to_string()).or_default();
        *price = Price { last, before: price.last, changes: price.changes + 1 };
    }

    fn on_gap(&mut self, gap: &Gap) {
        let counter = if gap.reason.is_conflated() { &mut self.skipped } else { &mut self.missed };
        *counter += gap.count;
    }

    fn on_interrupted(&mut self, _interruption: &Interruption) {
        self.interruptions += 1;
    }

    /// One picture for all that waited together. While the terminal takes it, prices wait.
    fn on_batch_end(&mut self) {
        // Home, the picture, and nothing of the last one below it.
        print!("\x1b[H{}\x1b[J", draw(self));
    }

    fn on_ended(&mut self, ended: Ended) {
        if ended != Ended::Closed(ClosedReason::Asked) {
            println!("nothing more comes: {ended}");
        }
    }
}

async fn view(
    client: &Client,
    filter: &str,
    options: LaneOptions,
    lines: usize,
) -> anyhow::Result<()> {
    let view = View { lines, ..View::default() };
    let mut subscription = client.subscription(filter).lane_options(options).start(view).await?;
    tokio::select! {
        () = subscription.ended() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    client.close().await;
    Ok(())
}

/// Tells news in the line below the first, until the next picture.
fn tell(news: &str) {
    print!("\x1b[2H{news}\x1b[K");
    let _ = std::io::stdout().flush();
}

fn draw(view: &View) -> String {
    let mut picture = String::new();
    let View { prices, received, skipped, missed, interruptions, age, lines } = view;
    let _ = writeln!(
        picture,
        "{} instruments, prices are {:.1} s old; {received} received, {skipped} skipped, \
         {missed} missed\x1b[K",
        prices.len(),
        age.as_secs_f64()
    );
    let begun_anew = match interruptions {
        0 => String::new(),
        times => format!("interruptions: {times}"),
    };
    let _ = writeln!(picture, "{begun_anew}\x1b[K");
    for (topic, Price { last, before, changes }) in prices.iter().take(*lines) {
        let (arrow, colour) = match last.total_cmp(before) {
            std::cmp::Ordering::Greater => ('▲', 32),
            std::cmp::Ordering::Less => ('▼', 31),
            std::cmp::Ordering::Equal => (' ', 39),
        };
        let _ = writeln!(
            picture,
            "{topic:<24} \x1b[{colour}m{last:>12.2} {arrow}\x1b[39m {changes:>8}\x1b[K"
        );
    }
    picture
}
