//! Who is refused, and with what words.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

mod ends;

use std::time::Duration;

use ends::{BINCODE, End, JSON, Server};
use quinn::{TransportConfig, VarInt};
use transport_api::{
    Channel, ConnectError, Connector, HandshakeError, LinkError, Listener, Subprotocol,
};
use transport_quic::{ClientConfig, Config, QuicConnector};
use transport_tls::{Fingerprint, Trust};

fn server() -> Server {
    Server::start(Config::default(), &[JSON])
}

fn trusting(trust: Trust) -> QuicConnector {
    QuicConnector::new(ClientConfig { trust, ..ClientConfig::default() })
}

#[tokio::test]
async fn a_client_that_speaks_something_else_is_refused_on_both_ends() {
    let mut server = server();
    let (connector, url) = (server.connector(), server.url());
    let offered = [Subprotocol { version: 2, ..JSON }, BINCODE];
    let (client, broker) = tokio::join!(connector.connect(&url, &offered), async {
        (server.accept().await, server.accept().await)
    });
    let text = client.err().unwrap().to_string();
    assert!(text.contains("none of the protocols offered: broker/2+json, broker/1+bincode"));
    for refused in [broker.0, broker.1] {
        assert!(matches!(refused, Err(HandshakeError::Refused { .. })));
    }
}

#[tokio::test]
async fn a_foreign_protocol_is_refused_with_the_alert_of_tls() {
    let mut server = server();
    let foreign = server.foreign_client("h3", TransportConfig::default());
    let (client, broker) = tokio::join!(foreign, server.accept());
    assert!(client.unwrap_err().to_string().contains("120"));
    assert!(matches!(broker, Err(HandshakeError::Refused { .. })));
}

#[tokio::test]
async fn another_fingerprint_is_refused_and_both_are_named() {
    let mut server = server();
    let expected = Fingerprint::from([1; 32]);
    let connector = trusting(expected.into());
    let url = server.url();
    let (client, broker) = tokio::join!(connector.connect(&url, &[JSON]), server.accept());
    let error = client.err().unwrap();
    assert!(matches!(error, ConnectError::Untrusted { .. }));
    let text = error.to_string();
    assert!(text.contains(&expected.to_string()), "{text}");
    assert!(text.contains(&server.identity.fingerprint().to_string()), "{text}");
    assert!(text.contains("means that somebody else answers"), "{text}");
    assert!(!text.contains("Other"), "{text}");
    assert!(matches!(broker, Err(HandshakeError::Refused { .. })));
}

#[tokio::test]
async fn a_server_nobody_vouches_for_is_refused_with_advice() {
    let mut server = server();
    let other = Server::start(Config::default(), &[JSON]);
    let connector = trusting(Trust::Roots(vec![other.identity.leaf().clone()]));
    let url = server.url();
    let (client, _) = tokio::join!(connector.connect(&url, &[JSON]), server.accept());
    let text = client.err().unwrap().to_string();
    assert!(text.contains("fingerprint that the server printed"), "{text}");
}

#[tokio::test]
async fn a_root_vouches_for_the_address_in_the_url() {
    let mut server = server();
    let connector = trusting(Trust::Roots(vec![server.identity.leaf().clone()]));
    let url = server.url();
    let (client, broker) = tokio::join!(connector.connect(&url, &[JSON]), server.accept());
    assert!(client.is_ok() && broker.is_ok());
}

#[tokio::test]
async fn a_url_without_port_is_refused_before_anything_is_sent() {
    let error = trusting(Trust::System).connect("quic://localhost", &[JSON]).await.err().unwrap();
    assert!(matches!(error, ConnectError::Url { .. }));
}

#[tokio::test]
async fn garbage_harms_nobody() {
    let mut server = server();
    let (mut client, mut broker) = server.link().await;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for length in [0, 1, 20, 1200, 9000] {
        for first in [0x00, 0x40, 0x80, 0xc0, 0xff] {
            let mut garbage: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
            if let Some(byte) = garbage.first_mut() {
                *byte = first;
            }
            socket.send_to(&garbage, server.address()).await.unwrap();
        }
    }
    client.send(Channel::Control, &"well".into()).await.unwrap();
    assert_eq!(broker.receive_exactly(Channel::Control, 4).await, b"well");
    let (_client, _broker) = server.link().await;
}

#[tokio::test]
async fn a_slow_handshake_does_not_hold_up_the_next_client() {
    let mut server = server();
    // The first client never opens its control stream.
    let silent = server.foreign_client("broker/1+json", TransportConfig::default());
    let incoming = server.listener.accept().await.unwrap();
    let (silent, mut slow) = (silent, incoming.handshake());
    let unfinished = tokio::time::timeout(Duration::from_millis(20), &mut slow).await;
    assert!(unfinished.is_err());
    let (_client, _broker) = server.link().await;
    drop(silent);
    assert!(slow.await.is_err());
}

#[tokio::test]
async fn a_second_stream_or_a_lane_of_the_client_cannot_be_opened() {
    let mut server = server();
    let (foreign, _broker) = server.foreign_link(TransportConfig::default()).await;
    let foreign = foreign.connection;
    let patience = Duration::from_millis(20);
    assert!(tokio::time::timeout(patience, foreign.open_bi()).await.is_err());
    assert!(tokio::time::timeout(patience, foreign.open_uni()).await.is_err());
}

#[tokio::test]
async fn a_client_that_resets_or_stops_its_stream_ends_its_link_with_a_reason() {
    let mut server = server();
    for reset in [true, false] {
        let (mut foreign, mut broker) = server.foreign_link(TransportConfig::default()).await;
        if reset {
            foreign.sender.reset(VarInt::from_u32(1)).unwrap();
            assert!(matches!(broker.end().await, LinkError::Protocol { .. }));
        } else {
            foreign.receiver.stop(VarInt::from_u32(1)).unwrap();
            assert!(matches!(stopped(&mut broker).await, LinkError::Protocol { .. }));
        }
    }
}

/// Sends until the peer's wish to stop has arrived.
async fn stopped(end: &mut End) -> LinkError {
    loop {
        if let Err(error) = end.send(Channel::Control, &"on".into()).await {
            return error;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_client_that_ends_its_stream_keeps_its_link_until_it_closes() {
    let mut server = server();
    let (mut foreign, mut broker) = server.foreign_link(TransportConfig::default()).await;
    foreign.sender.finish().unwrap();
    broker.send(Channel::Control, &"yes?".into()).await.unwrap();
    let mut buffer = [0; 4];
    foreign.receiver.read_exact(&mut buffer).await.unwrap();
    foreign.connection.close(VarInt::from_u32(1), b"done");
    let end = broker.end().await;
    assert!(matches!(end, LinkError::Closed(reason) if reason.text() == "done"));
}
