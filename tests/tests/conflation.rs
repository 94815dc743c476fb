//! Lanes that keep the newest of each key: what a client that was behind is owed, and that its
//! neighbours and the broker pay nothing for it.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeMap;

use broker_protocol::Codec::{self, Bincode, Json};
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Gap, GapReason, Keep, LaneOptions, Message, Publish, Subscribe,
};
use broker_tests::{Client, Heard, Place, Transport};
use bytes::BytesMut;

broker_tests::over_every_transport!(
    after_a_stall_the_books_of_every_topic_balance_and_its_newest_value_is_there,
    after_a_stall_the_newest_values_of_every_key_within_a_topic_are_there,
    who_keeps_up_misses_nothing,
    who_is_killed_while_behind_harms_nobody_and_leaves_nothing,
);

/// How many are published. Most of them wait: what a client that answers nothing gets is less than
/// a tenth.
const MESSAGES: u64 = 10_000;
const KEYS: u64 = 10;

/// So many are published at a time, for those who read meanwhile.
const BATCH: u64 = 100;

/// The number of a message, and what makes it large enough to be behind with.
const PAYLOAD_BYTES: usize = 200;

/// The lane of who keeps the newest, and its bound: far less than is published, more than the keys.
const LANE: u8 = 1;
const BOUND_MESSAGES: u32 = 200;

/// What the broker may hold for a client that is behind: twice its bound, and the segments in which
/// that lies. A fraction of what is published.
const HELD_BYTES_MAX: u64 = 1 << 20;

/// What tells the keys apart.
#[derive(Debug, Clone, Copy)]
enum Keys {
    Topics,
    WithinATopic,
}

async fn after_a_stall_the_books_of_every_topic_balance_and_its_newest_value_is_there(
    over: Transport,
) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        stall(&setting.place, codec, Keys::Topics, 1).await;
    }
}

async fn after_a_stall_the_newest_values_of_every_key_within_a_topic_are_there(over: Transport) {
    let setting = over.start().await.unwrap();
    stall(&setting.place, Bincode, Keys::WithinATopic, 1).await;
    stall(&setting.place, Json, Keys::WithinATopic, 3).await;
}

/// Publishes to one who doesn't read and to a neighbour who does, and checks what both got.
async fn stall(place: &Place, codec: Codec, keys: Keys, keep: u32) {
    let base = codec.name();
    let mut stalled = keeps_newest(place, codec, base, keep).await;
    let mut healthy = Client::connect(place, codec, "healthy").await;
    healthy.subscribe(&format!("{base}.>")).await;
    let mut publisher = Client::connect(place, Bincode, "publisher").await;
    for first in (0..MESSAGES).step_by(BATCH as usize) {
        publish(&mut publisher, base, keys, first..first + BATCH).await;
        for number in first..first + BATCH {
            assert_eq!(number_of(&healthy.message().await), number, "a neighbour gets all");
        }
    }
    let books = Books::read(&mut stalled, MESSAGES).await;
    books.check(base, keys, keep);
    stalled.expect_nothing_else(&format!("{base}.end")).await;
}

async fn who_keeps_up_misses_nothing(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let base = codec.name();
        let mut reader = keeps_newest(&setting.place, codec, base, 1).await;
        let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
        // More than any window, so that marks have to come back.
        for first in (0..MESSAGES).step_by(BATCH as usize) {
            publish(&mut publisher, base, Keys::WithinATopic, first..first + BATCH).await;
            for number in first..first + BATCH {
                let message = reader.message_or_gap().await.expect("nothing is missing");
                assert_eq!(number_of(&message), number);
            }
        }
    }
}

async fn who_is_killed_while_behind_harms_nobody_and_leaves_nothing(over: Transport) {
    let setting = over.start().await.unwrap();
    let behind = keeps_newest(&setting.place, Bincode, "all", 1).await;
    let mut watcher = Client::connect(&setting.place, Bincode, "watcher").await;
    let watch = Subscribe { filter: "all.>".into(), presence: true, ..Subscribe::default() };
    watcher.subscribe_as(watch).await.unwrap();
    let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
    let mut behind = Some(behind);
    for first in (0..2 * MESSAGES).step_by(BATCH as usize) {
        if first >= MESSAGES {
            behind.take();
        }
        publish(&mut publisher, "all", Keys::Topics, first..first + BATCH).await;
        for number in first..first + BATCH {
            assert_eq!(number_of(&watcher.message().await), number, "a neighbour gets all");
        }
    }
    watcher.wait_for("the news that it has left", has_left).await;
    let summary = setting.running.shutdown().await.shards;
    assert!(summary.conflated > MESSAGES / 2, "it was behind: {}", summary.conflated);
    assert_eq!((summary.log_bytes, summary.survivors), (0, 0), "nothing is held for it");
    assert!(summary.log_bytes_most < HELD_BYTES_MAX, "{} were held", summary.log_bytes_most);
}

