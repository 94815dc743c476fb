//! What is particular about links over QUIC.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

mod ends;

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use ends::{BINCODE, End, JSON, Server};
use transport_api::{
    Channel, CloseCode, CloseReason, Connector, LinkError, Listener, Packet, Placement, Sent,
};
use transport_quic::{ClientConfig, Config, QuicConnector};

const KIB: usize = 1024;

fn server() -> Server {
    Server::start(Config::default(), &[BINCODE, JSON])
}

#[tokio::test]
async fn both_ends_send_first_without_waiting_for_the_other() {
    let mut server = server();
    let (mut client, mut broker) = server.link().await;
    broker.send(Channel::Control, &"hello".into()).await.unwrap();
    assert_eq!(client.receive_exactly(Channel::Control, 5).await, b"hello");
    client.send(Channel::Control, &"world".into()).await.unwrap();
    assert_eq!(broker.receive_exactly(Channel::Control, 5).await, b"world");
    assert_eq!(server.listener.placement(), Placement::WithListener);
}

#[tokio::test]
async fn the_first_protocol_that_the_client_offers_and_the_server_speaks_is_agreed_on() {
    let mut server = server();
    let (connector, url) = (server.connector(), server.url());
    let other = transport_api::Subprotocol { version: 2, ..JSON };
    let offered = [JSON, BINCODE];
    let (client, broker) = tokio::join!(connector.connect(&url, &offered), server.accept());
    assert_eq!(client.unwrap().properties().subprotocol, JSON);
    assert_eq!(broker.unwrap().0.properties().subprotocol, JSON);
    let offered = [other, BINCODE];
    let (client, broker) = tokio::join!(connector.connect(&url, &offered), async {
        assert!(server.accept().await.is_err());
        server.accept().await
    });
    assert_eq!(client.unwrap().properties().subprotocol, BINCODE);
    assert_eq!(broker.unwrap().0.properties().subprotocol, BINCODE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_before_the_close_arrives_with_the_reason_behind_it() {
    let mut server = server();
    let (mut client, mut broker) = server.link().await;
    let packet = Bytes::from(vec![1; 100 * KIB]);
    let mut sent = [0, 0];
    for (at, channel) in [Channel::Lane(0), Channel::Control].into_iter().enumerate() {
        while broker.try_send(channel, &packet) != Sent::Refused {
            sent[at] += packet.len();
        }
    }
    let reason = CloseReason::new(CloseCode::TooLarge, "that was enough");
    let closing = broker.close(reason.clone());
    let receiving = async {
        let mut received = [0, 0];
        loop {
            match client.receive().await {
                Ok((Channel::Lane(0), bytes)) => received[0] += bytes.len(),
                Ok((_, bytes)) => received[1] += bytes.len(),
                Err(error) => return (received, error),
            }
        }
    };
    let ((received, error), ()) = tokio::join!(receiving, closing);
    assert_eq!(received, sent);
    assert!(matches!(error, LinkError::Closed(its) if its == reason));
    assert!(matches!(broker.receive().await, Err(LinkError::ClosedHere)));
}

#[tokio::test]
async fn a_client_closes_in_good_order_as_well() {
    let mut server = server();
    let (mut client, mut broker) = server.link().await;
    client.send(Channel::Control, &"last words".into()).await.unwrap();
    let reason = CloseReason::new(CloseCode::GoingAway, "bye");
    let closing = client.close(reason.clone());
    let receiving = async {
        assert_eq!(broker.receive_exactly(Channel::Control, 10).await, b"last words");
        broker.end().await
    };
    let (error, ()) = tokio::join!(receiving, closing);
    assert!(matches!(error, LinkError::Closed(its) if its == reason));
}

#[tokio::test]
async fn the_reason_has_left_when_the_link_is_closed() {
    let mut server = server();
    let (connector, url) = (server.connector(), server.url());
    let closing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut client = End(connector.connect(&url, &[JSON]).await.unwrap());
            client.close(CloseReason::new(CloseCode::GoingAway, "at once")).await;
        });
    });
    let mut broker = server.accept().await.unwrap();
    assert!(matches!(broker.end().await, LinkError::Closed(its) if its.text() == "at once"));
    closing.join().unwrap();
}

#[tokio::test]
async fn a_link_that_is_dropped_is_broken_for_its_peer() {
    let mut server = server();
    let (client, mut broker) = server.link().await;
    drop(client);
    assert!(matches!(broker.end().await, LinkError::Broken(_)));
    let (mut client, broker) = server.link().await;
    drop(broker);
    assert!(matches!(client.end().await, LinkError::Broken(_)));
}

