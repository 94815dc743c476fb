//! Subscribers that never read, thousands of them, and what the broker takes for them.

mod picture;

use std::future::poll_fn;
use std::time::Duration;

use anyhow::{Context as _, bail};
use broker_protocol::Codec;
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Connect, Content, Keep, LaneOptions, Outcome, Overflow,
    Publish, Request, RoutedReply, Subscribe,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::bare::{BUFFER_BYTES, Bare};
use crate::client::subprotocol;
use crate::process::Process;
use crate::{Client, PATIENCE, Place};

/// The topic to which all is published.
const TOPIC: &str = "feed";

/// How often some are published.
const TICK: Duration = Duration::from_millis(5);

/// How long after the first message ages and the processor's time begin to count: until then the
/// sockets of those who never read take what the system has room for.
const FILLING: Duration = Duration::from_secs(3);

/// How long nothing happens before memory is looked at first, so that it has settled.
const SETTLING: Duration = Duration::from_secs(2);

/// Who never reads, what is published, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Subscribers that never read: half keep all and drop the oldest, half keep the newest of each
    /// key.
    pub stalled: usize,
    /// How many of them merge what waits instead.
    pub merging: usize,
    /// Keys that are updated in turn.
    pub keys: usize,
    /// The size of a payload, in bytes; at least 64. It is a patch that says when it was published, and is for
    /// the most part filling.
    pub payload_bytes: usize,
    /// What is published in a second, in bytes of payload.
    pub bytes_per_second: usize,
    /// For how long.
    pub duration: Duration,
    /// The largest packet that those who never read ask for, in bytes; the broker's where `None`.
    pub packet_bytes_max: Option<u32>,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            stalled: 5_000,
            merging: 0,
            keys: 100,
            payload_bytes: 4 << 10,
            bytes_per_second: 5_000_000,
            duration: Duration::from_secs(60),
            packet_bytes_max: None,
        }
    }
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What the broker took with all connected and nothing published, in bytes.
    pub idle_bytes: u64,
    /// What it took after each second of publishing, in bytes.
    pub resident_bytes: Vec<u64>,
    /// Messages published.
    pub published: u64,
    /// Messages that the subscriber that reads got.
    pub received: u64,
    /// Of those published once the sockets of the others were full, the ages below which 50 and 99 in 100 of them were, and the greatest.
    pub ages: [Duration; 3],
    /// The share of a core that the broker needed once the sockets of the others were full.
    pub cores: f64,
    /// Sessions that were there and behind at the end.
    pub behind: u64,
    /// What the broker said when it stopped.
    pub farewell: String,
}

impl Measured {
    /// The most that was taken in the first and in the second half, in bytes.
    pub fn halves(&self) -> (u64, u64) {
        let (first, second) = self.resident_bytes.split_at(self.resident_bytes.len() / 2);
        let most = |half: &[u64]| half.iter().copied().max().unwrap_or_default();
        (most(first), most(second))
    }
}

/// Runs a load against a broker that has just started.
///
/// # Errors
/// Whatever stands in the way; and if the subscriber that reads misses a message.
pub async fn run(process: Process, place: &Place, load: Load) -> anyhow::Result<Measured> {
    let mut stalled = Vec::with_capacity(load.stalled);
    let mut buffer = vec![0; BUFFER_BYTES];
    for number in 0..load.stalled {
        stalled.push(stall(place, number, load, &mut buffer).await?);
    }
    let mut reader = Client::connect(place, Codec::Bincode, "reads").await;
    reader.subscribe(TOPIC).await;
    let publisher = Client::connect(place, Codec::Bincode, "publisher").await;
    sleep(SETTLING).await;
    let idle_bytes = process.resident_bytes()?;
    let began = Instant::now();
    let reading = tokio::spawn(read(reader, began));
    let publishing = tokio::spawn(publish(publisher, began, load));
    let (resident_bytes, cores) = sample(&process, load.duration).await?;
    let published = publishing.await?;
    let Read { received, mut ages } = timeout(PATIENCE, reading).await???;
    ages.sort_unstable();
    let age = |place: usize| ages.get(place).copied().unwrap_or_default();
    let last = ages.len().saturating_sub(1);
    let ages = [age(last / 2), age(last * 99 / 100), age(last)];
    let behind = behind(place).await?;
    let farewell = process.stop()?;
    drop(stalled);
    Ok(Measured { idle_bytes, resident_bytes, published, received, ages, cores, behind, farewell })
}

