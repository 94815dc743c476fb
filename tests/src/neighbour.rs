//! How old values are when a callback gets them that shares its lane with one that sleeps.

use std::time::Duration;

use broker_protocol::Codec;
use tokio::time::{Instant, sleep_until};

use crate::freshness::{Ages, Kept, Load, TOPIC, publish};
use crate::narrow::Narrow;
use crate::slow_callback::{notes_ages, taken};
use crate::{Client, Transport};

/// How wide the way to the program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As wide as it comes.
    Wide,
    /// So wide as the load says.
    Narrow,
}

/// What shares the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// Nothing does.
    None,
    /// Another subscription to the same, whose callback sleeps so long in each call.
    Sleeps(Duration),
}

/// Measures with a broker of its own, over one transport: the ages of what a fast callback gets in a lane
/// that keeps the latest, alone or beside another.
///
/// # Errors
/// Whatever stands in the way.
///
/// # Panics
/// Unless the runtime has several threads.
pub async fn measure(
    over: Transport,
    way: Way,
    neighbour: Neighbour,
    load: Load,
) -> anyhow::Result<Ages> {
    let setting = over.start().await?;
    let narrow = match way {
        Way::Wide => None,
        Way::Narrow => Some(Narrow::open(over, &setting.place, load.bytes_per_second).await?),
    };
    let place = narrow.as_ref().map_or(&setting.place, |narrow| &narrow.place);
    let builder = client_sdk::Client::builder(&place.url).with_connector(place.connector());
    let client = builder.connect().await?;
    let subscription = || client.subscription(TOPIC).lane_options(Kept::Latest.options());
    let began = Instant::now();
    let (counts, ends) = (began + load.warm_up, began + load.warm_up + load.measured);
    let beside = match neighbour {
        Neighbour::None => None,
        Neighbour::Sleeps(takes) => {
            Some(subscription().start(notes_ages(began, counts, takes).0).await?)
        }
    };
    let (fast, ages) = notes_ages(began, counts, Duration::ZERO);
    let fast = subscription().start(fast).await?;
    let publisher = Client::connect(&setting.place, Codec::Bincode, "publisher").await;
    tokio::select! {
        () = sleep_until(ends) => {}
        () = publish(publisher, began, load) => {}
    }
    drop((fast, beside));
    client.close().await;
    setting.running.shutdown().await;
    Ok(taken(&ages))
}
