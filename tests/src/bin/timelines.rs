//! Draws into `docs/images` what a subscriber behind a narrow way gets, for each rule of a lane.
//!
//! `cargo run --release -p broker-tests --bin timelines [name...]`. Each run takes a quarter of a
//! minute; the brokers, subscribers and ways are real.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use broker_protocol::frame::{Keep, LaneOptions, Overflow};
use broker_tests::Transport;
use broker_tests::timeline::{Load, record};

/// What waits for a lane that drops, at most: some seconds of what is published.
const BOUND_MESSAGES: u32 = 50;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let load = Load::default();
    let wanted: Vec<_> = env::args().skip(1).collect();
    for (name, title, options) in rules() {
        if !wanted.is_empty() && !wanted.iter().any(|one| one == name) {
            continue;
        }
        let timeline = record(Transport::WebSocket, options, &load).await?;
        let path = images().join(format!("timeline-{name}.svg"));
        fs::write(&path, timeline.draw(&title, &load))?;
        println!("timeline-{name}.svg is drawn");
    }
    Ok(())
}

/// Their names, the titles of their pictures, and their options.
fn rules() -> Vec<(&'static str, String, LaneOptions)> {
    let drop_oldest = LaneOptions {
        overflow: Some(Overflow::DropOldest),
        bound_messages: Some(BOUND_MESSAGES),
        ..LaneOptions::default()
    };
    let latest = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
    let dropping = format!("keep: all, overflow: drop-oldest, at most {BOUND_MESSAGES} wait");
    vec![("drop-oldest", dropping, drop_oldest), ("latest", "keep: latest".to_owned(), latest)]
}

fn images() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images")
}
