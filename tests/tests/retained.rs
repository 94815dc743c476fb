//! Retained values: who comes later, or was behind, is sent them at its own pace, and goes on live.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::{BTreeMap, BTreeSet};

use broker::{Broker, ShardConfig};
use broker_delivery::lane::{self, Bound};
use broker_protocol::Codec::{self, Bincode, Json};
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, GapReason, Keep, LaneOptions, Overflow, Publish, Replay, Subscribe,
};
use broker_tests::{Client, Heard, Place, Transport};
use bytes::BytesMut;

broker_tests::over_every_transport!(
    the_last_value_of_each_topic_comes_to_who_subscribes_later,
    who_does_not_read_a_long_replay_costs_a_page_and_nobody_else_anything,
    who_begins_while_values_change_all_the_time_ends_with_the_last_of_each,
    who_was_behind_is_told_what_it_missed_and_sent_what_is_retained,
    who_vanishes_in_the_middle_of_a_replay_leaves_nothing,
);

/// Far more than the buffers on any way take.
const TOPICS: u64 = 5_000;
const PAYLOAD_BYTES: usize = 1_000;

/// What is published to one who is behind: a value for each of a few topics in each round, and one is
/// cleared in the end.
const FEW_TOPICS: u64 = 50;
const ROUNDS: u64 = 200;
const CLEARED: u64 = 7;
const PUBLISHED: u64 = FEW_TOPICS * ROUNDS + 1;

/// So many are published at a time.
const BATCH: usize = 200;

async fn the_last_value_of_each_topic_comes_to_who_subscribes_later(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
    keep(&mut publisher, 0..10, 0).await;
    keep(&mut publisher, 0..5, 1).await;
    clear(&mut publisher, 7).await;
    for codec in [Bincode, Json] {
        let mut client = Client::connect(&setting.place, codec, "late").await;
        let subscription = subscribe(&mut client, LaneOptions::default()).await;
        let mut viewer = Viewer::default();
        viewer.read_until_caught_up(&mut client).await;
        assert_eq!(viewer.replayed, 9);
        assert_eq!(viewer.caught_up, [subscription]);
        let expected = (0..10).filter(|topic| *topic != 7).map(|topic| (topic, topic < 5));
        let held = viewer.view.iter().map(|(topic, (round, _))| (*topic, *round == 1));
        assert_eq!(held.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        client.expect_nothing_else("kept.marker").await;
    }
}

async fn who_does_not_read_a_long_replay_costs_a_page_and_nobody_else_anything(over: Transport) {
    let setting = over.start_with(Broker::builder().shards(2)).await.unwrap();
    let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
    keep(&mut publisher, 0..TOPICS, 0).await;
    // A bound that a few live messages fill.
    let options = LaneOptions { bound_messages: Some(10), ..LaneOptions::default() };
    let mut stalled = Client::connect(&setting.place, Bincode, "stalled").await;
    let id = stalled.next_id();
    stalled.send(&ClientFrame::Subscribe(wish(id, options))).await;
    let mut healthy = Client::connect(&setting.place, Json, "healthy").await;
    subscribe(&mut healthy, LaneOptions::default()).await;
    let mut viewer = Viewer::default();
    viewer.read_until_caught_up(&mut healthy).await;
    assert_eq!((viewer.replayed, viewer.view.len() as u64), (TOPICS, TOPICS));
    for number in 0..5 {
        keep(&mut publisher, number..number + 1, 1).await;
        healthy.message().await;
    }
    // Now it reads.
    let mut viewer = Viewer::default();
    viewer.read_until_caught_up(&mut stalled).await;
    viewer.read_until(&mut stalled, |viewer| viewer.live == 5).await;
    assert_eq!(viewer.view.len() as u64, TOPICS);
    assert!((0..5).all(|topic| viewer.view[&topic].0 == 1), "the newest of those that changed");
    assert!(viewer.replayed >= TOPICS - 5 && viewer.gaps.is_empty());
}

async fn who_begins_while_values_change_all_the_time_ends_with_the_last_of_each(over: Transport) {
    let bound = Bound { messages: 100_000, bytes: 1 << 30 };
    let lane = lane::LaneOptions { bound, ..lane::LaneOptions::default() };
    let builder = Broker::builder().shards(2).config(ShardConfig { lane, ..<_>::default() });
    let setting = over.start_with(builder).await.unwrap();
    let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
    let (topics, rounds) = (1_000, 8);
    keep(&mut publisher, 0..topics, 0).await;
    let latest = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
    let read = |codec, options| begin_and_read(&setting.place, codec, options, (topics, rounds));
    let publish = async {
        for round in 1..=rounds {
            keep(&mut publisher, 0..topics, round).await;
        }
    };
    let all = read(Json, LaneOptions::default());
    let (newest, resyncing) = (read(Bincode, latest), read(Bincode, behind(50)));
    tokio::join!(publish, all, newest, resyncing);
}

/// Reads until all topics have the value of the last round.
async fn begin_and_read(
    place: &Place,
    codec: Codec,
    options: LaneOptions,
    (topics, rounds): (u64, u64),
) {
    let resyncs = options.overflow == Some(Overflow::Resync);
    let mut client = Client::connect(place, codec, "reader").await;
    subscribe(&mut client, options).await;
    let mut viewer = Viewer { resyncs, ..Viewer::default() };
    let is_last = |viewer: &Viewer| {
        viewer.view.len() as u64 == topics
            && viewer.view.values().all(|(round, _)| *round == rounds)
    };
    viewer.read_until(&mut client, |viewer| is_last(viewer) && !viewer.caught_up.is_empty()).await;
}

async fn who_was_behind_is_told_what_it_missed_and_sent_what_is_retained(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
        let mut stalled = Client::connect(&setting.place, codec, "stalled").await;
        let id = stalled.next_id();
        // Begun before anything that it is to account for is published.
        let begun = Subscribe { replay: Replay::None, ..wish(id, behind(100)) };
        stalled.ask(id, &ClientFrame::Subscribe(begun)).await.unwrap();
        let mut healthy = Client::connect(&setting.place, Bincode, "healthy").await;
        healthy.subscribe("kept.>").await;
        for round in 0..ROUNDS {
            keep(&mut publisher, 0..FEW_TOPICS, round).await;
            for _ in 0..FEW_TOPICS {
                healthy.message().await;
            }
        }
        clear(&mut publisher, CLEARED).await;
        let mut viewer = Viewer { resyncs: true, ..Viewer::default() };
        let knows_all = |viewer: &Viewer| viewer.accounted() == PUBLISHED && viewer.is_whole;
        viewer.read_until(&mut stalled, knows_all).await;
        viewer.check_what_is_left();
        // It goes on live.
        keep(&mut publisher, CLEARED..CLEARED + 1, ROUNDS).await;
        viewer.read_until(&mut stalled, |viewer| viewer.accounted() == PUBLISHED + 1).await;
        for topic in 0..FEW_TOPICS {
            clear(&mut publisher, topic).await;
        }
    }
}

