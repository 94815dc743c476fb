//! A program with the broker inside: its own parts talk to it without sockets, the rest of the
//! world over WebSocket.
//!
//! ```sh
//! cargo run --release -p broker-examples --bin embedded
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::{Broker, SUBPROTOCOLS};
use client_sdk::{Client, Message, Refusal, Request, memory};
use tokio::time::interval;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let inside = memory::Network::new(0);
    let listener = inside.listen("broker", &SUBPROTOCOLS)?;
    let running = Broker::builder()
        .listen(move || Ok(Box::new(listener)))
        .listen(|| {
            let config = transport_websocket::Config::default();
            let address = ([127, 0, 0, 1], 0).into();
            Ok(Box::new(transport_websocket::listen(address, config, &SUBPROTOCOLS)?))
        })
        .start()
        .await?;
    for (transport, address) in running.listening() {
        println!("listening: {transport} {address}");
    }

    let connector = Arc::new(inside.connector());
    let client = Client::builder("memory://broker").with_connector(connector).connect().await?;
    let started = Instant::now();
    let _clock = client
        .provide("clock.uptime", move |_: Request| {
            let uptime = format!("{:.1?}", started.elapsed());
            async move { Ok::<_, Refusal>(uptime.into()) }
        })
        .await?;
    let _ticks = client
        .subscribe("clock.tick", |tick: &Message| {
            println!("tick {} ({})", tick.seq, tick.text().unwrap_or("?"));
        })
        .await?;

    let mut seconds = interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = seconds.tick() => {
                let uptime = client.request("clock.uptime", "").await?;
                client.publish("clock.tick", uptime.body).await?;
            }
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    client.close().await;
    let summary = running.shutdown().await;
    println!("{} messages were published", summary.published);
    Ok(())
}
