//! How old values are when a callback gets them: one that is too slow for all of them, or behind a way
//! that is too narrow for all of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use broker_protocol::Codec;
use client_sdk::Message;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep_until};

use crate::freshness::{Ages, Kept, Load, TOPIC, publish};
use crate::narrow::Narrow;
use crate::setting::Place;
use crate::{Client, Transport};

/// Whether the program tells what it has consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credit {
    /// With the SDK's default window.
    On,
    /// The broker measures with marks, which are answered as they are read.
    Off,
}

impl Credit {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// What a slow callback saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// How old values were when it was called with them.
    pub ages: Ages,
    /// How many messages came into the program, in all.
    pub received: u64,
}

/// Measures with a broker of its own, over one transport, with a callback that takes so long.
///
/// # Errors
/// Whatever stands in the way.
///
/// # Panics
/// Unless the runtime has several threads.
pub async fn measure(
    over: Transport,
    credit: Credit,
    takes: Duration,
    load: Load,
) -> anyhow::Result<Seen> {
    let setting = over.start().await?;
    let seen = watch((&setting.place, &setting.place), credit, Kept::Latest, takes, load).await;
    setting.running.shutdown().await;
    seen
}

/// Measures with a broker of its own, over one transport, through a narrow way, with a callback that
/// takes no time and a program that tells what it has consumed.
///
/// # Errors
/// Whatever stands in the way.
pub async fn measure_narrow(over: Transport, kept: Kept, load: Load) -> anyhow::Result<Ages> {
    let setting = over.start().await?;
    let narrow = Narrow::open(over, &setting.place, load.bytes_per_second).await?;
    let places = (&setting.place, &narrow.place);
    let seen = watch(places, Credit::On, kept, Duration::ZERO, load).await;
    setting.running.shutdown().await;
    Ok(seen?.ages)
}

/// Publishes at one place, and sees what becomes of it at another.
async fn watch(
    (here, there): (&Place, &Place),
    credit: Credit,
    kept: Kept,
    takes: Duration,
    load: Load,
) -> anyhow::Result<Seen> {
    let builder = client_sdk::Client::builder(&there.url).with_connector(there.connector());
    let client = match credit {
        Credit::On => builder.connect().await?,
        Credit::Off => builder.receive_window(None).connect().await?,
    };
    let began = Instant::now();
    let (counts, ends) = (began + load.warm_up, began + load.warm_up + load.measured);
    let (slow, ages) = notes_ages(began, counts, takes);
    let subscription = client.subscription(TOPIC).lane_options(kept.options());
    let subscription = subscription.start(slow).await?;
    let publisher = Client::connect(here, Codec::Bincode, "publisher").await;
    tokio::select! {
        () = sleep_until(ends) => {}
        () = publish(publisher, began, load) => {}
    }
    let received = client.statistics().messages_received;
    drop(subscription);
    client.close().await;
    Ok(Seen { ages: taken(&ages), received })
}

/// The ages that a callback noted.
pub(crate) type Noted = Arc<Mutex<Vec<Duration>>>;

/// A callback that takes so long, and notes how old values are that it gets from `counts` on.
pub(crate) fn notes_ages(
    began: Instant,
    counts: Instant,
    takes: Duration,
) -> (impl FnMut(&Message) + Send + 'static, Noted) {
    let ages = Noted::default();
    let noted = Arc::clone(&ages);
    let callback = move |message: &Message| {
        let now = Instant::now();
        if let Some(published) = message.payload().first_chunk()
            && now >= counts
        {
            let published = Duration::from_nanos(u64::from_le_bytes(*published));
            let age = now.duration_since(began).saturating_sub(published);
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(age);
        }
        if !takes.is_zero() {
            block_in_place(|| sleep(takes));
        }
    };
    (callback, ages)
}

pub(crate) fn taken(noted: &Noted) -> Ages {
    Ages::of(std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner)))
}
