//! How old values are when they arrive over a narrow way, for those who keep the newest of each key
//! and for those who keep all.
//!
//! `cargo run --release -p broker-tests --bin freshness [transport...]`; what it prints is a table in
//! Markdown. It takes half a minute for each transport.

use std::env;

use broker_tests::Transport;
use broker_tests::freshness::{Kept, Load, measure};

const TRANSPORTS: [Transport; 4] =
    [Transport::WebSocket, Transport::SecureWebSocket, Transport::Unix, Transport::Quic];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let load = Load::default();
    let Load { keys, per_second, payload_bytes, bytes_per_second, warm_up, measured } = load;
    println!(
        "{per_second} updates a second of {keys} keys, {payload_bytes} bytes each, through \
         {bytes_per_second} bytes a second; {measured:?} after {warm_up:?}\n"
    );
    println!("| transport | keeps | values | one round | age p50 | age p99 | oldest |");
    println!("|---|---|--:|--:|--:|--:|--:|");
    let wanted: Vec<_> = env::args().skip(1).collect();
    let is_wanted =
        |over: &Transport| wanted.is_empty() || wanted.iter().any(|it| it == over.name());
    for over in TRANSPORTS.into_iter().filter(is_wanted) {
        for kept in [Kept::Latest, Kept::All] {
            let ages = measure(over, kept, load).await?;
            println!(
                "| {} | {} | {} | {:.2?} | {:.2?} | {:.2?} | {:.2?} |",
                over.name(),
                kept.name(),
                ages.count(),
                ages.round(&load),
                ages.quantile(0.5),
                ages.quantile(0.99),
                ages.quantile(1.0),
            );
        }
    }
    Ok(())
}