/// Subscribes, and reads nothing from then on.
async fn stall(
    place: &Place,
    number: usize,
    load: Load,
    buffer: &mut [u8],
) -> anyhow::Result<Bare> {
    let connector = place.connector();
    let mut bare = Bare::open(&*connector, &place.url, subprotocol(Codec::Bincode)).await?;
    let Load { packet_bytes_max, merging, .. } = load;
    let mut connect = Connect { version: 1, packet_bytes_max, ..Connect::default() };
    connect.client.name = Some(format!("stalled.{number}"));
    bare.send(&ClientFrame::Connect(connect)).await?;
    let options = match number % 2 {
        _ if number < merging => LaneOptions { keep: Some(Keep::Merge), ..LaneOptions::default() },
        0 => LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() },
        _ => LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() },
    };
    let (lane, options) = (Some(1), Some(options));
    let subscribe = Subscribe { id: 1, filter: TOPIC.into(), lane, options, ..Default::default() };
    bare.send(&ClientFrame::Subscribe(subscribe)).await?;
    let mut accepted = false;
    while !accepted {
        let mut hear = |_, frame: BrokerFrame<'_>| {
            accepted |= matches!(frame, BrokerFrame::Accepted(_));
        };
        poll_fn(|cx| bare.poll_frames(cx, buffer, &mut hear)).await?;
    }
    Ok(bare)
}

/// Asks the broker how many sessions are behind.
async fn behind(place: &Place) -> anyhow::Result<u64> {
    let mut operator = Client::connect(place, Codec::Bincode, "operator").await;
    let request = Request { id: 1, topic: "$broker.stats".into(), ..Request::default() };
    operator.send(&ClientFrame::Request(request)).await;
    let answer = operator.wait_for("the broker's answer", |heard| match &heard.frame {
        BrokerFrame::Reply(RoutedReply { outcome: Outcome::Answer(body), .. }) => {
            Some(body.payload.to_vec())
        }
        _ => None,
    });
    let answer: serde_json::Value = serde_json::from_slice(&answer.await)?;
    answer["behind"].as_u64().context("the broker tells how many are behind")
}

/// What the process takes at the end of each second, and the share of a core that it needs once the
/// sockets are full.
async fn sample(process: &Process, duration: Duration) -> anyhow::Result<(Vec<u64>, f64)> {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.tick().await;
    let (mut samples, mut from) = (Vec::new(), (Instant::now(), process.cpu()?));
    for second in 1..=duration.as_secs() {
        seconds.tick().await;
        samples.push(process.resident_bytes()?);
        if second == FILLING.as_secs() {
            from = (Instant::now(), process.cpu()?);
        }
    }
    let used = process.cpu()? - from.1;
    Ok((samples, used.as_secs_f64() / from.0.elapsed().as_secs_f64()))
}

/// Publishes what is due, and a word behind all that, which isn't counted. Each value says when it
/// was published.
async fn publish(mut publisher: Client, began: Instant, load: Load) -> u64 {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let rate = load.bytes_per_second as f64 / load.payload_bytes as f64;
    let filling = "-".repeat(load.payload_bytes.saturating_sub(patch(0, "").len()));
    let mut published = 0;
    while began.elapsed() < load.duration {
        ticks.tick().await;
        let due = began.elapsed().min(load.duration).as_secs_f64() * rate;
        while published < due as u64 {
            let now = began.elapsed().as_nanos() as u64;
            let (key, payload) = ((published % load.keys as u64).to_string(), patch(now, &filling));
            let body = Publish::bytes("", payload.as_bytes()).body;
            let body = Body { key: Some(key.into()), content: Content::Json, ..body };
            let publish = Publish { topic: TOPIC.into(), body, ..Publish::default() };
            publisher.send(&ClientFrame::Publish(publish)).await;
            published += 1;
        }
    }
    publisher.publish(TOPIC, "").await;
    published
}

/// A patch that was published then, in nanoseconds.
fn patch(at: u64, filling: &str) -> String {
    format!(r#"{{"at":"{at:020}","filling":"{filling}"}}"#)
}

/// When it was.
fn published_at(patch: &[u8]) -> Option<Duration> {
    let digits = std::str::from_utf8(patch.get(7..27)?).ok()?;
    digits.parse().ok().map(Duration::from_nanos)
}

struct Read {
    received: u64,
    ages: Vec<Duration>,
}

/// Reads everything up to the word behind it.
async fn read(mut reader: Client, began: Instant) -> anyhow::Result<Read> {
    let mut read = Read { received: 0, ages: Vec::new() };
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut ended, mut wrong) = (false, None);
    while !ended {
        let mut hear = |_, frame: BrokerFrame<'_>| match frame {
            BrokerFrame::Message(message) => match published_at(&message.body.payload) {
                None => ended = true,
                Some(published) => {
                    read.received += 1;
                    if message.seq != read.received {
                        wrong = Some(format!("{} came after {}", message.seq, read.received - 1));
                    }
                    if published >= FILLING {
                        read.ages.push(began.elapsed().saturating_sub(published));
                    }
                }
            },
            other => wrong = Some(format!("{other:?} came")),
        };
        poll_fn(|cx| reader.bare().poll_frames(cx, &mut buffer, &mut hear)).await?;
        if let Some(wrong) = wrong {
            bail!("the subscriber that reads didn't get everything: {wrong}");
        }
    }
    Ok(read)
}