async fn who_vanishes_in_the_middle_of_a_replay_leaves_nothing(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
    keep(&mut publisher, 0..TOPICS, 0).await;
    let mut watcher = Client::connect(&setting.place, Bincode, "watcher").await;
    let watch = Subscribe { filter: "kept.>".into(), presence: true, ..Subscribe::default() };
    watcher.subscribe_as(watch).await.unwrap();
    let mut client = Client::connect(&setting.place, Bincode, "vanishing").await;
    let id = client.next_id();
    client.send(&ClientFrame::Subscribe(wish(id, LaneOptions::default()))).await;
    client.message().await;
    drop(client);
    watcher.wait_for("the news that it has left", has_left).await;
    let shards = setting.running.shutdown().await.shards;
    assert_eq!(shards.log_bytes, 0);
    assert!(shards.replayed < TOPICS, "{} were sent", shards.replayed);
}

fn has_left(heard: &Heard) -> Option<()> {
    let BrokerFrame::Presence(presence) = &heard.frame else { return None };
    presence.left.iter().any(|name| name == "vanishing").then_some(())
}

/// The options of a lane that holds so many messages, and is sent what is retained when more come.
fn behind(messages: u32) -> LaneOptions {
    let (overflow, bound_messages) = (Some(Overflow::Resync), Some(messages));
    LaneOptions { overflow, bound_messages, ..LaneOptions::default() }
}

fn wish(id: u64, options: LaneOptions) -> Subscribe {
    let (filter, lane, options) = ("kept.>".to_owned(), Some(1), Some(options));
    Subscribe { id, filter, lane, options, replay: Replay::Last, ..Subscribe::default() }
}

/// Subscribes to everything that is kept. Returns the number of the subscription.
async fn subscribe(client: &mut Client, options: LaneOptions) -> u64 {
    let id = client.next_id();
    let accepted = client.ask(id, &ClientFrame::Subscribe(wish(id, options))).await.unwrap();
    accepted.subscription.unwrap()
}

