//! The end in good order.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeSet;
use std::time::Duration;

use broker::{Broker, ShardConfig};
use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, ClientFrame, Publish, Reconnect, Shutdown};
use broker_tests::{Client, Setting, Transport};
use tokio::time::Instant;

broker_tests::over_every_transport!(
    everybody_is_told_to_return_at_another_time,
    what_waits_is_sent_before_the_end,
    who_reads_nothing_does_not_hold_it_up,
    nobody_is_let_in_any_more,
);
broker_tests::over_transport!(shards_memory Memory: what_was_acknowledged_is_delivered);
broker_tests::over_transport!(shards_ws WebSocket: what_was_acknowledged_is_delivered);

const SPREAD: Duration = Duration::from_secs(4);

/// Longer than a test may take.
const NEVER: Duration = Duration::from_secs(600);

/// What a broker allows for closing words, once the deadline has passed.
const FAREWELL: Duration = Duration::from_secs(2);

static PAYLOAD: [u8; 64 << 10] = [7; 64 << 10];

fn return_after(word: &Shutdown) -> Duration {
    assert_eq!(word.code, ErrorCode::ShuttingDown);
    match word.reconnect {
        Reconnect::Later(milliseconds) => Duration::from_millis(milliseconds),
        other => panic!("later was expected: {other:?}"),
    }
}

async fn everybody_is_told_to_return_at_another_time(over: Transport) {
    const CLIENTS: usize = 8;
    let builder = Broker::builder().shutdown(NEVER, SPREAD);
    let Setting { running, place } = over.start_with(builder).await.unwrap();
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let codec = if number % 2 == 0 { Json } else { Bincode };
        clients.push(Client::connect(&place, codec, &format!("client-{number}")).await);
    }
    let stopping = tokio::spawn(running.shutdown());
    let mut times = BTreeSet::new();
    for client in &mut clients {
        times.insert(return_after(&client.disconnect().await));
        client.end().await;
    }
    assert_eq!(times.len(), CLIENTS, "nobody returns with another: {times:?}");
    assert!(times.last() <= Some(&SPREAD), "{times:?}");
    assert!(*times.last().unwrap() - *times.first().unwrap() >= SPREAD / 2, "{times:?}");
    // Its threads have ended when it returns.
    assert_eq!(stopping.await.unwrap().shards.sessions_opened, CLIENTS as u64);
}

async fn what_waits_is_sent_before_the_end(over: Transport) {
    /// More than sockets hold.
    const MESSAGES: u64 = 300;
    let mut config = ShardConfig::default();
    config.lane.bound.bytes = 64 << 20;
    let builder = Broker::builder().config(config).shutdown(NEVER, SPREAD);
    let Setting { running, place } = over.start_with(builder).await.unwrap();
    let mut behind = Client::connect(&place, Bincode, "behind").await;
    behind.subscribe("topic").await;
    let mut publisher = Client::connect(&place, Bincode, "publisher").await;
    for _ in 0..MESSAGES {
        publisher.publish_acked("topic", &PAYLOAD).await.unwrap();
    }
    let stopping = tokio::spawn(running.shutdown());
    return_after(&publisher.disconnect().await);
    for seq in 1..=MESSAGES {
        assert_eq!(behind.message().await.seq, seq);
    }
    return_after(&behind.disconnect().await);
    stopping.await.unwrap();
}

async fn who_reads_nothing_does_not_hold_it_up(over: Transport) {
    const DEADLINE: Duration = Duration::from_millis(200);
    let mut config = ShardConfig::default();
    config.lane.bound.bytes = 64 << 20;
    let builder = Broker::builder().config(config).shutdown(DEADLINE, SPREAD);
    let Setting { running, place } = over.start_with(builder).await.unwrap();
    let mut stalled = Client::connect(&place, Bincode, "stalled").await;
    stalled.subscribe("topic").await;
    let mut publisher = Client::connect(&place, Bincode, "publisher").await;
    for _ in 0..300 {
        publisher.publish_acked("topic", &PAYLOAD).await.unwrap();
    }
    let since = Instant::now();
    running.shutdown().await;
    let took = since.elapsed();
    assert!(took >= DEADLINE, "the stall was real: {took:?}");
    assert!(took < DEADLINE + FAREWELL + Duration::from_secs(1), "{took:?}");
}

async fn nobody_is_let_in_any_more(over: Transport) {
    let mut config = ShardConfig::default();
    config.lane.bound.bytes = 64 << 20;
    let builder = Broker::builder().config(config).shutdown(NEVER, SPREAD);
    let Setting { running, place } = over.start_with(builder).await.unwrap();
    let mut behind = Client::connect(&place, Bincode, "behind").await;
    behind.subscribe("topic").await;
    let mut publisher = Client::connect(&place, Bincode, "publisher").await;
    for _ in 0..300 {
        publisher.publish_acked("topic", &PAYLOAD).await.unwrap();
    }
    let stopping = tokio::spawn(running.shutdown());
    publisher.disconnect().await;
    // The broker still has something to send, and takes nobody in meanwhile.
    assert!(!stopping.is_finished());
    let connector = place.connector();
    let attempt = connector.connect(&place.url, &broker::SUBPROTOCOLS);
    let refused = tokio::time::timeout(Duration::from_secs(1), attempt).await;
    assert!(!matches!(refused, Ok(Ok(_))), "a new client was let in");
    while behind.message().await.seq < 300 {}
    stopping.await.unwrap();
}

/// Publishers and a subscriber on two shards, while the broker is told to stop.
async fn what_was_acknowledged_is_delivered(over: Transport) {
    let builder = Broker::builder().shards(2).shutdown(NEVER, SPREAD);
    let Setting { running, place } = over.start_with(builder).await.unwrap();
    let mut subscribers = Vec::new();
    let mut publishers = Vec::new();
    for _ in 0..2 {
        let mut subscriber = Client::connect(&place, Bincode, "subscriber").await;
        subscriber.subscribe("topic").await;
        subscribers.push(subscriber);
    }
    for _ in 0..2 {
        publishers.push(Client::connect(&place, Bincode, "publisher").await);
    }
    let publishing: Vec<_> =
        publishers.into_iter().map(|one| tokio::spawn(publish_until_the_end(one))).collect();
    while subscribers[0].message().await.seq < 20 {}
    let stopping = tokio::spawn(running.shutdown());
    let mut acknowledged = 0;
    for done in publishing {
        acknowledged += done.await.unwrap();
    }
    stopping.await.unwrap();
    for mut subscriber in subscribers {
        return_after(&subscriber.disconnect().await);
        let newest = subscriber.unasked().filter_map(|heard| match &heard.frame {
            BrokerFrame::Message(message) => Some(message.seq),
            _ => None,
        });
        let newest = newest.max().unwrap_or(20);
        assert!(newest >= acknowledged, "{newest} of {acknowledged} acknowledged ones came");
    }
}

/// Publishes one after the other until the broker ends. Returns how many were acknowledged.
async fn publish_until_the_end(mut client: Client) -> u64 {
    let mut acknowledged = 0;
    loop {
        let id = Some(client.next_id());
        let publish = Publish { id, topic: "topic".into(), ..Publish::default() };
        // What the broker said last is still to be heard.
        let _ = client.try_send(&ClientFrame::Publish(publish)).await;
        let more = client.wait_for("an answer", |heard| match &heard.frame {
            BrokerFrame::Accepted(_) => Some(true),
            BrokerFrame::Disconnect(_) => Some(false),
            _ => None,
        });
        if !more.await {
            return acknowledged;
        }
        acknowledged += 1;
    }
}
