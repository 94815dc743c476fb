//! A process of many clients, each with an object that it hands over.

use std::io::{Read as _, stdin};
use std::time::Duration;

use anyhow::Context as _;
use client_sdk::{Client, Fingerprint, Offered};

use super::target::{Counting, Desk, Target};

/// The name of the service.
pub(super) const NAME: &str = "desk";

/// How many connect at the same time.
const AT_ONCE: usize = 16;

/// How long a client may take to answer, and to be answered: longer than anything here takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What the clients of a process are told as arguments.
#[derive(Debug, Clone)]
pub(super) struct Orders {
    pub(super) url: String,
    pub(super) fingerprint: Option<String>,
    pub(super) count: usize,
    pub(super) expiry: Option<Duration>,
}

impl Orders {
    pub(super) fn arguments(&self) -> Vec<String> {
        let fingerprint = self.fingerprint.clone().unwrap_or_default();
        let expiry = self.expiry.map(|expiry| expiry.as_millis().to_string());
        let (url, count) = (self.url.clone(), self.count.to_string());
        vec![url, fingerprint, count, expiry.unwrap_or_default()]
    }

    fn read(arguments: &[String]) -> anyhow::Result<Self> {
        let [url, fingerprint, count, expiry] = arguments else {
            anyhow::bail!("an URL, a fingerprint, a count, and an expiry in milliseconds");
        };
        let fingerprint = Some(fingerprint.clone()).filter(|it| !it.is_empty());
        let expiry = Some(expiry).filter(|it| !it.is_empty()).map(|it| it.parse()).transpose()?;
        let (url, count) = (url.clone(), count.parse()?);
        Ok(Self { url, fingerprint, count, expiry: expiry.map(Duration::from_millis) })
    }

    pub(super) async fn connect(&self) -> anyhow::Result<Client> {
        let mut builder = Client::builder(&self.url).request_timeout(PATIENCE);
        if let Some(fingerprint) = &self.fingerprint {
            builder = builder.trust(fingerprint.parse::<Fingerprint>()?);
        }
        if let Some(expiry) = self.expiry {
            builder = builder.session_expiry(expiry);
        }
        Ok(Box::pin(builder.connect()).await?)
    }
}

/// Runs the clients until the process's input ends.
///
/// # Errors
/// Whatever stands in the way.
pub async fn run(arguments: &[String]) -> anyhow::Result<()> {
    let orders = Orders::read(arguments)?;
    let mut there = Vec::with_capacity(orders.count);
    while there.len() < orders.count {
        let mut joining = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE.min(orders.count - there.len()) {
            let orders = orders.clone();
            joining.spawn(async move { Box::pin(join(&orders)).await });
        }
        for joined in joining.join_all().await {
            there.push(joined.context("a client can't join")?);
        }
    }
    let input = || stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(input).await??;
    Ok(())
}

async fn join(orders: &Orders) -> anyhow::Result<(Client, Offered<dyn Target>)> {
    let client = orders.connect().await?;
    let desk = client.resolve::<dyn Desk>(NAME).await?;
    let object = Counting::default();
    let missed = object.clone();
    let offering = client.offering().on_gap(move |gap| missed.missed(gap.count));
    let offered = offering.start::<dyn Target, _>(object.clone()).await?;
    object.joined(desk.join(offered.callback()).await?);
    Ok((client, offered))
}
