//! Two ends of one connection, driven by hand.
#![allow(dead_code, reason = "each test file uses its part")]

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use transport_api::{
    Channel, Connector, HandshakeError, Incoming, Link, LinkError, Listener, Packet, Received,
    Sent, Subprotocol,
};
use transport_tls::ServerIdentity;
use transport_websocket::{ClientConfig, Config, WebSocketConnector, WebSocketListener, listen};

pub(crate) const BINCODE: Subprotocol =
    Subprotocol { family: "broker", version: 1, codec: "bincode", text: false };
pub(crate) const JSON: Subprotocol =
    Subprotocol { family: "broker", version: 1, codec: "json", text: true };

/// Listens on a free port.
pub(crate) fn listener(config: Config) -> WebSocketListener {
    listen(([127, 0, 0, 1], 0).into(), config, &[BINCODE, JSON]).expect("loopback has free ports")
}

/// Where a client finds the listener.
pub(crate) fn address(listener: &WebSocketListener) -> SocketAddr {
    listener.local_address().socket().expect("a TCP port")
}

/// Accepts one peer and does its handshake.
pub(crate) async fn accept(
    listener: &mut WebSocketListener,
) -> Result<Box<dyn Link>, HandshakeError> {
    let incoming: Box<dyn Incoming> = listener.accept().await.expect("listening");
    incoming.handshake().await
}

/// Whether a test goes over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    Tls,
}

impl Security {
    pub(crate) const ALL: [Self; 2] = [Self::Plain, Self::Tls];
}

/// Makes a certificate, and settings for who has it and who trusts it.
pub(crate) fn secured(config: Config) -> (Config, ClientConfig) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let identity = ServerIdentity::development(directory.path()).expect("a certificate");
    let config = Config { tls: Some(identity.server_config(&[])), ..config };
    (config, ClientConfig { trust: identity.fingerprint().into(), ..ClientConfig::default() })
}

/// Opens a connection of the subprotocol: the client's end and the server's.
pub(crate) async fn pair(security: Security, config: Config, speaks: Subprotocol) -> (End, End) {
    let (config, client, scheme) = match security {
        Security::Plain => (config, ClientConfig::default(), "ws"),
        Security::Tls => {
            let (config, client) = secured(config);
            (config, client, "wss")
        }
    };
    let mut listener = listener(config);
    let url = format!("{scheme}://{}/any/path", address(&listener));
    let connector = WebSocketConnector::new(client);
    let offered = [speaks];
    let (client, server) = tokio::join!(connector.connect(&url, &offered), accept(&mut listener));
    (End::new(client.expect("a connection")), End::new(server.expect("a link")))
}

/// What an end received, with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Data(Vec<u8>),
    Pong(u64),
    Alive,
}

impl Piece {
    pub(crate) fn text(text: &str) -> Self {
        Self::Data(text.as_bytes().to_vec())
    }
}

impl From<Received<'_>> for Piece {
    fn from(received: Received<'_>) -> Self {
        match received {
            Received::Data(_, bytes) => Self::Data(bytes.to_vec()),
            Received::Pong(mark) => Self::Pong(mark),
            _ => Self::Alive,
        }
    }
}

/// One end, with the buffer that is lent to it.
pub(crate) struct End {
    pub(crate) link: Box<dyn Link>,
    pub(crate) buffer: Vec<u8>,
}

impl End {
    pub(crate) fn new(link: Box<dyn Link>) -> Self {
        Self { link, buffer: vec![0; 4096] }
    }

    /// Receives the next piece, pausing after it.
    pub(crate) async fn receive(&mut self) -> Result<Piece, LinkError> {
        let mut piece = None;
        while piece.is_none() {
            let mut sink = |received: Received<'_>| {
                piece = Some(received.into());
                false
            };
            poll_fn(|cx| self.link.poll_receive(cx, &mut self.buffer, &mut sink)).await?;
        }
        Ok(piece.expect("looked for until there was one"))
    }

    /// Receives that many pieces, without a pause between those that arrive together.
    pub(crate) async fn receive_many(&mut self, count: usize) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while pieces.len() < count {
            let mut sink = |received: Received<'_>| {
                pieces.push(received.into());
                true
            };
            poll_fn(|cx| self.link.poll_receive(cx, &mut self.buffer, &mut sink))
                .await
                .expect("the link holds");
        }
        pieces
    }

    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> Result<Sent, LinkError> {
        self.link.try_send(Channel::Control, Packet::lent(bytes))
    }

    pub(crate) async fn writable(&mut self) -> Result<(), LinkError> {
        poll_fn(|cx| self.link.poll_writable(cx)).await
    }

    /// Sends a packet, and waits until nothing of it is kept back.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        while self.try_send(bytes)? == Sent::Refused {
            self.writable().await?;
        }
        while self.link.unsent() > 0 {
            self.writable().await?;
        }
        Ok(())
    }

    pub(crate) async fn closed(&mut self) {
        poll_fn(|cx| self.link.poll_closed(cx)).await;
    }
}

/// Sends a packet from one end to the other.
pub(crate) async fn carry(from: &mut End, to: &mut End, bytes: &[u8]) -> Piece {
    let (sent, received) = tokio::join!(from.send(bytes), to.receive());
    sent.expect("the link holds");
    received.expect("the link holds")
}

/// Sends until the link takes no more. Returns how many packets it took.
pub(crate) fn fill(end: &mut End, packet: &[u8]) -> usize {
    for taken in 0.. {
        match end.try_send(packet).expect("the link holds") {
            Sent::Taken => {}
            Sent::TakenAndBlocked => return taken + 1,
            Sent::Refused => return taken,
        }
    }
    unreachable!("sockets are bounded")
}

/// Whether polling once would wait.
pub(crate) async fn is_pending<F: Future>(future: F) -> bool {
    let mut future = pin!(future);
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}
