//! The suite that every transport passes.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

mod ends;
mod relay;

use std::time::Duration;

use ends::Server;
use relay::Relay;
use tokio::net::UdpSocket;
use transport_api::{BoxFuture, Connector, Subprotocol};
use transport_conformance::{Bounds, Fixture, Guard, Place, Reined, Stranger};
use transport_quic::{ClientConfig, Config, QuicConnector};

/// How long a cut network may go unnoticed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

struct Quic;

impl Fixture for Quic {
    fn listen<'a>(&'a self, spoken: &'a [Subprotocol]) -> BoxFuture<'a, Place> {
        Box::pin(async {
            let server = Server::start(Config::default(), spoken);
            let (connector, url) = (Box::new(server.connector()), server.url());
            Place { listener: Box::new(server.listener), connector, url }
        })
    }

    fn bounds(&self) -> Bounds {
        // The windows of both ends are well below.
        Bounds { in_flight_bytes_max: 1024 * 1024, ..Bounds::default() }
    }

    fn stranger<'a>(&'a self, url: &'a str, stranger: Stranger) -> Option<BoxFuture<'a, Guard>> {
        Some(Box::pin(async move {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            socket.connect(url.trim_start_matches("quic://")).await.unwrap();
            let datagrams: &[&[u8]] = match stranger {
                // What looks like the beginning of a connection, and then nothing.
                Stranger::Silent => &[&[0xc0; 1200]],
                Stranger::Garbage => &[b"GET / HTTP/1.1\r\n\r\n", &[0x40; 100], &[0xff; 1200]],
            };
            for datagram in datagrams {
                socket.send(datagram).await.unwrap();
            }
            Guard::new(socket)
        }))
    }

    fn reined_link(&self) -> Option<BoxFuture<'_, Reined>> {
        Some(Box::pin(async {
            let config = Config { idle_timeout: Some(IDLE_TIMEOUT), ..Config::default() };
            let mut server = Server::start(config, &[ends::BINCODE]);
            let relay = Relay::start(server.address()).await;
            let connector = QuicConnector::new(ClientConfig {
                trust: server.trust(),
                idle_timeout: Some(IDLE_TIMEOUT),
                ..ClientConfig::default()
            });
            let url = format!("quic://{}", relay.address);
            let opening = connector.connect(&url, &[ends::BINCODE]);
            let (client, broker) = tokio::join!(opening, server.accept());
            Reined {
                client: client.unwrap(),
                server: broker.unwrap().0,
                reins: Box::new(relay),
                guard: Guard::new(server.listener),
            }
        }))
    }
}

transport_conformance::conformance_tests!(Quic);
