//! Opens links to servers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, RecvStream, SendStream};
use transport_api::{BoxFuture, ConnectError, Connector, Link, Subprotocol};

use crate::endpoints::Endpoints;
use crate::failures::{Failure, connect_failure};
use crate::link::QuicLink;
use crate::target::Target;
use crate::{ClientConfig, TRANSPORT};

/// How long an address of a host has to answer before the next one is tried beside it.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(100);

/// Opens links to `quic://host:port`.
///
/// All of its links of one address family share a UDP socket, which lives in the runtime that
/// connects. A host with several addresses is tried at all of them, each a little after the one
/// before; the first to answer counts.
#[derive(Debug, Default)]
pub struct QuicConnector {
    config: ClientConfig,
    endpoints: Endpoints,
    /// What was made for each subprotocol so far: it holds what resumes TLS sessions.
    prepared: Mutex<Vec<(Subprotocol, quinn::ClientConfig)>>,
}

impl QuicConnector {
    /// Makes a connector; sockets are opened with the first link.
    pub fn new(config: ClientConfig) -> Self {
        Self { config, ..Self::default() }
    }

    async fn open(&self, url: &str, offered: &[Subprotocol]) -> Result<QuicLink, ConnectError> {
        let target = Target::parse(url)?;
        let addresses = target.resolve().await?;
        // TLS lets the server choose among what is offered at once: offered one by one, the
        // client's order counts.
        for subprotocol in offered {
            match self.open_as(&target, &addresses, *subprotocol).await {
                Ok(link) => return Ok(link),
                Err(Failure::NotSpoken) => {}
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        let names: Vec<_> = offered.iter().map(Subprotocol::alpn).collect();
        let reason = format!("it speaks none of the protocols offered: {}", names.join(", "));
        Err(ConnectError::Refused { address: target.to_string(), reason })
    }

    async fn open_as(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        subprotocol: Subprotocol,
    ) -> Result<QuicLink, Failure> {
        let config = self.prepare(target, subprotocol)?;
        let connection = self.first_to_answer(target, addresses, &config).await?;
        let control = open_control(&connection).await;
        let control = control.map_err(|error| connect_failure(&target.to_string(), error))?;
        Ok(QuicLink::of_client(connection, control, subprotocol))
    }

    fn prepare(
        &self,
        target: &Target,
        subprotocol: Subprotocol,
    ) -> Result<quinn::ClientConfig, Failure> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = prepared.iter().find(|(other, _)| *other == subprotocol) {
            return Ok(config.clone());
        }
        let config = self.client_config(subprotocol).map_err(|reason| {
            Failure::Other(ConnectError::Untrusted { address: target.to_string(), reason })
        })?;
        prepared.push((subprotocol, config.clone()));
        Ok(config)
    }

    fn client_config(&self, subprotocol: Subprotocol) -> Result<quinn::ClientConfig, String> {
        let alpn = [subprotocol.alpn().into_bytes()];
        let tls = self.config.trust.client_config(&alpn).map_err(|error| error.to_string())?;
        let crypto = QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(self.config.transport()));
        Ok(config)
    }

    async fn first_to_answer(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        config: &quinn::ClientConfig,
    ) -> Result<Connection, Failure> {
        let mut waiting = addresses.iter();
        let mut trying = FuturesUnordered::new();
        let mut failure: Option<Failure> = None;
        loop {
            trying.extend(waiting.next().map(|address| self.dial(target, *address, config)));
            let patience = if waiting.len() > 0 { NEXT_ADDRESS_AFTER } else { Duration::MAX };
            match tokio::time::timeout(patience, trying.next()).await {
                Ok(Some(Ok(connection))) => return Ok(connection),
                Ok(Some(Err(other))) if failure.as_ref().is_none_or(|it| !it.is_answer()) => {
                    failure = Some(other);
                }
                Ok(Some(Err(_))) | Err(_) => {}
                Ok(None) => return Err(failure.expect("a host has an address, which failed")),
            }
        }
    }

    async fn dial(
        &self,
        target: &Target,
        address: SocketAddr,
        config: &quinn::ClientConfig,
    ) -> Result<Connection, Failure> {
        let unreachable = |source| {
            Failure::Other(ConnectError::Unreachable { address: address.to_string(), source })
        };
        let endpoint = self.endpoints.reaching(address).map_err(unreachable)?;
        let connecting = endpoint
            .connect_with(config.clone(), address, &target.host)
            .map_err(|error| unreachable(std::io::Error::other(error)))?;
        connecting.await.map_err(|error| connect_failure(&target.to_string(), error))
    }
}

/// Opens the control stream and lets the server know of it.
async fn open_control(
    connection: &Connection,
) -> Result<(SendStream, RecvStream), quinn::ConnectionError> {
    let mut control = connection.open_bi().await?;
    // A stream exists for the peer with its first frame: an empty one will do (RFC 9000 §19.8). If
    // it is lost, the first packet does the same.
    let _ = control.0.write(&[]).await;
    Ok(control)
}

impl Connector for QuicConnector {
    fn schemes(&self) -> &'static [&'static str] {
        &[TRANSPORT]
    }

    fn connect<'a>(
        &'a self,
        url: &'a str,
        offered: &'a [Subprotocol],
    ) -> BoxFuture<'a, Result<Box<dyn Link>, ConnectError>> {
        Box::pin(async move {
            let link = self.open(url, offered).await?;
            Ok(Box::new(link) as Box<dyn Link>)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use transport_api::Listener;
    use transport_tls::ServerIdentity;

    use super::*;
    use crate::{Config, listen};

    const JSON: Subprotocol =
        Subprotocol { family: "broker", version: 1, codec: "json", text: true };

    #[tokio::test]
    async fn an_address_that_is_silent_holds_up_the_next_one_only_for_a_moment() {
        let directory = tempfile::tempdir().unwrap();
        let identity = ServerIdentity::development(directory.path()).unwrap();
        let loopback: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let mut listener = listen(loopback, Config::default(), &identity, &[JSON]).unwrap();
        let silent = UdpSocket::bind(loopback).unwrap();
        let answering = listener.local_address().socket().unwrap();
        let addresses = [silent.local_addr().unwrap(), answering];

        let trust = identity.fingerprint().into();
        let connector = QuicConnector::new(ClientConfig { trust, ..ClientConfig::default() });
        let target = Target::parse("quic://localhost:1").unwrap();
        let (link, broker) = tokio::join!(connector.open_as(&target, &addresses, JSON), async {
            listener.accept().await.unwrap().handshake().await
        });
        assert_eq!(link.unwrap().properties().peer.socket(), Some(answering));
        assert!(broker.is_ok());
    }
}
