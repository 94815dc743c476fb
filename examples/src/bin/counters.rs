//! Counters that are exact however slow their reader is: increments are published, and what waits for
//! a reader that is behind is added up instead of thrown away.
//!
//! The broker is inside the program, and brings its own fold.
//!
//! ```sh
//! cargo run --release -p broker-examples --bin counters
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use broker::{Broker, Fold, SUBPROTOCOLS};
use client_sdk::{Body, Client, Keep, Message, Subscriber, memory};

/// How often something is counted, and how many things there are.
const INCREMENTS: u64 = 50_000;
const COUNTERS: u64 = 5;

/// Adds increments: what stands for two of them is their sum.
struct Sum;

impl Fold for Sum {
    fn fold(&self, earlier: &[u8], later: &[u8]) -> Option<Vec<u8>> {
        let sum = number(earlier)?.checked_add(number(later)?)?;
        Some(sum.to_string().into_bytes())
    }
}

fn number(payload: &[u8]) -> Option<u64> {
    std::str::from_utf8(payload).ok()?.parse().ok()
}

/// What a reader knows.
#[derive(Debug, Default)]
struct Totals {
    counters: BTreeMap<String, u64>,
    /// How many messages it was called with.
    messages: u64,
    /// How many were added up in front of it.
    merged: u64,
    /// How many are lost. None ever are.
    lost: u64,
}

/// A reader that needs some time for each message.
struct SlowReader(Arc<Mutex<Totals>>);

impl Subscriber for SlowReader {
    fn on_message(&mut self, increment: &Message) {
        thread::sleep(Duration::from_millis(1));
        let mut totals = self.0.lock().expect("nothing panics while it is locked");
        let counter = totals.counters.entry(increment.topic.to_string()).or_default();
        *counter += number(&increment.body.payload).unwrap_or_default();
        totals.messages += 1;
    }

    fn on_gap(&mut self, gap: &client_sdk::Gap) {
        let mut totals = self.0.lock().expect("nothing panics while it is locked");
        match gap.reason.is_merged() {
            true => totals.merged += gap.count,
            false => totals.lost += gap.count,
        }
    }
}

/// Counts things at a broker of its own, in front of a slow reader.
async fn count() -> anyhow::Result<Totals> {
    let inside = memory::Network::new(0);
    let listener = inside.listen("broker", &SUBPROTOCOLS)?;
    let running = Broker::builder()
        .fold("counters.>", Sum)
        .listen(move || Ok(Box::new(listener)))
        .start()
        .await?;
    let connector = Arc::new(inside.connector());
    let client = Client::builder("memory://broker").with_connector(connector).connect().await?;

    let totals = Arc::new(Mutex::new(Totals::default()));
    let reader = client
        .subscription("counters.>")
        .keep(Keep::Merge)
        .fold(Sum)
        .start(SlowReader(Arc::clone(&totals)))
        .await?;
    for number in 0..INCREMENTS {
        let increment = Body::from((1 + number % 3).to_string());
        client.publish(&format!("counters.{}", number % COUNTERS), increment).await?;
    }
    reader.unsubscribe().await;
    client.close().await;
    running.shutdown().await;
    let totals = Arc::try_unwrap(totals).expect("the reader is gone").into_inner();
    Ok(totals.expect("nothing panicked while it was locked"))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let totals = count().await?;
    for (counter, total) in &totals.counters {
        println!("{counter}: {total}");
    }
    let Totals { messages, merged, lost, .. } = totals;
    println!("{INCREMENTS} increments in {messages} messages: {merged} were added up, {lost} lost");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_slow_reader_ends_with_the_exact_sums() {
        let totals = count().await.expect("everything is in this program");
        for counter in 0..COUNTERS {
            let mine = (0..INCREMENTS).filter(|number| number % COUNTERS == counter);
            let sum: u64 = mine.map(|number| 1 + number % 3).sum();
            assert_eq!(totals.counters[&format!("counters.{counter}")], sum);
        }
        assert_eq!((totals.messages + totals.merged, totals.lost), (INCREMENTS, 0));
        assert!(totals.merged > INCREMENTS / 2, "it was slow: {} were added up", totals.merged);
    }
}
