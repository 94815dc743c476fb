//! Where a test's clients connect to, and the sessions that they get.

use std::sync::Arc;

use broker_protocol::frame::{Connect, Connected, LanePosition};
use client_sdk::{Client, ClientBuilder};
use transport_api::Listener;
use transport_memory::{Config, MemoryListener, Network};

use crate::peer::Peer;

/// A place to connect to.
pub(crate) struct Place {
    pub(crate) network: Network,
    listener: MemoryListener,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let network = Network::new(1);
        network.set_config(config);
        let listener = network.listen("broker", &[Config::SUBPROTOCOL]).unwrap();
        Self { network, listener }
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder("memory://broker").with_connector(Arc::new(self.network.connector()))
    }

    /// Takes a link that says nothing yet.
    pub(crate) async fn accept_silently(&mut self) -> Peer {
        let incoming = self.listener.accept().await.unwrap();
        Peer::new(incoming.handshake().await.unwrap())
    }

    /// Takes a link and opens a session.
    pub(crate) async fn accept(&mut self) -> Peer {
        self.accept_as(Connected::default()).await.0
    }

    /// Takes a link and opens a session that is as `connected` says. Returns what was asked for.
    pub(crate) async fn accept_as(&mut self, connected: Connected) -> (Peer, Connect) {
        let mut peer = self.accept_silently().await;
        let asked = peer.connected_as(connected, &[]).await;
        (peer, asked)
    }

    /// A client with its peer.
    pub(crate) async fn connect(&mut self) -> (Client, Peer) {
        let builder = self.builder();
        self.connect_with(builder).await
    }

    pub(crate) async fn connect_with(&mut self, builder: ClientBuilder) -> (Client, Peer) {
        let (client, peer, _) = self.connect_as(builder, Connected::default()).await;
        (client, peer)
    }
    /// A client in a session that is as `connected` says. Returns what it asked for, too.
    pub(crate) async fn connect_as(
        &mut self,
        builder: ClientBuilder,
        connected: Connected,
    ) -> (Client, Peer, Connect) {
        let (client, (peer, asked)) = tokio::join!(builder.connect(), self.accept_as(connected));
        (client.unwrap(), peer, asked)
    }

    /// A client in a session that may go on.
    pub(crate) async fn connect_to_stay(&mut self) -> (Client, Peer) {
        let builder = self.builder();
        let (client, peer, asked) = self.connect_as(builder, session("s-1")).await;
        assert_eq!(asked.resume, None);
        (client, peer)
    }
}

/// A session that may go on.
pub(crate) fn session(name: &str) -> Connected {
    Connected { session: name.to_owned(), secret: "x".into(), ..Connected::default() }
}

/// The one that was first opened goes on, with its lanes at these frames.
pub(crate) fn resumed(lanes: &[(u8, u64)]) -> Connected {
    let positions =
        lanes.iter().map(|(lane, frames)| LanePosition { lane: *lane, frames: *frames });
    Connected { resumed: true, lanes: positions.collect(), ..session("s-1") }
}