fn has_left(heard: &Heard) -> Option<()> {
    match &heard.frame {
        BrokerFrame::Presence(presence) => {
            presence.left.iter().any(|name| name == "newest").then_some(())
        }
        _ => None,
    }
}

/// A client that has subscribed to all below `base` and keeps the newest values of each key.
async fn keeps_newest(place: &Place, codec: Codec, base: &str, keep: u32) -> Client {
    let mut client = Client::connect(place, codec, "newest").await;
    let options = Some(LaneOptions {
        keep: Some(Keep::Latest(keep)),
        bound_messages: Some(BOUND_MESSAGES),
        ..LaneOptions::default()
    });
    let (filter, lane) = (format!("{base}.>"), Some(LANE));
    let subscribe = Subscribe { filter, lane, options, ..Subscribe::default() };
    let granted = client.subscribe_as(subscribe).await.unwrap().granted.unwrap();
    assert_eq!(granted.keep, Some(Keep::Latest(keep)));
    client
}

/// Publishes these numbers, each to the key whose turn it is, and waits until they are taken.
async fn publish(client: &mut Client, base: &str, keys: Keys, numbers: std::ops::Range<u64>) {
    let (id, last) = (client.next_id(), numbers.end - 1);
    let mut packet = BytesMut::new();
    for number in numbers {
        let mut payload = [0; PAYLOAD_BYTES];
        payload[..8].copy_from_slice(&number.to_le_bytes());
        let (topic, key) = topic_and_key(base, keys, number % KEYS);
        let body = Body { key: key.map(Into::into), ..Publish::bytes("", &payload).body };
        let id = (number == last).then_some(id);
        let publish = Publish { id, topic: topic.into(), body, ..Publish::default() };
        client.bare().codec().write_client(&ClientFrame::Publish(publish), &mut packet);
    }
    client.send_bytes(&packet).await;
    client.answer_to(id).await.unwrap();
}

fn topic_and_key(base: &str, keys: Keys, key: u64) -> (String, Option<String>) {
    match keys {
        Keys::Topics => (format!("{base}.{key}"), None),
        Keys::WithinATopic => (format!("{base}.all"), Some(key.to_string())),
    }
}

fn number_of(message: &Message<'_>) -> u64 {
    u64::from_le_bytes(*message.body.payload.first_chunk().unwrap())
}

/// What a client got.
#[derive(Debug, Default)]
struct Books {
    /// By topic, messages and what gaps told.
    received: BTreeMap<String, u64>,
    conflated: BTreeMap<String, u64>,
    /// By topic and key, the numbers that came and the last `seq`.
    numbers: BTreeMap<(String, Option<String>), Vec<u64>>,
    newest: BTreeMap<(String, Option<String>), u64>,
}

impl Books {
    /// Reads until so many are accounted for.
    async fn read(client: &mut Client, messages: u64) -> Self {
        let mut books = Self::default();
        while books.accounted() < messages {
            match client.message_or_gap().await {
                Ok(message) => books.message(&message),
                Err(gap) => books.gap(&gap),
            }
        }
        books
    }

    fn accounted(&self) -> u64 {
        self.received.values().chain(self.conflated.values()).sum()
    }

    fn message(&mut self, message: &Message<'_>) {
        let topic = message.topic.to_string();
        *self.received.entry(topic.clone()).or_default() += 1;
        let key = (topic, message.body.key.as_ref().map(ToString::to_string));
        let before = self.newest.insert(key.clone(), message.seq);
        assert!(before.is_none_or(|before| before < message.seq), "{key:?} goes forward");
        self.numbers.entry(key).or_default().push(number_of(message));
    }

    fn gap(&mut self, gap: &Gap) {
        assert_eq!(gap.reason, GapReason::Conflated);
        let hull = gap.last_seq.unwrap() + 1 - gap.first_seq.unwrap();
        assert!((1..=hull).contains(&gap.count), "{gap:?}");
        *self.conflated.entry(gap.topic.clone().unwrap()).or_default() += gap.count;
    }

    /// Whether every topic balances, every key ended with its newest, and most was conflated.
    fn check(&self, base: &str, keys: Keys, keep: u32) {
        for key in 0..KEYS {
            let key_of = topic_and_key(base, keys, key);
            let topic = &key_of.0;
            let published = match keys {
                Keys::Topics => MESSAGES / KEYS,
                Keys::WithinATopic => MESSAGES,
            };
            assert_eq!(self.received[topic] + self.conflated[topic], published, "of {topic}");
            let newest: Vec<_> = (key..MESSAGES).step_by(KEYS as usize).collect();
            let newest = &newest[newest.len() - keep as usize..];
            assert!(self.numbers[&key_of].ends_with(newest), "{key_of:?} ends with its newest");
        }
        let received: u64 = self.received.values().sum();
        assert!(received < MESSAGES / 10, "{received} of {MESSAGES} came");
    }
}
