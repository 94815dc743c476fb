//! Clients that tell what they have consumed: what they are sent before, and what a slow one costs.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeMap;
use std::sync::mpsc as blocking;

use broker_protocol::Codec::{self, Bincode, Json};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, ClientInfo, Connect, Consumed, GapReason, Keep, LaneOptions,
    Overflow, Ping, Subscribe,
};
use broker_tests::{Client, Heard, PATIENCE, Place, Transport};
use bytes::BytesMut;
use client_sdk::{Gap, Message, Subscriber};
use tokio::sync::mpsc;
use tokio::time::timeout;

broker_tests::over_every_transport!(
    who_never_consumes_is_held_at_its_window_and_costs_nobody_else,
    a_lane_that_is_held_conflates_and_ends_with_the_newest,
    credit_is_whole_again_after_a_reconnect,
    who_tells_of_more_than_it_was_sent_is_ended,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_callback_is_a_slow_link_over_websocket() {
    a_slow_callback_is_a_slow_link(Transport::WebSocket).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_callback_is_a_slow_link_over_quic() {
    a_slow_callback_is_a_slow_link(Transport::Quic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_sleeps_holds_up_nobody_in_its_lane_over_websocket() {
    one_that_sleeps_holds_up_nobody_in_its_lane(Transport::WebSocket).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_sleeps_holds_up_nobody_in_its_lane_over_quic() {
    one_that_sleeps_holds_up_nobody_in_its_lane(Transport::Quic).await;
}

const WINDOW: u64 = 32 << 10;
/// What is told at the latest of a lane that conflates.
const CONFLATING_STEP: u64 = 2 << 10;
const LANE: u8 = 1;
const MESSAGES: u64 = 500;

/// A client that counts what of its lane came, as credit counts it.
struct Reader {
    client: Client,
    codec: Codec,
    came: u64,
    told: u64,
}

impl Reader {
    async fn connect(place: &Place, codec: Codec, options: LaneOptions) -> Self {
        let client = ClientInfo { name: Some("reader".to_owned()), sdk: None };
        let receive_window = Some(WINDOW);
        let connect = Connect { version: 1, client, receive_window, ..Connect::default() };
        let client = Client::connect_as(place, codec, connect).await;
        assert_eq!(client.connected.receive_window, Some(WINDOW));
        let mut reader = Self { client, codec, came: 0, told: 0 };
        let (lane, options) = (Some(LANE), Some(options));
        let subscribe =
            Subscribe { id: 1, filter: ">".into(), lane, options, ..Default::default() };
        reader.client.send(&ClientFrame::Subscribe(subscribe)).await;
        let begun = reader.data().await;
        assert!(matches!(begun, BrokerFrame::Accepted(_)), "{begun:?}");
        reader
    }

    /// The next frame of data.
    async fn data(&mut self) -> BrokerFrame<'static> {
        let is_data = |heard: &Heard| {
            let data = match &heard.frame {
                BrokerFrame::Message(_) | BrokerFrame::Gap(_) => true,
                BrokerFrame::Accepted(accepted) => accepted.subscription.is_some(),
                _ => false,
            };
            data.then(|| heard.frame.clone())
        };
        let frame = self.client.wait_for("data", is_data).await;
        let mut out = BytesMut::new();
        self.codec.write_broker(&frame, &mut out);
        self.came += out.len() as u64;
        let out = self.came - self.told;
        assert!(out <= WINDOW, "{out} bytes are out");
        frame
    }

    async fn consume(&mut self) {
        self.told = self.came;
        let consumed = Consumed { lane: LANE, frames: 0, bytes: self.told };
        self.client.send(&ClientFrame::Consumed(consumed)).await;
    }

    /// How many messages wait in the lane.
    async fn lag(&mut self) -> u64 {
        let mark = Some(7);
        self.client.send(&ClientFrame::Ping(Ping { mark })).await;
        let lag = |heard: &Heard| match &heard.frame {
            BrokerFrame::Pong(pong) if pong.mark == mark => Some(pong.lag.clone()),
            _ => None,
        };
        let lag = self.client.wait_for("pong", lag).await;
        lag.iter().find(|one| one.lane == LANE).unwrap().messages
    }
}

fn drop_oldest() -> LaneOptions {
    let (overflow, bound_messages) = (Some(Overflow::DropOldest), Some(50));
    LaneOptions { overflow, bound_messages, ..LaneOptions::default() }
}

fn latest() -> LaneOptions {
    LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() }
}

async fn publish(place: &Place, topic: impl Fn(u64) -> String) {
    let mut publisher = Client::connect(place, Bincode, "publisher").await;
    for number in 1..=MESSAGES {
        publisher.publish_acked(&topic(number), [7; 1000]).await.unwrap();
    }
}

async fn who_never_consumes_is_held_at_its_window_and_costs_nobody_else(over: Transport) {
    for codec in [Bincode, Json] {
        let setting = over.start().await.unwrap();
        let mut held = Reader::connect(&setting.place, codec, drop_oldest()).await;
        let mut neighbour = Client::connect(&setting.place, codec, "neighbour").await;
        neighbour.subscribe(">").await;
        publish(&setting.place, |_| "t".to_owned()).await;
        for seq in 1..=MESSAGES {
            assert_eq!(neighbour.message().await.seq, seq);
        }
        let waits = held.lag().await;
        assert!((40..=50).contains(&waits), "{waits} wait: its bound, gaps included");
        let (mut newest, mut dropped) = (0, 0);
        while newest < MESSAGES {
            match held.data().await {
                BrokerFrame::Message(message) => {
                    assert_eq!(message.seq, newest + 1, "what is missing was told");
                    newest = message.seq;
                }
                BrokerFrame::Gap(gap) => {
                    assert_eq!((gap.first_seq, gap.reason), (Some(newest + 1), GapReason::Dropped));
                    dropped += gap.count;
                    newest += gap.count;
                }
                other => panic!("{other:?}"),
            }
            if held.came - held.told > WINDOW - 4000 {
                held.consume().await;
            }
        }
        assert!(dropped > MESSAGES / 2, "{dropped} dropped");
    }
}

async fn a_lane_that_is_held_conflates_and_ends_with_the_newest(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut held = Reader::connect(&setting.place, Bincode, latest()).await;
    publish(&setting.place, |number| format!("t{}", number % 5)).await;
    let (mut newest, mut told, mut received) = (BTreeMap::new(), 0, 0);
    while newest.values().sum::<u64>() < MESSAGES {
        match held.data().await {
            BrokerFrame::Message(message) => {
                received += 1;
                newest.insert(message.topic.to_string(), message.seq);
            }
            BrokerFrame::Gap(gap) => {
                assert_eq!(gap.reason, GapReason::Conflated);
                told += gap.count;
            }
            other => panic!("{other:?}"),
        }
        // Sooner than of a lane that keeps everything: 8 KiB may be all that is on its way.
        if held.came - held.told > CONFLATING_STEP {
            held.consume().await;
        }
    }
    assert_eq!(received + told, MESSAGES);
    assert!(told > MESSAGES / 2, "{told} conflated");
}

async fn credit_is_whole_again_after_a_reconnect(over: Transport) {
    let setting = over.start().await.unwrap();
    for _ in 0..2 {
        let mut reader = Reader::connect(&setting.place, Bincode, drop_oldest()).await;
        publish(&setting.place, |_| "t".to_owned()).await;
        // None of it is ever consumed.
        while reader.came < WINDOW - 4000 {
            reader.data().await;
        }
    }
}

async fn who_tells_of_more_than_it_was_sent_is_ended(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut reader = Reader::connect(&setting.place, Bincode, latest()).await;
    reader.came += 1;
    reader.consume().await;
    assert_eq!(reader.client.disconnect().await.code, ErrorCode::InvalidField);
}

/// Notes what came, and doesn't return from its first message until it is let go.
struct Slow {
    calls: mpsc::Sender<(String, u64)>,
    entered: mpsc::Sender<()>,
    released: blocking::Receiver<()>,
    held: bool,
}

impl Subscriber for Slow {
    fn on_message(&mut self, message: &Message) {
        self.calls.try_send((message.topic.to_string(), message.seq)).unwrap();
        if !std::mem::replace(&mut self.held, true) {
            self.entered.try_send(()).unwrap();
            tokio::task::block_in_place(|| self.released.recv_timeout(PATIENCE)).unwrap();
        }
    }

    fn on_gap(&mut self, gap: &Gap) {
        assert!(gap.reason.is_conflated(), "{gap:?}");
        self.calls.try_send(("gap".to_owned(), gap.count)).unwrap();
    }
}

async fn a_slow_callback_is_a_slow_link(over: Transport) {
    let setting = over.start().await.unwrap();
    let builder = client_sdk::Client::builder(&setting.place.url).receive_window(WINDOW);
    let client = builder.with_connector(setting.place.connector()).connect().await.unwrap();
    let (calls, mut record) = mpsc::channel(1000);
    let (entered, mut entries) = mpsc::channel(1000);
    let (release, released) = blocking::channel();
    let slow = Slow { calls, entered, released, held: false };
    let subscription = client.subscribe_latest(">", slow).await.unwrap();
    publish(&setting.place, |number| format!("t{}", number % 5)).await;
    timeout(PATIENCE, entries.recv()).await.unwrap();
    let lag = subscription.lag().await.unwrap();
    assert!(lag.broker.messages > MESSAGES / 2, "most wait there, to be conflated: {lag:?}");
    assert!(lag.here.messages <= 5, "{lag:?}");
    assert_eq!(client.lag().await.unwrap().subscriptions[0].filter, ">");
    release.send(()).unwrap();
    let (mut newest, mut told, mut received) = (BTreeMap::new(), 0, 0);
    while newest.values().sum::<u64>() < MESSAGES {
        let (topic, number) = timeout(PATIENCE, record.recv()).await.unwrap().unwrap();
        match &*topic {
            "gap" => told += number,
            _ => {
                received += 1;
                newest.insert(topic, number);
            }
        }
    }
    assert_eq!(received + told, MESSAGES);
    timeout(PATIENCE, client.close()).await.unwrap();
}

async fn publish_round(place: &Place, round: u64) {
    publish(place, |number| format!("t{}", (number + round) % 5)).await;
}

/// Notes what came.
struct Fast(mpsc::Sender<u64>);

impl Subscriber for Fast {
    fn on_message(&mut self, _message: &Message) {
        self.0.try_send(1).unwrap();
    }

    fn on_gap(&mut self, gap: &Gap) {
        assert!(gap.reason.is_conflated(), "{gap:?}");
        self.0.try_send(gap.count).unwrap();
    }
}

/// Waits until so many came or were told.
async fn comes(record: &mut mpsc::Receiver<u64>, mut missing: u64) {
    while missing > 0 {
        let count = timeout(PATIENCE, record.recv()).await.unwrap().unwrap();
        missing = missing.checked_sub(count).unwrap();
    }
}

async fn one_that_sleeps_holds_up_nobody_in_its_lane(over: Transport) {
    let setting = over.start().await.unwrap();
    let builder = client_sdk::Client::builder(&setting.place.url);
    let client = builder.with_connector(setting.place.connector()).connect().await.unwrap();
    let (calls, mut record) = mpsc::channel(10_000);
    let (entered, mut entries) = mpsc::channel(1000);
    let (release, released) = blocking::channel();
    let slow = Slow { calls, entered, released, held: false };
    let _slow = client.subscribe_latest(">", slow).await.unwrap();
    // It is alone, and holds what the broker has on its way.
    publish_round(&setting.place, 0).await;
    timeout(PATIENCE, entries.recv()).await.unwrap();
    // Another one comes, and gets its answer.
    let (fast, mut came) = mpsc::channel(10_000);
    let _fast = timeout(PATIENCE, client.subscribe_latest(">", Fast(fast))).await.unwrap().unwrap();
    for round in 1..=3 {
        publish_round(&setting.place, round).await;
        comes(&mut came, MESSAGES).await;
    }
    release.send(()).unwrap();
    let (mut told, mut received) = (0, 0);
    while told + received < 4 * MESSAGES {
        let (topic, number) = timeout(PATIENCE, record.recv()).await.unwrap().unwrap();
        match &*topic {
            "gap" => told += number,
            _ => received += 1,
        }
    }
    assert!(told > 3 * MESSAGES, "{told} conflated in front of the one that slept");
    timeout(PATIENCE, client.close()).await.unwrap();
}