#[tokio::test]
async fn a_link_that_is_dropped_while_it_closes_still_tells_the_reason() {
    let mut server = server();
    let (mut client, mut broker) = server.link().await;
    let reason = CloseReason::new(CloseCode::Refused, "too slow");
    broker.0.close(reason.clone());
    drop(broker);
    assert!(matches!(client.end().await, LinkError::Closed(its) if its == reason));
}

#[tokio::test]
async fn a_listener_that_is_dropped_refuses_new_clients_and_keeps_its_links() {
    let mut server = server();
    let (mut client, mut broker) = server.link().await;
    let (url, connector) = (server.url(), server.connector());
    drop(server);
    let error = connector.connect(&url, &[JSON]).await.err().unwrap().to_string();
    assert!(error.starts_with("refused by 127.0.0.1:"), "{error}");
    client.send(Channel::Control, &"still here".into()).await.unwrap();
    assert_eq!(broker.receive_exactly(Channel::Control, 10).await, b"still here");
}

#[tokio::test]
async fn a_client_that_has_to_prove_its_address_gets_in_all_the_same() {
    let config = Config { handshakes_unproven_max: 0, ..Config::default() };
    let mut server = Server::start(config, &[JSON]);
    let (_client, _broker) = server.link().await;
}

#[tokio::test]
async fn a_peer_that_vanishes_is_noticed_after_the_idle_time_out() {
    let config = Config { idle_timeout: Some(Duration::from_millis(200)), ..Config::default() };
    let mut server = Server::start(config, &[JSON]);
    let (connector, url) = (server.connector(), server.url());
    let (vanish, vanishes) = tokio::sync::oneshot::channel::<()>();
    let vanishing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // The runtime ends before the link does, so that nobody sends a last word.
        let link = runtime.block_on(async {
            let link = connector.connect(&url, &[JSON]).await;
            vanishes.await.unwrap();
            link
        });
        drop(runtime);
        link.is_ok()
    });
    let mut broker = server.accept().await.unwrap();
    vanish.send(()).unwrap();
    let error = broker.end().await;
    assert!(matches!(error, LinkError::Broken(its) if its.kind() == ErrorKind::TimedOut));
    assert!(vanishing.join().unwrap());
}

#[tokio::test]
async fn a_server_is_found_by_the_name_of_its_host() {
    let mut server = server();
    let (connector, url) = (server.connector(), server.url().replace("127.0.0.1", "localhost"));
    let (client, broker) = tokio::join!(connector.connect(&url, &[JSON]), server.accept());
    assert!(client.is_ok() && broker.is_ok());
}

#[test]
fn a_connector_outlives_a_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let identity = transport_tls::ServerIdentity::development(directory.path()).unwrap();
    let connector = QuicConnector::new(ClientConfig {
        trust: identity.fingerprint().into(),
        ..ClientConfig::default()
    });
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let address = "127.0.0.1:0".parse().unwrap();
            let listener = transport_quic::listen(address, Config::default(), &identity, &[JSON]);
            let mut server = Server { listener: listener.unwrap(), identity: identity.clone() };
            let url = server.url();
            let (client, broker) = tokio::join!(connector.connect(&url, &[JSON]), server.accept());
            assert!(client.is_ok() && broker.is_ok());
        });
    }
}

/// Memory of which a test sees whether anybody still holds it.
struct Watched {
    bytes: Vec<u8>,
    _held: std::sync::Arc<()>,
}

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[tokio::test]
async fn small_packets_for_a_peer_that_stalls_pin_none_of_the_memory_they_came_in() {
    let mut server = server();
    // Who never polls its link grants no more than the window.
    let (_client, mut broker) = server.link().await;
    for (bytes, holders_max) in [(200, 0), (16 * KIB - 1, 0), (16 * KIB, 64)] {
        let held = std::sync::Arc::new(());
        for _ in 0..100 {
            let memory =
                Bytes::from_owner(Watched { bytes: vec![0; 256 * KIB], _held: held.clone() });
            broker.0.try_send(Channel::Lane(1), Packet::shared(&memory, 0..bytes)).unwrap();
        }
        let holders = std::sync::Arc::strong_count(&held) - 1;
        assert!(holders <= holders_max, "{holders} packets of {bytes} bytes are held by reference");
    }
}
