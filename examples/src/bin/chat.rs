//! A chat for terminals: everybody in a room, `/msg` to one, and who is there.
//!
//! ```sh
//! cargo run --release -p broker-examples --bin chat -- --name alice
//! cargo run --release -p broker-examples --bin chat -- --name bob
//! ```

use anyhow::Context as _;
use broker_examples::{Reach, lost_and_back};
use clap::Parser;
use client_sdk::{Client, ClosedReason, Ended, Gap, Interruption, Message, Presence, Subscriber};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Chats in a room. `/msg NAME TEXT` speaks to one, `/quit` leaves.
#[derive(Debug, Parser)]
struct Arguments {
    /// The name by which the others know you: one word.
    #[arg(long)]
    name: String,
    /// The room: one word.
    #[arg(long, default_value = "lobby")]
    room: String,
    #[command(flatten)]
    reach: Reach,
}

/// Shows what happens in the room.
struct Room {
    own_name: String,
}

impl Subscriber for Room {
    fn on_message(&mut self, message: &Message) {
        let from = message.from.as_deref().unwrap_or("somebody");
        if from != self.own_name {
            println!("<{from}> {}", message.text().unwrap_or("(not a text)"));
        }
    }

    fn on_presence(&mut self, presence: &Presence) {
        for name in presence.joined.iter().filter(|name| **name != self.own_name) {
            println!("* {name} is here");
        }
        for name in &presence.left {
            println!("* {name} has left");
        }
    }

    fn on_gap(&mut self, gap: &Gap) {
        println!("* {} messages were too many for this connection", gap.count);
    }

    fn on_interrupted(&mut self, _interruption: &Interruption) {
        println!("* back again; what was said meanwhile is missing");
    }

    fn on_ended(&mut self, ended: Ended) {
        if ended != Ended::Closed(ClosedReason::Asked) {
            println!("* nothing more comes: {ended}");
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { name, room, reach } = Arguments::parse();
    let tell_loss = lost_and_back(|news| println!("* {news}"));
    let client = reach.client().name(&name).on_state(tell_loss).connect().await?;
    let _direct = client.direct(|message: &Message| {
        let from = message.from.as_deref().unwrap_or("somebody");
        println!("[{from}] {}", message.text().unwrap_or("(not a text)"));
    })?;
    let topic = format!("chat.{room}");
    let shown = Room { own_name: name };
    let _room = client.subscription(&topic).presence(true).start(shown).await?;
    println!("* you are in {room}; /msg NAME TEXT speaks to one, /quit leaves");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line.context("can't read what you type")?,
            _ = client.closed() => break,
        };
        match line.as_deref().map_or("/quit", str::trim) {
            "" => {}
            "/quit" => break,
            line => say(&client, &topic, line).await,
        }
    }
    client.close().await;
    Ok(())
}

async fn say(client: &Client, topic: &str, line: &str) {
    let said = match line.strip_prefix("/msg ").and_then(|rest| rest.split_once(' ')) {
        Some((to, text)) => client.send(to, text).await,
        None if line.starts_with('/') => {
            return println!("* /msg NAME TEXT and /quit are all there is");
        }
        None => client.publish(topic, line).await,
    };
    if let Err(error) = said {
        println!("* not said: {error}");
    }
}
