//! What of a narrow way each of two lanes of one client gets, and how fresh the values of the first are.

use std::time::Duration;

use broker_protocol::Codec;
use broker_protocol::frame::{LaneOptions, Subscribe};
use tokio::time::{Instant, sleep_until};

use crate::freshness::{Ages, Kept, Load, publish_to, read_of};
use crate::narrow::Narrow;
use crate::slow_callback::{notes_ages, taken};
use crate::{Client, Transport};

/// What is published for the first lane, and for the other.
const TOPICS: [&str; 2] = ["high", "low"];

/// What is known of what the client has consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It answers marks, and that's all.
    Marks,
    /// It is a program with the SDK, with a receive window of so many bytes.
    Credit(u64),
}

impl Told {
    /// The name in tables.
    pub fn name(self) -> String {
        match self {
            Self::Marks => "marks".to_owned(),
            Self::Credit(window) => format!("{} KiB", window >> 10),
        }
    }
}

/// Measures with a broker of its own, over one transport: a lane of priority 7 beside one of priority 0,
/// each of which keeps what is said. Returns the ages of each lane's values.
///
/// # Errors
/// Whatever stands in the way.
pub async fn measure(
    over: Transport,
    kept: [Kept; 2],
    told: Told,
    load: Load,
) -> anyhow::Result<[Ages; 2]> {
    let setting = over.start().await?;
    let narrow = Narrow::open(over, &setting.place, load.bytes_per_second).await?;
    let publisher = Client::connect(&setting.place, Codec::Bincode, "publisher").await;
    let began = Instant::now();
    let ages = tokio::select! {
        ages = async { match told {
            Told::Marks => by_marks(&narrow, kept, began, load).await,
            Told::Credit(window) => by_credit(&narrow, kept, window, began, load).await,
        } } => ages?,
        never = publish_to(&TOPICS, publisher, began, load) => never,
    };
    setting.running.shutdown().await;
    Ok(ages)
}

/// The options of the two lanes.
fn options(kept: [Kept; 2]) -> [LaneOptions; 2] {
    let [high, low] = kept.map(Kept::options);
    [LaneOptions { priority: Some(7), ..high }, LaneOptions { priority: Some(0), ..low }]
}

async fn by_marks(
    narrow: &Narrow,
    kept: [Kept; 2],
    began: Instant,
    load: Load,
) -> anyhow::Result<[Ages; 2]> {
    let mut reader = Client::connect(&narrow.place, Codec::Bincode, "reader").await;
    for ((topic, options), lane) in TOPICS.into_iter().zip(options(kept)).zip(1..) {
        let (filter, lane, options) = (topic.into(), Some(lane), Some(options));
        let subscribe = Subscribe { filter, lane, options, ..Subscribe::default() };
        reader.subscribe_as(subscribe).await.map_err(|no| anyhow::anyhow!("{}", no.message))?;
    }
    read_of(TOPICS, reader, began, load).await
}

async fn by_credit(
    narrow: &Narrow,
    kept: [Kept; 2],
    window: u64,
    began: Instant,
    load: Load,
) -> anyhow::Result<[Ages; 2]> {
    let place = &narrow.place;
    let builder = client_sdk::Client::builder(&place.url).with_connector(place.connector());
    let client = builder.receive_window(window).connect().await?;
    let (counts, ends) = (began + load.warm_up, began + load.warm_up + load.measured);
    let (mut subscriptions, mut noted) = (Vec::new(), Vec::new());
    for (topic, options) in TOPICS.into_iter().zip(options(kept)) {
        let (notes, ages) = notes_ages(began, counts, Duration::ZERO);
        let subscription = client.subscription(topic).lane_options(options);
        subscriptions.push(subscription.start(notes).await?);
        noted.push(ages);
    }
    sleep_until(ends).await;
    let ages = [taken(&noted[0]), taken(&noted[1])];
    drop(subscriptions);
    client.close().await;
    Ok(ages)
}
