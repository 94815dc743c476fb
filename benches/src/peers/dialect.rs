//! Which peers there are.

use std::net::SocketAddr;

use broker_load::{Dialect, LoadError, LocalFuture, Party};

use super::protocol::Protocol;
use super::{Broadcaster, Mqtt, Nats, Redis, TcpParty};

/// A server that isn't ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Peer {
    /// NATS, its core protocol.
    Nats,
    /// Redis, its publish/subscribe.
    Redis,
    /// An MQTT broker, version 3.1.1 of the protocol.
    Mqtt,
    /// Our broadcaster in JavaScript.
    Broadcaster,
}

/// Opens connections to a peer.
#[derive(Debug, Clone, Copy)]
pub struct PeerDialect {
    peer: Peer,
    address: SocketAddr,
}

impl PeerDialect {
    /// For the peer that listens at `address`.
    pub fn new(peer: Peer, address: SocketAddr) -> Self {
        Self { peer, address }
    }

    async fn party(&self, protocol: impl Protocol + 'static) -> Result<Box<dyn Party>, LoadError> {
        Ok(Box::new(TcpParty::open(self.address, protocol).await?))
    }
}

impl Dialect for PeerDialect {
    fn open(&self) -> LocalFuture<'_, Result<Box<dyn Party>, LoadError>> {
        match self.peer {
            Peer::Nats => Box::pin(self.party(Nats::default())),
            Peer::Redis => Box::pin(self.party(Redis)),
            Peer::Mqtt => Box::pin(self.party(Mqtt::default())),
            Peer::Broadcaster => Box::pin(self.party(Broadcaster::default())),
        }
    }
}
