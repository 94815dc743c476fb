//! Draws into `docs/images` what a subscriber gets, for each rule of a lane.
//!
//! `cargo run --release -p broker-tests --bin timelines [name...]`. Each run takes a quarter of a
//! minute; the brokers, subscribers and ways are real.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker_protocol::frame::{Keep, LaneOptions, Overflow, Replay};
use broker_tests::Transport;
use broker_tests::timeline::{Burst, Load, Payload, Reader, record};

/// What waits for a lane that drops, at most: some seconds of what is published.
const BOUND_MESSAGES: u32 = 50;

/// The same for the one that is sent the whole state anew.
const RESYNC_MESSAGES: u32 = 80;

/// Carries everything.
const FAST: u32 = 100_000_000;

const SECOND: Duration = Duration::from_secs(1);

/// A picture to draw.
struct Scene {
    name: &'static str,
    title: String,
    reader: Reader,
    load: Load,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted: Vec<_> = env::args().skip(1).collect();
    for Scene { name, title, reader, load } in scenes() {
        if !wanted.is_empty() && !wanted.iter().any(|one| one == name) {
            continue;
        }
        let timeline = record(Transport::WebSocket, &reader, &load).await?;
        let path = images().join(format!("timeline-{name}.svg"));
        fs::write(&path, timeline.draw(&title, &load))?;
        println!("timeline-{name}.svg is drawn");
    }
    Ok(())
}

fn scenes() -> [Scene; 7] {
    [drop_oldest(), latest(), latest_three(), merge(), min_interval(), resync(), resume()]
}

/// Reads in a lane with these options.
fn bare(options: LaneOptions) -> Reader {
    Reader::Bare(options, Replay::None)
}

fn keep(keep: Keep) -> LaneOptions {
    LaneOptions { keep: Some(keep), ..LaneOptions::default() }
}

/// With a pause in which a lane that is far behind is emptied.
fn long_pause() -> Load {
    Load { pause: 10 * SECOND, ..Load::default() }
}

fn drop_oldest() -> Scene {
    let reader = bare(LaneOptions {
        overflow: Some(Overflow::DropOldest),
        bound_messages: Some(BOUND_MESSAGES),
        ..LaneOptions::default()
    });
    let title = format!("keep: all, overflow: drop-oldest, at most {BOUND_MESSAGES} wait");
    Scene { name: "drop-oldest", title, reader, load: long_pause() }
}

fn latest() -> Scene {
    let (title, reader) = ("keep: latest".to_owned(), bare(keep(Keep::Latest(1))));
    Scene { name: "latest", title, reader, load: long_pause() }
}

fn latest_three() -> Scene {
    let (title, reader) = ("keep: 3".to_owned(), bare(keep(Keep::Latest(3))));
    Scene { name: "latest-3", title, reader, load: Load::default() }
}

fn merge() -> Scene {
    let load = Load {
        payload: Payload::Patch,
        payload_bytes: 1_000,
        bytes_per_second: 15_000,
        // It takes a while until the way is full.
        warm_up: 16 * SECOND,
        ..Load::default()
    };
    let (title, reader) = ("keep: merge".to_owned(), bare(keep(Keep::Merge)));
    Scene { name: "merge", title, reader, load }
}

fn min_interval() -> Scene {
    let options = LaneOptions { min_interval: Some(1_000), ..keep(Keep::Latest(1)) };
    let load = Load { bytes_per_second: FAST, warm_up: 2 * SECOND, ..Load::default() };
    let title = "keep: latest, min_interval: 1 s, over a fast link".to_owned();
    Scene { name: "min-interval", title, reader: bare(options), load }
}

fn resync() -> Scene {
    let options = LaneOptions {
        overflow: Some(Overflow::Resync),
        bound_messages: Some(RESYNC_MESSAGES),
        ..LaneOptions::default()
    };
    let load = Load {
        burst: Some(Burst { begins: 2 * SECOND, lasts: 3 * SECOND / 2, times: 10 }),
        payload_bytes: 1_000,
        is_retained: true,
        bytes_per_second: 90_000,
        warm_up: 2 * SECOND,
        ..Load::default()
    };
    let title = format!("keep: all, overflow: resync, at most {RESYNC_MESSAGES} wait");
    Scene { name: "resync", title, reader: Reader::Bare(options, Replay::Last), load }
}

fn resume() -> Scene {
    let load = Load {
        bytes_per_second: FAST,
        cut: Some((3 * SECOND, SECOND)),
        warm_up: 2 * SECOND,
        ..Load::default()
    };
    let title = "keep: all, a connection that is cut for a second".to_owned();
    Scene { name: "resume", title, reader: Reader::Returning, load }
}

fn images() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images")
}
