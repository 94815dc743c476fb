//! What was published and what a subscriber got of it, over time.

mod load;
mod picture;
mod reading;

use broker_protocol::Codec;
use broker_protocol::frame::{ClientFrame, GapReason, LaneOptions, Publish, Replay};
use bytes::BytesMut;
use tokio::time::{Instant, sleep, sleep_until};

pub use load::{Burst, Load, Payload};

use crate::narrow::Narrow;
use crate::{Client, Transport};
use reading::Heard;

/// What happened. Times are in seconds from the end of the warm-up: what was before is negative.
#[derive(Debug, Default, Clone)]
pub struct Timeline {
    /// What was published, in order.
    pub published: Vec<Published>,
    /// What was delivered of it, in order.
    pub delivered: Vec<Delivered>,
    /// What was told instead.
    pub gaps: Vec<Missing>,
}

/// A message that was published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Published {
    /// Of which key.
    pub key: usize,
    /// When.
    pub at: f64,
}

/// A message that was delivered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delivered {
    /// Its place among what was published.
    pub place: usize,
    /// When it came.
    pub at: f64,
    /// Whether it was retained, and was sent again.
    pub is_replayed: bool,
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

/// Who reads.
#[derive(Debug, Clone)]
pub enum Reader {
    /// A bare client in a lane with these options, from what is retained or without it.
    Bare(LaneOptions, Replay),
    /// A client of the SDK, that keeps all, and comes back when its connection is cut.
    Returning,
}

impl Timeline {
    /// How old the delivered values were, in seconds, of those that arrived in the time that is shown.
    pub fn ages(&self) -> impl Iterator<Item = f64> + '_ {
        let shown = self.delivered.iter().filter(|one| one.at >= 0.0 && !one.is_replayed);
        shown.map(|one| one.at - self.published[one.place].at)
    }

    /// How many were told to be missing for a reason, over the whole run.
    pub fn told(&self, reason: GapReason) -> u64 {
        self.gaps.iter().filter(|gap| gap.reason == reason).map(|gap| gap.count).sum()
    }

    fn new(published: Vec<Published>, heard: Heard) -> Self {
        let places = |key| published.iter().enumerate().filter(move |(_, one)| one.key == key);
        let keys = published.iter().map(|one| one.key + 1).max().unwrap_or_default();
        let places: Vec<Vec<_>> =
            (0..keys).map(|key| places(key).map(|(place, _)| place).collect()).collect();
        let delivered = heard.messages.iter().filter_map(|message| {
            let place = *places.get(message.key)?.get(message.seq as usize - 1)?;
            Some(Delivered { place, at: message.at, is_replayed: message.is_replayed })
        });
        Self { delivered: delivered.collect(), gaps: heard.gaps, published }
    }
}

/// Runs a load with a broker of its own, and a subscriber behind a narrow way.
///
/// # Errors
/// Whatever stands in the way.
pub async fn record(over: Transport, reader: &Reader, load: &Load) -> anyhow::Result<Timeline> {
    let setting = over.start().await?;
    let narrow = Narrow::open(over, &setting.place, load.bytes_per_second).await?;
    let ready = reading::Ready::subscribe(reader, &narrow.place).await?;
    let publisher = Client::connect(&setting.place, Codec::Bincode, "publisher").await;
    let zero = Instant::now() + load.warm_up;
    let ends = zero + load.published + load.pause;
    let (heard, published, ()) = tokio::join!(
        ready.read(zero, ends),
        publish(publisher, zero, load),
        cut(&narrow, zero, load)
    );
    setting.running.shutdown().await;
    Ok(Timeline::new(published, heard?))
}

async fn cut(narrow: &Narrow, zero: Instant, load: &Load) {
    if let Some((after, how_long)) = load.cut {
        sleep_until(zero + after).await;
        narrow.close();
        sleep(how_long).await;
        narrow.reopen();
    }
}

fn seconds(from: Instant, to: Instant) -> f64 {
    match to.checked_duration_since(from) {
        Some(after) => after.as_secs_f64(),
        None => -from.duration_since(to).as_secs_f64(),
    }
}

/// Publishes what is due.
async fn publish(mut publisher: Client, zero: Instant, load: &Load) -> Vec<Published> {
    let mut published = Vec::new();
    for (due, key) in load.schedule() {
        sleep_until(zero - load.warm_up + due).await;
        let payload = load.payload(published.len());
        let topic = format!("key.{key}");
        let mut publish = Publish { retain: load.is_retained, ..Publish::bytes(&topic, &payload) };
        publish.body.content = load.payload.content();
        let mut packet = BytesMut::new();
        Codec::Bincode.write_client(&ClientFrame::Publish(publish), &mut packet);
        publisher.send_bytes(&packet).await;
        published.push(Published { key, at: seconds(zero, Instant::now()) });
    }
    published
}

fn key_of(topic: &str) -> Option<usize> {
    topic.strip_prefix("key.")?.parse().ok()
}
