//! Strangers at the door of the sockets: bytes that are no handshake.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use broker::{Broker, Liveness, ShardConfig};
use broker_protocol::Codec::Bincode;
use broker_tests::{Client, PATIENCE, Place, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// What the broker says to these bytes until it closes.
async fn answer_to(place: &Place, bytes: &[u8]) -> String {
    let mut stranger = TcpStream::connect(place.address()).await.unwrap();
    stranger.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset is an answer too.
    let _ = timeout(PATIENCE, stranger.read_to_end(&mut answer)).await.expect("it closes");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn go_on(reader: &mut Client) {
    reader.expect_nothing_else("witness").await;
}

async fn witness(place: &Place) -> Client {
    let mut witness = Client::connect(place, Bincode, "witness").await;
    witness.subscribe("witness").await;
    witness
}

#[tokio::test]
async fn a_request_without_an_upgrade_is_answered_with_a_sentence() {
    let setting = Transport::WebSocket.start().await.unwrap();
    let mut witness = witness(&setting.place).await;
    let answer = answer_to(&setting.place, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let (_, sentence) = answer.split_once("\r\n\r\n").unwrap();
    assert!(sentence.contains("WebSocket"), "{sentence}");
    go_on(&mut witness).await;
}

#[tokio::test]
async fn garbage_in_place_of_a_request_is_closed_and_nobody_notices() {
    for transport in [Transport::WebSocket, Transport::SecureWebSocket] {
        let setting = transport.start().await.unwrap();
        let mut witness = witness(&setting.place).await;
        for garbage in [&[0_u8; 64][..], &[0xff; 20_000], b"\r\n\r\n\r\n\r\n"] {
            answer_to(&setting.place, garbage).await;
            go_on(&mut witness).await;
        }
    }
}

#[tokio::test]
async fn a_peer_that_never_asks_for_anything_is_let_go() {
    let handshake_timeout = Duration::from_millis(100);
    for transport in [Transport::WebSocket, Transport::SecureWebSocket] {
        let liveness = Liveness { handshake_timeout, ..Liveness::default() };
        let config = ShardConfig { liveness, ..ShardConfig::default() };
        let setting = transport.start_with(Broker::builder().config(config)).await.unwrap();
        answer_to(&setting.place, b"").await;
        answer_to(&setting.place, b"\x16\x03\x01").await;
    }
}

#[tokio::test]
async fn garbage_in_datagrams_changes_nothing() {
    let setting = Transport::Quic.start().await.unwrap();
    let mut witness = witness(&setting.place).await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for byte in 0..=255 {
        stranger.send_to(&[byte; 1200], setting.place.address()).await.unwrap();
        stranger.send_to(&[byte; 3], setting.place.address()).await.unwrap();
    }
    go_on(&mut witness).await;
}