/// Publishes values of a round to some topics, to be kept, and waits until they are taken.
async fn keep(client: &mut Client, topics: std::ops::Range<u64>, round: u64) {
    let mut payload = [0; PAYLOAD_BYTES];
    payload[..8].copy_from_slice(&round.to_le_bytes());
    for first in topics.clone().step_by(BATCH) {
        let (id, batch) = (client.next_id(), first..topics.end.min(first + BATCH as u64));
        let (last, mut packet) = (batch.end - 1, BytesMut::new());
        for topic in batch {
            let (id, name) = ((topic == last).then_some(id), format!("kept.{topic}"));
            let publish = Publish { id, retain: true, ..Publish::bytes(&name, &payload) };
            client.bare().codec().write_client(&ClientFrame::Publish(publish), &mut packet);
        }
        client.send_bytes(&packet).await;
        client.answer_to(id).await.unwrap();
    }
}

async fn clear(client: &mut Client, topic: u64) {
    let (id, name) = (client.next_id(), format!("kept.{topic}"));
    let publish = Publish { id: Some(id), retain: true, ..Publish::bytes(&name, b"") };
    client.ask(id, &ClientFrame::Publish(publish)).await.unwrap();
}

/// A client that holds the last value of each topic.
#[derive(Debug, Default)]
struct Viewer {
    /// By the topic's number, the round and the `seq`.
    view: BTreeMap<u64, (u64, u64)>,
    /// What came since the last gap.
    fresh: BTreeSet<u64>,
    /// Whether everything is replayed behind a gap, and values may come again.
    resyncs: bool,
    /// Whether it has caught up since the last gap.
    is_whole: bool,
    replayed: u64,
    live: u64,
    gaps: BTreeMap<&'static str, u64>,
    caught_up: Vec<u64>,
}

impl Viewer {
    async fn read_until_caught_up(&mut self, client: &mut Client) {
        let before = self.caught_up.len();
        self.read_until(client, |viewer| viewer.caught_up.len() > before).await;
    }

    async fn read_until(&mut self, client: &mut Client, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            let heard = client.wait_for("what a viewer is told", told).await;
            self.take(heard);
        }
    }

    fn take(&mut self, heard: Heard) {
        match heard.frame {
            BrokerFrame::Message(message) => {
                match heard.header.subscription {
                    Some(_) => self.replayed += 1,
                    None => self.live += 1,
                }
                let topic = message.topic["kept.".len()..].parse().unwrap();
                self.hold(topic, &message.body.payload, message.seq);
            }
            BrokerFrame::Gap(gap) => {
                let reason = if gap.reason == GapReason::Dropped { "dropped" } else { "conflated" };
                *self.gaps.entry(reason).or_default() += gap.count;
                if gap.reason == GapReason::Dropped {
                    self.fresh.clear();
                    self.is_whole = false;
                }
            }
            BrokerFrame::CaughtUp(caught_up) => {
                self.caught_up.push(caught_up.subscription);
                self.is_whole = true;
                if self.resyncs {
                    self.view.retain(|topic, _| self.fresh.contains(topic));
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn hold(&mut self, topic: u64, payload: &[u8], seq: u64) {
        if let Some((_, before)) = self.view.get(&topic) {
            let follows = if self.resyncs { seq >= *before } else { seq > *before };
            assert!(follows, "{topic}: {seq} after {before}");
        }
        self.fresh.insert(topic);
        match payload.first_chunk() {
            Some(round) => drop(self.view.insert(topic, (u64::from_le_bytes(*round), seq))),
            None => drop(self.view.remove(&topic)),
        }
    }

    /// Whether most was missed and told, and all that is retained is there.
    fn check_what_is_left(&self) {
        assert!(self.gaps["dropped"] > PUBLISHED / 2, "{:?}", self.gaps);
        assert_eq!(self.accounted(), PUBLISHED);
        let held: BTreeSet<_> = self.view.keys().copied().collect();
        assert_eq!(held, (0..FEW_TOPICS).filter(|topic| *topic != CLEARED).collect());
        assert!(self.view.values().all(|(round, _)| *round == ROUNDS - 1));
    }

    fn accounted(&self) -> u64 {
        self.live + self.gaps.values().sum::<u64>()
    }
}

fn told(heard: &Heard) -> Option<Heard> {
    let wanted = matches!(
        &heard.frame,
        BrokerFrame::Message(_) | BrokerFrame::Gap(_) | BrokerFrame::CaughtUp(_)
    );
    wanted.then(|| heard.clone())
}
