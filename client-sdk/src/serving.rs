//! The guard of a serving.

use broker_protocol::frame::LaneOptions;
use tokio::sync::mpsc;

use crate::hub::{Kind, Target};
use crate::provider::{self, CONCURRENT_MAX, WAITING_MAX};
use crate::standing::Standing;
use crate::subscription::check;
use crate::{Client, Provider, SubscribeError};

/// A serving with options, before it begins; see [`Client::providing`].
#[derive(Debug)]
#[must_use = "nothing is served until it is started"]
pub struct ServingBuilder<'a> {
    client: &'a Client,
    filter: String,
    concurrent_max: usize,
    waiting_max: usize,
}

impl<'a> ServingBuilder<'a> {
    pub(crate) fn new(client: &'a Client, filter: &str) -> Self {
        let filter = filter.to_owned();
        Self { client, filter, concurrent_max: CONCURRENT_MAX, waiting_max: WAITING_MAX }
    }

    /// How many requests are answered at one time; at least 1. 64.
    pub fn concurrent_max(mut self, requests: usize) -> Self {
        self.concurrent_max = requests.max(1);
        self
    }

    /// How many requests wait for their turn; at least 1. Beyond, askers are told that the provider
    /// is busy. 1,024.
    pub fn waiting_max(mut self, requests: usize) -> Self {
        self.waiting_max = requests.max(1);
        self
    }

    /// Begins to serve, and waits until the serving has begun.
    ///
    /// # Errors
    /// See [`Client::subscribe`].
    ///
    /// # Cancel safety
    /// Dropping the future ends the serving.
    pub async fn start(self, provider: impl Provider) -> Result<Serving, SubscribeError> {
        check(&self.filter)?;
        let hub = self.client.hub();
        let closed = || SubscribeError::Closed(hub.closed_reason());
        let _turn = hub.commands.acquire().await.map_err(|_| closed())?;
        let (calls, receiver) = mpsc::channel(self.waiting_max);
        let target = Target::Provider(calls);
        let (wish, begun) =
            hub.wish(&self.filter, Kind::Requests, LaneOptions::default(), target)?;
        let standing = Standing::new(self.client.clone(), wish);
        hub.runtime.spawn(provider::serve(receiver, provider, self.concurrent_max));
        let granted = begun.await.map_err(|_| closed())??;
        Ok(Serving { standing, filter: self.filter, id: granted.subscription })
    }
}

/// The guard of a serving: dropping it ends it. Requests that are being answered are finished.
#[derive(Debug)]
#[must_use = "dropping the guard ends the serving"]
pub struct Serving {
    standing: Standing,
    filter: String,
    id: u64,
}

impl Serving {
    /// The number that the broker gave to the serving when it first began.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The filter.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Lets it stand for as long as the client lives.
    pub fn detach(self) {
        self.standing.detach();
    }
}
