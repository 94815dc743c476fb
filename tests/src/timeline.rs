//! What was published and what a slow subscriber got of it, over time.

mod picture;

use std::future::poll_fn;
use std::time::Duration;

use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, GapReason, LaneOptions, Publish, Subscribe,
};
use bytes::BytesMut;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::bare::BUFFER_BYTES;
use crate::narrow::Narrow;
use crate::{Client, Transport};

/// The largest packet that the subscriber takes, in bytes: on a narrow way what is in one packet arrives
/// at once, at the end of it.
const PACKET_BYTES_MAX: u32 = 4 << 10;

/// What is published, through what, and for how long. Each key is a topic of its own.
#[derive(Debug, Clone)]
pub struct Load {
    /// The keys, and how often each of them changes in a second.
    pub keys: Vec<(&'static str, f64)>,
    /// The size of a value, in bytes; at least 8.
    pub payload_bytes: usize,
    /// What the way to the subscriber carries, in bytes a second.
    pub bytes_per_second: u32,
    /// How long it runs before anything is shown.
    pub warm_up: Duration,
    /// How long what is published is shown.
    pub published: Duration,
    /// The pause behind that, in which what waits is still delivered.
    pub pause: Duration,
}

impl Default for Load {
    /// Somewhat more than twice as much as the way carries.
    fn default() -> Self {
        Self {
            keys: vec![
                ("a, 10 a second", 10.0),
                ("b, 5 a second", 5.0),
                ("c, 5 a second", 5.0),
                ("d, 2 a second", 2.0),
                ("e, 1 a second", 1.0),
                ("f, every 2 s", 0.5),
            ],
            payload_bytes: 2_000,
            bytes_per_second: 20_000,
            warm_up: Duration::from_secs(8),
            published: Duration::from_secs(8),
            pause: Duration::from_secs(10),
        }
    }
}

/// What happened. Times are in seconds from the end of the warm-up: what was before is negative.
#[derive(Debug, Default, Clone)]
pub struct Timeline {
    /// The key and time of each message that was published, in order.
    pub published: Vec<(usize, f64)>,
    /// The place among these and the time of each message that was delivered, in order.
    pub delivered: Vec<(usize, f64)>,
    /// What was told instead.
    pub gaps: Vec<Missing>,
}

/// Messages that were never delivered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Missing {
    /// Of which key; `None` for several together.
    pub key: Option<usize>,
    /// When that was told.
    pub at: f64,
    /// How many.
    pub count: u64,
    /// Why.
    pub reason: GapReason,
}

impl Timeline {
    /// How old the delivered values were, in seconds, of those that arrived in the time that is shown.
    pub fn ages(&self) -> impl Iterator<Item = f64> + '_ {
        let shown = self.delivered.iter().filter(|(_, at)| *at >= 0.0);
        shown.map(|(place, at)| at - self.published[*place].1)
    }
}

/// Runs a load with a broker of its own, and a subscriber with these options behind a narrow way.
///
/// # Errors
/// Whatever stands in the way.
pub async fn record(
    over: Transport,
    options: LaneOptions,
    load: &Load,
) -> anyhow::Result<Timeline> {
    let setting = over.start().await?;
    let narrow = Narrow::open(over, &setting.place, load.bytes_per_second).await?;
    let packet_bytes_max = Some(PACKET_BYTES_MAX);
    let connect = Connect { version: 1, packet_bytes_max, ..Connect::default() };
    let mut reader = Client::connect_as(&narrow.place, Codec::Bincode, connect).await;
    let (lane, options) = (Some(1), Some(options));
    let subscribe = Subscribe { filter: "key.*".into(), lane, options, ..Subscribe::default() };
    reader.subscribe_as(subscribe).await.map_err(|no| anyhow::anyhow!("{}", no.message))?;
    let publisher = Client::connect(&setting.place, Codec::Bincode, "publisher").await;
    let zero = Instant::now() + load.warm_up;
    let (read, published) = tokio::join!(read(reader, zero, load), publish(publisher, zero, load));
    setting.running.shutdown().await;
    Ok(Timeline { published, ..read? })
}

fn seconds(from: Instant, to: Instant) -> f64 {
    match to.checked_duration_since(from) {
        Some(after) => after.as_secs_f64(),
        None => -from.duration_since(to).as_secs_f64(),
    }
}

/// Publishes what is due. Each value carries its place among all.
async fn publish(mut publisher: Client, zero: Instant, load: &Load) -> Vec<(usize, f64)> {
    let mut published = Vec::new();
    for (due, key) in schedule(load) {
        sleep_until(zero - load.warm_up + due).await;
        let mut payload = vec![0; load.payload_bytes];
        payload[..8].copy_from_slice(&(published.len() as u64).to_le_bytes());
        let publish = Publish::bytes(topic(key), &payload);
        let mut packet = BytesMut::new();
        Codec::Bincode.write_client(&ClientFrame::Publish(publish), &mut packet);
        publisher.send_bytes(&packet).await;
        published.push((key, seconds(zero, Instant::now())));
    }
    published
}

/// What is published when, from the beginning: each key evenly, the keys a little apart.
fn schedule(load: &Load) -> Vec<(Duration, usize)> {
    let all = (load.warm_up + load.published).as_secs_f64();
    let mut due = Vec::new();
    for (key, (_, rate)) in load.keys.iter().enumerate() {
        let first = key as f64 / (load.keys.len() as f64 * rate);
        let times = (0..).map(|number| first + f64::from(number) / rate);
        due.extend(times.take_while(|at| *at < all).map(|at| (Duration::from_secs_f64(at), key)));
    }
    due.sort_unstable();
    due
}

fn topic(key: usize) -> &'static str {
    ["key.0", "key.1", "key.2", "key.3", "key.4", "key.5", "key.6", "key.7"][key]
}

fn key_of(topic: &str) -> Option<usize> {
    topic.strip_prefix("key.")?.parse().ok()
}

async fn read(mut reader: Client, zero: Instant, load: &Load) -> anyhow::Result<Timeline> {
    let mut timeline = Timeline::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    let ends = zero + load.published + load.pause;
    let mut hear = |frame: BrokerFrame<'_>| {
        let at = seconds(zero, Instant::now());
        match frame {
            BrokerFrame::Message(message) => {
                let number = message.body.payload.first_chunk().copied().unwrap_or_default();
                timeline.delivered.push((u64::from_le_bytes(number) as usize, at));
            }
            BrokerFrame::Gap(gap) => {
                let key = gap.topic.as_deref().and_then(key_of);
                timeline.gaps.push(Missing { key, at, count: gap.count, reason: gap.reason });
            }
            _ => {}
        }
    };
    loop {
        let hearing =
            poll_fn(|cx| reader.bare().poll_frames(cx, &mut buffer, &mut |_, frame| hear(frame)));
        match timeout_at(ends, hearing).await {
            Ok(heard) => heard?,
            Err(_) => return Ok(timeline),
        }
    }
}
