//! Several shards keep one order.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::{Broker, ShardConfig};
use broker_delivery::lane::{Bound, LaneOptions};
use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::frame::{ClientFrame, Message, Publish};
use broker_tests::{Client, Setting, Transport};
use bytes::BytesMut;
use tokio::sync::Barrier;

broker_tests::over_transport!(memory Memory:
    everybody_sees_every_topic_without_holes,
    under_full_load_everybody_sees_the_same_order,
);
broker_tests::over_transport!(ws WebSocket:
    everybody_sees_every_topic_without_holes,
    under_full_load_everybody_sees_the_same_order,
);

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

/// Shards that are all loaded.
const SHARDS: u16 = 4;

/// Publishers in each shard, and as many subscribers.
const PER_SHARD: usize = 2;

/// Publishers in all shards.
const PUBLISHERS: usize = SHARDS as usize * PER_SHARD;

/// Packets that each publisher sends as fast as they are taken, and the messages in one.
const PACKETS: usize = 150;
const MESSAGES_PER_PACKET: usize = 20;

/// Messages of all publishers.
const LOAD: usize = PUBLISHERS * PACKETS * MESSAGES_PER_PACKET;

async fn under_full_load_everybody_sees_the_same_order(over: Transport) {
    // Nobody is to be ended for being behind: what a subscriber is to get may all wait for it.
    let bound = Bound { messages: LOAD as u32, bytes: 64 << 20 };
    let lane = LaneOptions { bound, ..LaneOptions::default() };
    let config = ShardConfig { lane, ..ShardConfig::default() };
    let builder = Broker::builder().shards(SHARDS).config(config);
    let setting = over.start_with(builder).await.unwrap();
    let (mut publishers, mut subscribers) = (Vec::new(), Vec::new());
    for place in 0..PUBLISHERS {
        let codec = if place % 3 == 0 { Json } else { Bincode };
        let name = format!("publisher-{place}");
        publishers.push(Client::connect(&setting.place, codec, &name).await);
    }
    for place in 0..PUBLISHERS {
        subscribers.push(subscriber(&setting, place).await);
    }
    assert_eq!(setting.running.connections(), [2 * PER_SHARD; SHARDS as usize]);
    let start = Arc::new(Barrier::new(2 * PUBLISHERS));
    let publishing: Vec<_> = publishers
        .into_iter()
        .map(|client| tokio::spawn(publish_at_once(client, start.clone())))
        .collect();
    let reading: Vec<_> = subscribers
        .into_iter()
        .map(|client| tokio::spawn(read_load(client, start.clone())))
        .collect();
    let mut seen = Vec::new();
    for reading in reading {
        seen.push(reading.await.unwrap());
    }
    for (place, other) in seen.iter().enumerate().skip(1) {
        assert!(*other == seen[0], "subscriber {place} saw another order than the first");
    }
    for publishing in publishing {
        publishing.await.unwrap();
    }
    let summary = setting.running.shutdown().await;
    assert_eq!(summary.published, LOAD as u64);
    assert_eq!((summary.shards.dropped, summary.shards.slow_consumers), (0, 0));
}

/// One that sees all topics: some by one filter, others by many in one lane, which overlap.
async fn subscriber(setting: &Setting, place: usize) -> Client {
    let codec = if place % 2 == 1 { Json } else { Bincode };
    let name = format!("subscriber-{place}");
    let mut client = Client::connect(&setting.place, codec, &name).await;
    let filters: &[&str] = match place % 3 {
        0 => &["shared.>"],
        _ => &["shared.a", "shared.b", "shared.c", "shared.d", "shared.*"],
    };
    for filter in filters {
        client.subscribe(filter).await;
    }
    client
}

/// Publishes to all topics in turns, many messages in one packet. Returns the client, which lives
/// until all is read.
async fn publish_at_once(mut client: Client, start: Arc<Barrier>) -> Client {
    let codec = client.bare().codec();
    start.wait().await;
    for packet in 0..PACKETS {
        let mut bytes = BytesMut::new();
        for place in 0..MESSAGES_PER_PACKET {
            let number = packet * MESSAGES_PER_PACKET + place;
            let payload = number.to_le_bytes();
            let publish = Publish::bytes(TOPICS[number % TOPICS.len()], &payload);
            codec.write_client(&ClientFrame::Publish(publish), &mut bytes);
        }
        client.send_bytes(&bytes).await;
    }
    client
}

/// What came in each topic, in order: who published it, and its number among theirs.
type Orders = BTreeMap<String, Vec<(String, usize)>>;

async fn read_load(mut client: Client, start: Arc<Barrier>) -> Orders {
    start.wait().await;
    let (mut orders, mut next) = (Orders::new(), BTreeMap::new());
    for _ in 0..LOAD {
        let Message { topic, from, seq, body, .. } = client.message().await;
        let (topic, from) = (topic.into_owned(), from.unwrap().into_owned());
        let number = usize::from_le_bytes((*body.payload).try_into().unwrap());
        let expected = next.entry(from.clone()).or_insert(0);
        assert_eq!(number, *expected, "{from}'s order holds across topics");
        *expected += 1;
        let order = orders.entry(topic).or_default();
        order.push((from, number));
        assert_eq!(seq, order.len() as u64, "no hole in a topic");
    }
    orders
}
