//! How old values are when they arrive over a way that is too narrow for all of them.

use std::future::poll_fn;
use std::time::Duration;

use broker_protocol::Codec;
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Keep, LaneOptions, Message, Overflow, Publish, Subscribe,
};
use bytes::BytesMut;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::bare::BUFFER_BYTES;
use crate::narrow::Narrow;
use crate::{Client, Transport};

/// The topic whose keys are updated.
pub(crate) const TOPIC: &str = "prices";

/// How often some are published.
const TICK: Duration = Duration::from_millis(10);

/// What is published, through what, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Keys that are updated in turn.
    pub keys: u32,
    /// Updates of all keys, in a second.
    pub per_second: u32,
    /// The size of a value, in bytes; at least 8.
    pub payload_bytes: usize,
    /// What the way to the subscriber carries, in bytes a second.
    pub bytes_per_second: u32,
    /// How long it runs before ages count.
    pub warm_up: Duration,
    /// How long ages count.
    pub measured: Duration,
}

impl Default for Load {
    /// 25 times as much as the way carries.
    fn default() -> Self {
        Self {
            keys: 100,
            per_second: 2_000,
            payload_bytes: 200,
            bytes_per_second: 20_000,
            warm_up: Duration::from_secs(5),
            measured: Duration::from_secs(10),
        }
    }
}

/// What the subscriber keeps while it is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// `keep: latest`.
    Latest,
    /// `keep: all` with `overflow: drop-oldest`.
    All,
}

impl Kept {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::All => "drop-oldest",
        }
    }

    pub(crate) fn options(self) -> LaneOptions {
        match self {
            Self::Latest => LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() },
            Self::All => {
                LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() }
            }
        }
    }
}

/// How old values were when they arrived.
#[derive(Debug, Default)]
pub struct Ages {
    /// Of each value, in ascending order.
    ages: Vec<Duration>,
    /// The bytes of their frames, gaps excluded.
    frames_bytes: usize,
}

impl Ages {
    pub(crate) fn of(mut ages: Vec<Duration>) -> Self {
        ages.sort_unstable();
        Self { ages, frames_bytes: 0 }
    }

    /// How many values arrived.
    pub fn count(&self) -> usize {
        self.ages.len()
    }

    /// The age below which this share of the values is; zero if there were none.
    pub fn quantile(&self, share: f64) -> Duration {
        let place = (self.ages.len() as f64 * share) as usize;
        let last = self.ages.len().saturating_sub(1);
        self.ages.get(place.min(last)).copied().unwrap_or_default()
    }

    /// How long the way needs for one value of each key.
    pub fn round(&self, load: &Load) -> Duration {
        let frame_bytes = self.frames_bytes as f64 / self.ages.len().max(1) as f64;
        let seconds = f64::from(load.keys) * frame_bytes / f64::from(load.bytes_per_second);
        Duration::from_secs_f64(seconds)
    }

    fn arrived(&mut self, age: Duration, message: Message<'_>) {
        let mut frame = BytesMut::new();
        Codec::Bincode.write_broker(&BrokerFrame::Message(message), &mut frame);
        self.frames_bytes += frame.len();
        self.ages.push(age);
    }
}

/// Measures with a broker of its own, over one transport.
///
/// # Errors
/// Whatever stands in the way.
pub async fn measure(over: Transport, kept: Kept, load: Load) -> anyhow::Result<Ages> {
    let setting = over.start().await?;
    let narrow = Narrow::open(over, &setting.place, load.bytes_per_second).await?;
    let mut reader = Client::connect(&narrow.place, Codec::Bincode, "reader").await;
    let options = Some(kept.options());
    let lane = Some(1);
    let subscribe = Subscribe { filter: TOPIC.into(), lane, options, ..Subscribe::default() };
    reader.subscribe_as(subscribe).await.map_err(|no| anyhow::anyhow!("{}", no.message))?;
    let publisher = Client::connect(&setting.place, Codec::Bincode, "publisher").await;
    let began = Instant::now();
    let ages = tokio::select! {
        ages = read(reader, began, load) => ages?,
        never = publish(publisher, began, load) => never,
    };
    setting.running.shutdown().await;
    Ok(ages)
}

/// Publishes what is due, for ever. Each value says when it was.
pub(crate) async fn publish<T>(publisher: Client, began: Instant, load: Load) -> T {
    publish_to(&[TOPIC], publisher, began, load).await
}

/// Publishes what is due to each of these topics, for ever.
pub(crate) async fn publish_to<T>(
    topics: &[&str],
    mut publisher: Client,
    began: Instant,
    load: Load,
) -> T {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut payload = vec![0; load.payload_bytes];
    let mut published = 0;
    loop {
        ticks.tick().await;
        let due = began.elapsed().as_secs_f64() * f64::from(load.per_second);
        let mut packet = BytesMut::new();
        while published < due as u64 {
            let now = began.elapsed().as_nanos() as u64;
            payload[..8].copy_from_slice(&now.to_le_bytes());
            let key = (published % u64::from(load.keys)).to_string();
            for topic in topics {
                let body = Body { key: Some((&*key).into()), ..Publish::bytes("", &payload).body };
                let publish = Publish { topic: (*topic).into(), body, ..Publish::default() };
                Codec::Bincode.write_client(&ClientFrame::Publish(publish), &mut packet);
            }
            published += 1;
        }
        publisher.send_bytes(&packet).await;
    }
}

async fn read(reader: Client, began: Instant, load: Load) -> anyhow::Result<Ages> {
    let [ages] = read_of([TOPIC], reader, began, load).await?;
    Ok(ages)
}

/// How old the values of each of these topics are when they arrive.
pub(crate) async fn read_of<const TOPICS: usize>(
    topics: [&str; TOPICS],
    mut reader: Client,
    began: Instant,
    load: Load,
) -> anyhow::Result<[Ages; TOPICS]> {
    let mut all = topics.map(|_| Ages::default());
    let mut buffer = vec![0; BUFFER_BYTES];
    let (counts, ends) = (began + load.warm_up, began + load.warm_up + load.measured);
    let mut hear = |frame: BrokerFrame<'_>| {
        let now = Instant::now();
        let BrokerFrame::Message(message) = frame else { return };
        let Some(published) = message.body.payload.first_chunk() else { return };
        let published = Duration::from_nanos(u64::from_le_bytes(*published));
        let of_topic = topics.iter().zip(&mut all).find(|(topic, _)| message.topic == **topic);
        if let Some((_, ages)) = of_topic.filter(|_| now >= counts) {
            ages.arrived(now.duration_since(began).saturating_sub(published), message);
        }
    };
    loop {
        let hearing =
            poll_fn(|cx| reader.bare().poll_frames(cx, &mut buffer, &mut |_, frame| hear(frame)));
        match timeout_at(ends, hearing).await {
            Ok(heard) => heard?,
            Err(_) => break,
        }
        if Instant::now() >= ends {
            break;
        }
    }
    all.iter_mut().for_each(|ages| ages.ages.sort_unstable());
    Ok(all)
}
