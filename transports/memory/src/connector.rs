//! The connecting end.

use std::io;
use std::time::Duration;

use tokio::time::sleep;
use transport_api::{BoxFuture, ConnectError, Connector, Link, Subprotocol};

use crate::knock::{Knock, knock};
use crate::{Config, MemoryLink, Network};

/// Opens links to the names of a [`Network`], as `memory://name`.
#[derive(Debug, Clone)]
pub struct MemoryConnector {
    network: Network,
}

impl MemoryConnector {
    pub(crate) fn new(network: Network) -> Self {
        Self { network }
    }

    /// Comes to the door at `url` and says nothing yet.
    ///
    /// # Errors
    /// If the URL has another form, or nobody listens there.
    pub async fn knock(&self, url: &str) -> Result<Knock, ConnectError> {
        let door = self.network.door(name_of(url)?).ok_or_else(|| nobody_listens(url))?;
        let (outside, inside) = knock();
        self.wait(|config| config.to_server.delay).await;
        door.send(inside).await.map_err(|_| nobody_listens(url))?;
        Ok(outside)
    }

    /// As [`Connector::connect`], with the type of the link kept.
    ///
    /// # Errors
    /// Whatever stood in the way.
    pub async fn open(
        &self,
        url: &str,
        offered: &[Subprotocol],
    ) -> Result<MemoryLink, ConnectError> {
        let lines = offered.iter().map(|one| one.preamble().trim_end().to_owned()).collect();
        let answer = self.knock(url).await?.offer(lines).await;
        self.wait(|config| config.to_client.delay).await;
        answer.map_err(|reason| ConnectError::Refused { address: url.to_owned(), reason })
    }

    async fn wait(&self, delay: impl FnOnce(Config) -> Duration) {
        let delay = delay(self.network.config());
        if !delay.is_zero() {
            sleep(delay).await;
        }
    }
}

impl Connector for MemoryConnector {
    fn schemes(&self) -> &'static [&'static str] {
        &[crate::TRANSPORT]
    }

    fn connect<'a>(
        &'a self,
        url: &'a str,
        offered: &'a [Subprotocol],
    ) -> BoxFuture<'a, Result<Box<dyn Link>, ConnectError>> {
        Box::pin(async move { Ok(Box::new(self.open(url, offered).await?) as Box<dyn Link>) })
    }
}

fn name_of(url: &str) -> Result<&str, ConnectError> {
    let name = url.strip_prefix("memory://").map(|name| name.trim_end_matches('/'));
    name.filter(|name| !name.is_empty()).ok_or_else(|| ConnectError::Url {
        url: url.to_owned(),
        reason: "it must have the form memory://name".to_owned(),
    })
}

fn nobody_listens(url: &str) -> ConnectError {
    ConnectError::Unreachable {
        address: url.to_owned(),
        source: io::ErrorKind::ConnectionRefused.into(),
    }
}
