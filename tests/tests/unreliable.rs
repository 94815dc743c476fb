//! Lanes whose messages may get lost on the way: what a subscriber may rely on all the same.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeMap;
use std::time::Duration;

use broker_tests::narrow::Narrow;
use broker_tests::{Place, Transport};
use client_sdk::{Body, Client, Event, GapCause, MessageStream};
use tokio::time::timeout;
use transport_api::Lanes;
use transport_memory::{Conditions, Config};

broker_tests::over_every_transport!(values_arrive_and_what_is_granted_is_the_truth);

const PATIENCE: Duration = Duration::from_secs(20);

async fn within<T>(doing: impl Future<Output = T>) -> T {
    timeout(PATIENCE, doing).await.expect("it takes too long")
}

async fn connect(place: &Place) -> Client {
    let builder = Client::builder(&place.url).with_connector(place.connector());
    within(builder.connect()).await.unwrap()
}

/// An unreliable subscription, and whether it was granted so.
async fn subscribe(client: &Client, filter: &str) -> (MessageStream, bool) {
    let subscribing = client.subscription(filter).unreliable().inbox(100_000, 64 << 20).stream();
    let mut stream = within(subscribing).await.unwrap();
    let Some(Event::Subscribed(granted)) = within(stream.next()).await else { panic!() };
    (stream, granted.options.unreliable == Some(true))
}

async fn values_arrive_and_what_is_granted_is_the_truth(over: Transport) {
    let setting = over.start().await.unwrap();
    let subscriber = connect(&setting.place).await;
    let (mut stream, unreliable) = subscribe(&subscriber, "t").await;
    assert_eq!(unreliable, over == Transport::Quic);
    let publisher = connect(&setting.place).await;
    let mut last = 0;
    let small = "x".repeat(10);
    // Too large for any datagram of the internet: it comes by the stream.
    let large = "x".repeat(20_000);
    for payload in [&small, &small, &large, &small, &large] {
        // What gets lost isn't sent again, so that it is published until one arrives.
        let message = loop {
            within(publisher.publish_acked("t", payload.as_str())).await.unwrap();
            match timeout(Duration::from_millis(500), stream.next()).await {
                Ok(Some(Event::Message(message))) if message.text() == Some(payload) => {
                    break message;
                }
                Ok(Some(Event::Message(_))) | Err(_) => {}
                Ok(other) => panic!("{other:?}"),
            }
        };
        assert!(message.seq > last, "{} behind {last}", message.seq);
        last = message.seq;
    }
}

/// What was heard until nothing came any more.
#[derive(Default)]
struct Heard {
    newest: BTreeMap<String, u64>,
    received: u64,
    conflated: u64,
}

impl Heard {
    async fn until_quiet(stream: &mut MessageStream, quiet: Duration) -> Self {
        let mut heard = Self::default();
        while let Ok(Some(event)) = timeout(quiet, stream.next()).await {
            match event {
                Event::Message(message) => heard.take(&message),
                Event::Gap(gap) => {
                    assert!(matches!(gap.reason, GapCause::Broker(_)), "{gap:?}");
                    heard.conflated += gap.count;
                }
                other => panic!("{other:?}"),
            }
        }
        heard
    }

    fn take(&mut self, message: &client_sdk::Message) {
        self.received += 1;
        let key = message.body.key.clone().unwrap_or_default().to_string();
        let newest = self.newest.entry(key).or_default();
        assert!(message.seq > *newest, "{} behind {newest}", message.seq);
        *newest = message.seq;
    }
}

/// Publishes as fast as it goes.
async fn flood(publisher: &Client, count: u64, keys: u64) {
    for number in 0..count {
        let key = (number % keys).to_string();
        let body = Body::from_text("x".repeat(200)).key(key);
        within(publisher.publish("t", body)).await.unwrap();
    }
}

#[tokio::test]
async fn lost_datagrams_are_missing_and_everything_else_arrives_in_order() {
    let setting = Transport::Memory.start().await.unwrap();
    let network = setting.place.network.as_ref().unwrap();
    let lossy = Conditions { datagram_loss: 0.3, ..Conditions::default() };
    network.set_config(Config {
        lanes: Lanes::Separate,
        datagram_bytes_max: Some(1200),
        to_client: lossy,
        ..Config::default()
    });
    let subscriber = connect(&setting.place).await;
    let (mut stream, unreliable) = subscribe(&subscriber, "t").await;
    assert!(unreliable);
    let publisher = connect(&setting.place).await;
    let publishing = async {
        for number in 0..1000 {
            let body = Body::from_text("x").key((number % 10).to_string());
            within(publisher.publish_acked("t", body)).await.unwrap();
        }
    };
    let quiet = Duration::from_secs(1);
    let (heard, ()) = tokio::join!(Heard::until_quiet(&mut stream, quiet), publishing);
    let lost = 1000 - heard.received - heard.conflated;
    assert!(lost > 0, "nothing was lost");
    assert!(heard.received > lost, "{} of 1000 arrived, {lost} were lost", heard.received);
    assert_eq!(heard.newest.len(), 10);
}

#[tokio::test]
async fn behind_a_narrow_way_the_lane_conflates_and_every_key_stays_in_order() {
    let setting = Transport::Quic.start().await.unwrap();
    let narrow = Narrow::open(Transport::Quic, &setting.place, 50_000).await.unwrap();
    let subscriber = connect(&narrow.place).await;
    let (mut stream, unreliable) = subscribe(&subscriber, "t").await;
    assert!(unreliable);
    let publisher = connect(&setting.place).await;
    let publishing = flood(&publisher, 5000, 10);
    let quiet = Duration::from_secs(2);
    let (heard, ()) = tokio::join!(Heard::until_quiet(&mut stream, quiet), publishing);
    assert!(heard.conflated > 1000, "only {} were conflated", heard.conflated);
    assert!(heard.received > 0 && heard.received + heard.conflated <= 5000);
}
