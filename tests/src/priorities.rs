//! What of a narrow way each of two lanes of one client gets, and how fresh the values of the first are.

use broker_protocol::Codec;
use broker_protocol::frame::{LaneOptions, Subscribe};
use tokio::time::Instant;

use crate::freshness::{Ages, Kept, Load, publish_to, read_of};
use crate::narrow::Narrow;
use crate::{Client, Transport};

/// What is published for the first lane, and for the other.
const TOPICS: [&str; 2] = ["high", "low"];

/// Measures with a broker of its own, over one transport: a lane of priority 7 that keeps the latest,
/// beside one of priority 0. The client answers marks. Returns the ages of each lane's values.
///
/// # Errors
/// Whatever stands in the way.
pub async fn measure(over: Transport, beside: Kept, load: Load) -> anyhow::Result<[Ages; 2]> {
    let setting = over.start().await?;
    let narrow = Narrow::open(over, &setting.place, load.bytes_per_second).await?;
    let mut reader = Client::connect(&narrow.place, Codec::Bincode, "reader").await;
    let lanes = [(1, 7, Kept::Latest), (2, 0, beside)];
    for (topic, (lane, priority, kept)) in TOPICS.into_iter().zip(lanes) {
        let options = LaneOptions { priority: Some(priority), ..kept.options() };
        let (filter, lane, options) = (topic.into(), Some(lane), Some(options));
        let subscribe = Subscribe { filter, lane, options, ..Subscribe::default() };
        reader.subscribe_as(subscribe).await.map_err(|no| anyhow::anyhow!("{}", no.message))?;
    }
    let publisher = Client::connect(&setting.place, Codec::Bincode, "publisher").await;
    let began = Instant::now();
    let ages = tokio::select! {
        ages = read_of(TOPICS, reader, began, load) => ages?,
        never = publish_to(&TOPICS, publisher, began, load) => never,
    };
    setting.running.shutdown().await;
    Ok(ages)
}
