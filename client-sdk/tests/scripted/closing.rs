//! Ends, wanted and unwanted.

use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, ClientFrame, Reconnect, Shutdown};
use client_sdk::{Client, ClosedReason, ConnectError, Message, PublishError};
use tokio::time::Instant;
use transport_memory::{Direction, Stall};

use crate::peer::Peer;
use crate::place::Place;
use crate::recorder::recorder;

async fn goodbye(peer: &mut Peer) {
    loop {
        if matches!(peer.frame().await.read(), ClientFrame::Disconnect(_)) {
            let (code, reason) = (ErrorCode::Closed, String::new());
            let reconnect = Reconnect::Never;
            return peer.say(&BrokerFrame::Disconnect(Shutdown { code, reason, reconnect })).await;
        }
    }
}

#[tokio::test]
async fn closing_sends_what_waits_and_says_disconnect() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (subscription, _) = tokio::join!(client.subscribe("t", calls), peer.subscribed(1));
    let _subscription = subscription.unwrap();
    for _ in 0..100 {
        client.publish("t", "x").await.unwrap();
    }
    let broker = async {
        for _ in 0..100 {
            let frame = peer.frame().await;
            assert!(matches!(frame.read(), ClientFrame::Publish(_)), "{:?}", frame.read());
        }
        goodbye(&mut peer).await;
        peer.gone().await;
    };
    tokio::join!(client.close(), broker);
    record.expect(&["subscribed 1", "ended closed by this program", "gone"]).await;
    let refused = client.publish("t", "x").await;
    assert_eq!(refused, Err(PublishError::Closed(ClosedReason::Asked)));
}

#[tokio::test]
async fn the_last_handle_and_guard_close_the_connection() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let other = client.clone();
    let (subscription, _) =
        tokio::join!(client.subscribe("t", |_: &Message| {}), peer.subscribed(1));
    drop(client);
    other.publish("t", "still open").await.unwrap();
    drop(other);
    let frame = peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Publish(_)), "{:?}", frame.read());
    peer.heard().await;
    drop(subscription);
    goodbye(&mut peer).await;
    peer.gone().await;
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_broker_that_never_answers() {
    let mut place = Place::new();
    let (client, _peer) = place.connect().await;
    client.close().await;
    assert_eq!(client.closed().await, ClosedReason::Asked);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_link_that_takes_nothing() {
    let mut place = Place::new();
    let builder = place.builder().close_timeout(Duration::from_secs(2));
    let (client, _peer) = place.connect_with(builder).await;
    for link in place.network.links() {
        link.change(Direction::ToServer, |conditions| conditions.stall = Stall::Everything);
    }
    while client.try_publish("t", vec![0; 1000]).is_ok() {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    client.close().await;
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_broker_that_refuses_the_session_is_quoted() {
    let mut place = Place::new();
    let builder = place.builder();
    let broker = async {
        let mut peer = place.accept_silently().await;
        let (code, reason) = (ErrorCode::TooManyConnections, "full".to_owned());
        let reconnect = Reconnect::Later(100);
        peer.say(&BrokerFrame::Disconnect(Shutdown { code, reason, reconnect })).await;
        peer.gone().await;
    };
    let (refused, ()) = tokio::join!(builder.connect(), broker);
    let Err(ConnectError::Refused { code, message }) = refused else { panic!("{refused:?}") };
    assert_eq!((code, &*message), (ErrorCode::TooManyConnections, "full"));
}

#[tokio::test]
async fn a_broker_that_says_never_closes_the_client_for_good() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (code, reason) = (ErrorCode::Malformed, "what was that?".to_owned());
    let reconnect = Reconnect::Never;
    peer.say(&BrokerFrame::Disconnect(Shutdown { code, reason, reconnect })).await;
    let message = "what was that?".to_owned();
    assert_eq!(client.closed().await, ClosedReason::Refused { code, message });
}

#[tokio::test]
async fn a_scheme_that_nothing_opens_is_named_with_those_that_are_known() {
    let place = Place::new();
    let mut builder = Client::builder("gopher://localhost");
    builder = builder.with_connector(std::sync::Arc::new(place.network.connector()));
    let error = builder.connect().await.unwrap_err().to_string();
    assert!(error.contains("gopher://localhost") && error.contains("memory"), "{error}");
}
