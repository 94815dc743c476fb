//! Several shards keep one order.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeMap;

use broker::Broker;
use broker_protocol::Codec::{Bincode, Json};
use broker_tests::{Client, Transport};

broker_tests::over_transport!(memory Memory: everybody_sees_every_topic_without_holes);
broker_tests::over_transport!(ws WebSocket: everybody_sees_every_topic_without_holes);

/// Clients, which are placed on both shards by turns; each publishes and is subscribed to all.
const CLIENTS: usize = 6;

/// Messages that each publishes.
const MESSAGES: usize = 240;

const TOPICS: [&str; 4] = ["shared.a", "shared.b", "shared.c", "shared.d"];

async fn everybody_sees_every_topic_without_holes(over: Transport) {
    let setting = over.start_with(Broker::builder().shards(2)).await.unwrap();
    let mut clients = Vec::new();
    for place in 0..CLIENTS {
        let codec = if place % 3 == 0 { Json } else { Bincode };
        let mut client = Client::connect(&setting.place, codec, &format!("client-{place}")).await;
        client.subscribe("shared.>").await;
        clients.push(client);
    }
    let publishing = clients.into_iter().map(|client| tokio::spawn(publish_and_read(client)));
    for done in publishing.collect::<Vec<_>>() {
        done.await.unwrap();
    }
    let summary = setting.running.shutdown().await;
    assert_eq!(summary.published, (CLIENTS * MESSAGES) as u64);
}

async fn publish_and_read(mut client: Client) {
    for count in 0..MESSAGES {
        client.publish(TOPICS[count % TOPICS.len()], count.to_le_bytes()).await;
    }
    let mut newest_of_topics = BTreeMap::new();
    let mut next_of_publishers = BTreeMap::new();
    for _ in 0..CLIENTS * MESSAGES {
        let message = client.message().await;
        let newest = newest_of_topics.entry(message.topic.to_string()).or_insert(0);
        *newest += 1;
        assert_eq!(message.seq, *newest, "no hole in {}", message.topic);
        let next = next_of_publishers.entry(message.from.unwrap().to_string()).or_insert(0_usize);
        assert_eq!(*message.body.payload, next.to_le_bytes(), "one publisher's order holds");
        *next += 1;
    }
}
