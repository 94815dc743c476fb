//! Both ends of a link, driven by hand.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use quinn::TransportConfig;
use quinn::crypto::rustls::QuicClientConfig;
use transport_api::{
    Channel, CloseReason, Connector, HandshakeError, Link, LinkError, Listener, Packet, Received,
    Sent, Subprotocol,
};
use transport_quic::{ClientConfig, Config, QuicConnector, QuicListener, listen};
use transport_tls::{ServerIdentity, Trust};

pub const JSON: Subprotocol =
    Subprotocol { family: "broker", version: 1, codec: "json", text: true };
pub const BINCODE: Subprotocol =
    Subprotocol { family: "broker", version: 1, codec: "bincode", text: false };

/// A listener on loopback with the certificate that it shows.
pub struct Server {
    pub listener: QuicListener,
    pub identity: ServerIdentity,
}

impl Server {
    pub fn start(config: Config, subprotocols: &[Subprotocol]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let identity = ServerIdentity::development(directory.path()).unwrap();
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let listener = listen(address, config, &identity, subprotocols).unwrap();
        Self { listener, identity }
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_address().socket().unwrap()
    }

    pub fn url(&self) -> String {
        format!("quic://{}", self.address())
    }

    pub fn trust(&self) -> Trust {
        self.identity.fingerprint().into()
    }

    pub fn connector(&self) -> QuicConnector {
        QuicConnector::new(ClientConfig { trust: self.trust(), ..ClientConfig::default() })
    }

    pub async fn accept(&mut self) -> Result<End, HandshakeError> {
        let incoming = self.listener.accept().await.unwrap();
        incoming.handshake().await.map(End)
    }

    /// One link: the client's end and the broker's end.
    pub async fn link(&mut self) -> (End, End) {
        let (connector, url) = (self.connector(), self.url());
        let (client, broker) = tokio::join!(connector.connect(&url, &[JSON]), self.accept());
        (End(client.unwrap()), broker.unwrap())
    }

    /// A client that is nothing but QUIC.
    pub fn foreign_client(&self, alpn: &str, transport: TransportConfig) -> quinn::Connecting {
        let tls = self.trust().client_config(&[alpn.as_bytes().to_vec()]).unwrap();
        let crypto = QuicClientConfig::try_from(tls).unwrap();
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport));
        let endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        endpoint.connect_with(config, self.address(), "localhost").unwrap()
    }

    /// A link whose client is nothing but QUIC, and has said "hi".
    pub async fn foreign_link(&mut self, transport: TransportConfig) -> (Foreign, End) {
        let connecting = self.foreign_client("broker/1+json", transport);
        let opened = async {
            let connection = connecting.await.unwrap();
            let (mut sender, receiver) = connection.open_bi().await.unwrap();
            sender.write_all(b"hi").await.unwrap();
            Foreign { connection, sender, receiver }
        };
        let (foreign, broker) = tokio::join!(opened, self.accept());
        let mut broker = broker.unwrap();
        assert_eq!(broker.receive_exactly(Channel::Control, 2).await, b"hi");
        (foreign, broker)
    }
}

/// The client's end of a link, as QUIC has it.
pub struct Foreign {
    pub connection: quinn::Connection,
    pub sender: quinn::SendStream,
    pub receiver: quinn::RecvStream,
}

/// One end of a link.
pub struct End(pub Box<dyn Link>);

impl End {
    /// Sends a packet, waiting as long as the link holds something back.
    pub async fn send(&mut self, channel: Channel, bytes: &Bytes) -> Result<(), LinkError> {
        loop {
            match self.0.try_send(channel, Packet::shared(bytes, 0..bytes.len()))? {
                Sent::Taken => return Ok(()),
                Sent::TakenAndBlocked => {
                    while self.0.unsent() > 0 {
                        poll_fn(|cx| self.0.poll_writable(cx)).await?;
                    }
                    return Ok(());
                }
                Sent::Refused => poll_fn(|cx| self.0.poll_writable(cx)).await?,
            }
        }
    }

    pub fn try_send(&mut self, channel: Channel, bytes: &Bytes) -> Sent {
        self.0.try_send(channel, Packet::shared(bytes, 0..bytes.len())).unwrap()
    }

    /// The next piece.
    pub async fn receive(&mut self) -> Result<(Channel, Vec<u8>), LinkError> {
        let (mut buffer, mut piece) = (vec![0; 16 * 1024], None);
        let mut sink = |received: Received<'_>| {
            if let Received::Data(channel, bytes) = received {
                piece = Some((channel, bytes.to_vec()));
            }
            false
        };
        poll_fn(|cx| self.0.poll_receive(cx, &mut buffer, &mut sink)).await?;
        match piece {
            Some(piece) => Ok(piece),
            None => Box::pin(self.receive()).await,
        }
    }

    /// The next `length` bytes, which all have to be of `channel`.
    pub async fn receive_exactly(&mut self, channel: Channel, length: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < length {
            let (of, bytes) = self.receive().await.unwrap();
            assert_eq!(of, channel);
            all.extend(bytes);
        }
        assert_eq!(all.len(), length);
        all
    }

    pub async fn close(&mut self, reason: CloseReason) {
        self.0.close(reason);
        poll_fn(|cx| self.0.poll_closed(cx)).await;
    }

    /// The error that ends the link, whatever arrives before.
    pub async fn end(&mut self) -> LinkError {
        loop {
            if let Err(error) = self.receive().await {
                return error;
            }
        }
    }
}
