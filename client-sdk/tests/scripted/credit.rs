//! What a client tells of what it has consumed, and when.

use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Accepted, BrokerFrame, Connected, LaneHeader, LaneLag, Pong, Rejected,
};
use broker_protocol::frame::{ClientFrame, Consumed};
use bytes::BytesMut;
use client_sdk::{Client, Codec, Event, Keep, LaneOptions, Message, Overflow, Subscription};
use tokio::time::timeout;

use crate::peer::{Frame, Peer, message};
use crate::place::Place;
use crate::recorder::{Hold, Record, recorder};

const WINDOW: u64 = 8192;

/// A session with a window.
fn windowed() -> Connected {
    Connected { receive_window: Some(WINDOW), ..Connected::default() }
}

/// A client with a peer that takes part in credit.
async fn connect(place: &mut Place) -> (Client, Peer) {
    let builder = place.builder();
    let (client, peer, asked) = place.connect_as(builder, windowed()).await;
    assert_eq!(asked.receive_window, Some(1 << 20));
    (client, peer)
}

/// How large it is with its length.
fn bytes(frame: &BrokerFrame<'_>) -> u64 {
    let mut out = BytesMut::new();
    Codec::Bincode.write_broker(frame, &mut out);
    out.len() as u64
}

/// Says a message of about so many bytes. Returns how many exactly.
async fn say(peer: &mut Peer, topic: &str, seq: u64, payload: &str) -> u64 {
    let message = message(topic, seq, payload);
    peer.say(&message).await;
    bytes(&message)
}

#[tokio::test]
async fn no_window_is_asked_for_where_it_is_turned_off() {
    let mut place = Place::new();
    let builder = place.builder().receive_window(None);
    let (client, mut peer, asked) = place.connect_as(builder, Connected::default()).await;
    assert_eq!(asked.receive_window, None);
    let (begun, _) = tokio::join!(client.subscribe("t", |_: &Message| {}), peer.subscribed(1));
    let _subscription = begun.unwrap();
    for seq in 1..=100 {
        say(&mut peer, "t", seq, &"x".repeat(500)).await;
    }
    assert_eq!(peer.heard_and_consumed().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_alone_in_its_lane_holds_its_credit_and_loses_nothing() {
    let mut place = Place::new();
    let (client, mut peer) = connect(&mut place).await;
    let (calls, mut record) = recorder();
    let (calls, mut hold) = calls.holding();
    // Its own list would have room for one message.
    let starting = client.subscription("t").inbox(1, 1).start(calls);
    let (begun, subscribe) = tokio::join!(starting, peer.subscribed(1));
    let _subscription = begun.unwrap();
    let accepted =
        Accepted { id: subscribe.id, subscription: Some(1), lane: Some(0), ..Default::default() };
    let mut sent = bytes(&BrokerFrame::Accepted(accepted));
    sent += say(&mut peer, "t", 1, "hold").await;
    hold.entered().await;
    for seq in 2..=50 {
        sent += say(&mut peer, "t", seq, &"x".repeat(100)).await;
    }
    assert_eq!(peer.heard_and_consumed().await, None, "the callback hasn't returned");
    hold.release();
    record.expect(&["subscribed 1", "t 1 hold"]).await;
    for seq in 2..=50 {
        assert!(record.next().await.starts_with(&format!("t {seq} ")));
    }
    let mut told = peer.consumed().await;
    while told.bytes < sent - WINDOW / 4 {
        told = peer.consumed().await;
    }
    assert!(told.bytes <= sent, "{told:?}, {sent}");
    assert_eq!((told.lane, told.frames), (0, 51));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_slow_one_of_several_holds_beyond_its_part_moves_to_a_list_of_its_own() {
    let mut place = Place::new();
    let (client, mut peer) = connect(&mut place).await;
    let (slow, mut slow_record) = recorder();
    let (slow, mut hold) = slow.holding();
    let options = LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
    let builder = || client.subscription("t").lane_options(options.clone()).inbox(10, 1 << 20);
    let (begun, _) = tokio::join!(builder().start(slow), peer.granted(1));
    let _slow = begun.unwrap();
    let (fast, mut record) = recorder();
    let (begun, _) = tokio::join!(builder().start(fast), peer.granted(2));
    let _fast = begun.unwrap();
    say(&mut peer, "t", 1, "hold").await;
    hold.entered().await;
    let (mut sent, mut consumed) = (0, 0);
    for seq in 2..=200 {
        sent += say(&mut peer, "t", seq, &"x".repeat(100)).await;
        record.next().await;
        if let Some(told) = peer.heard_and_consumed().await {
            consumed = told.bytes;
        }
        assert!(sent - consumed.min(sent) <= WINDOW, "seq {seq}: {sent} and {consumed}");
    }
    hold.release();
    let (mut received, mut dropped) = (0, 0);
    while received + dropped < 200 {
        let call = slow_record.next().await;
        match call.strip_prefix("gap t ").and_then(|gap| gap.strip_suffix(" SlowSubscriber")) {
            Some(count) => dropped += count.parse::<u64>().unwrap(),
            None if call.starts_with("t ") => received += 1,
            None => assert!(call.starts_with("subscribed"), "{call}"),
        }
    }
    assert_eq!(received + dropped, 200);
    assert!(dropped > 100, "its own list has a bound: {dropped} dropped");
    assert!(received > 10, "and what it held of the lane's credit came first: {received}");
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The least that a broker has on its way of a lane that conflates, in bytes.
const LEAST_WINDOW: u64 = 8 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_sleeps_doesnt_use_up_the_least_window_of_a_conflating_lane() {
    let mut place = Place::new();
    let connected = Connected { receive_window: Some(1 << 20), ..Connected::default() };
    let builder = place.builder();
    let (client, mut peer, _) = place.connect_as(builder, connected).await;
    let (slow, mut slow_record) = recorder();
    let (slow, mut hold) = slow.holding();
    let (begun, lane) = tokio::join!(client.subscribe_latest("t", slow), peer.granted_there(1));
    let _slow = begun.unwrap();
    let (fast, mut record) = recorder();
    let (begun, _) = tokio::join!(client.subscribe_latest("t", fast), peer.granted_there(2));
    let _fast = begun.unwrap();
    slow_record.expect(&["subscribed 1"]).await;
    record.expect(&["subscribed 2"]).await;
    let header = BrokerFrame::Lane(LaneHeader { lane, subscription: None });
    let mut consumed = 0;
    let mut sent = 0;
    for seq in 1..=500 {
        // As the broker does: while there is room, one message at least.
        while sent >= consumed + LEAST_WINDOW {
            let told = timeout(PATIENCE, peer.consumed()).await.expect("it stands still");
            consumed = told.bytes;
        }
        let text = if seq == 1 { "hold".to_owned() } else { "x".repeat(100 + seq % 400) };
        let message = message("t", seq as u64, &text);
        let mut packet = BytesMut::new();
        Codec::Bincode.write_broker(&header, &mut packet);
        Codec::Bincode.write_broker(&message, &mut packet);
        peer.say_bytes(packet.freeze()).await;
        sent += bytes(&message);
        if seq == 1 {
            hold.entered().await;
        }
    }
    let mut newest = 0;
    while newest < 500 {
        let call = record.next().await;
        let seq = call.strip_prefix("t ").and_then(|rest| rest.split(' ').next());
        newest = seq.map_or(newest, |seq| seq.parse().unwrap());
    }
    hold.release();
    let (mut received, mut told) = (0, 0);
    while received + told < 500 {
        let call = slow_record.next().await;
        match call.strip_prefix("gap t ").and_then(|gap| gap.split(' ').next()) {
            Some(count) => told += count.parse::<u64>().unwrap(),
            None => received += 1,
        }
    }
    assert!(told > 400, "{told} conflated in front of the slow one");
}

/// One alone in a conflating lane, whose callback sleeps.
struct Sleeper {
    client: Client,
    peer: Peer,
    lane: u8,
    subscription: Subscription,
    hold: Hold,
    _record: Record,
}

impl Sleeper {
    async fn begin(place: &mut Place, window: u64) -> Self {
        let connected = Connected { receive_window: Some(window), ..Connected::default() };
        let builder = place.builder();
        let (client, mut peer, _) = place.connect_as(builder, connected).await;
        let (calls, mut record) = recorder();
        let (calls, mut hold) = calls.holding();
        let (begun, lane) =
            tokio::join!(client.subscribe_latest(">", calls), peer.granted_there(1));
        let subscription = begun.unwrap();
        record.expect(&["subscribed 1"]).await;
        turn_to(&mut peer, lane).await;
        say(&mut peer, "first", 1, "hold").await;
        hold.entered().await;
        Self { client, peer, lane, subscription, hold, _record: record }
    }

    /// Says 10 KB of as many topics as messages.
    async fn say_much(&mut self) {
        for topic in 0..20 {
            say(&mut self.peer, &format!("t{topic}"), 1, &"x".repeat(500)).await;
        }
    }
}

async fn turn_to(peer: &mut Peer, lane: u8) {
    peer.say(&BrokerFrame::Lane(LaneHeader { lane, subscription: None })).await;
}

/// The next command, and whether the client told before it that anything was consumed.
async fn command_and_consumed(peer: &mut Peer) -> (Frame, bool) {
    let mut consumed = false;
    loop {
        let frame = peer.frame().await;
        match frame.read() {
            ClientFrame::Consumed(told) => consumed |= told.bytes > 0,
            _ => return (frame, consumed),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_alone_holds_its_credit_again_once_another_one_was_given_up_or_refused() {
    for is_given_up in [true, false] {
        let mut place = Place::new();
        // A quarter of it is told at once.
        let mut one = Sleeper::begin(&mut place, 32 << 10).await;
        let client = one.client.clone();
        let asking = tokio::spawn(async move {
            client.subscribe_latest("other", |_: &Message| {}).await.map(|_| ())
        });
        let (frame, _) = command_and_consumed(&mut one.peer).await;
        let ClientFrame::Subscribe(asked) = frame.read() else { panic!("{:?}", frame.read()) };
        assert_eq!(asked.lane, Some(one.lane));
        if is_given_up {
            asking.abort();
            assert!(asking.await.unwrap_err().is_cancelled());
            let (subscription, lane) = (Some(2), asked.lane);
            let granted = asked.options.clone();
            let id = asked.id;
            let accepted = Accepted { id, subscription, lane, granted, ..Accepted::default() };
            one.peer.say(&BrokerFrame::Accepted(accepted)).await;
            assert_eq!(one.peer.unsubscribed().await, 2);
        } else {
            let (id, code) = (asked.id, ErrorCode::TooManyTopics);
            let rejected = Rejected { id, code, message: "no".to_owned(), field: None };
            one.peer.say(&BrokerFrame::Rejected(rejected)).await;
            assert!(asking.await.unwrap().is_err());
        }
        one.say_much().await;
        // What it tells comes at the latest behind what comes next.
        let told = [one.peer.heard_and_consumed().await, one.peer.heard_and_consumed().await];
        assert_eq!(told, [None, None], "its callback sleeps; given up: {is_given_up}");
        one.hold.release();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sleeps_alone_in_a_lane_doesnt_hold_up_one_that_moves_there() {
    let mut place = Place::new();
    let mut one = Sleeper::begin(&mut place, 1 << 20).await;
    let (calls, _others) = recorder();
    let (begun, _) = tokio::join!(one.client.subscribe("b", calls), one.peer.subscribed(2));
    let two = begun.unwrap();
    one.say_much().await;
    assert_eq!(one.peer.heard_and_consumed().await, None);
    let moving = async {
        let (frame, told) = command_and_consumed(&mut one.peer).await;
        let ClientFrame::Move(asked) = frame.read() else { panic!("{:?}", frame.read()) };
        assert_eq!(asked.lane, one.lane);
        if !told {
            let consumed = timeout(PATIENCE, one.peer.consumed()).await;
            assert!(consumed.expect("the move waits for it").bytes > 0);
        }
        let (id, subscription, lane, granted) =
            (asked.id, Some(2), Some(asked.lane), asked.options);
        let accepted = Accepted { id, subscription, lane, granted, callback: None };
        one.peer.say(&BrokerFrame::Accepted(accepted)).await;
    };
    let latest = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
    tokio::join!(two.set_options(latest), moving).0.unwrap();
    one.hold.release();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sleeps_alone_in_a_lane_and_leaves_it_doesnt_hold_up_the_next_one() {
    let mut place = Place::new();
    let mut one = Sleeper::begin(&mut place, 1 << 20).await;
    one.say_much().await;
    assert_eq!(one.peer.heard_and_consumed().await, None);
    let Sleeper { client, mut peer, subscription, hold, _record, .. } = one;
    let leaving = tokio::spawn(subscription.unsubscribe());
    let frame = peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Unsubscribe(_)), "{:?}", frame.read());
    let asking =
        tokio::spawn(async move { client.subscribe_latest("other", |_: &Message| {}).await });
    let (_, mut told) = command_and_consumed(&mut peer).await;
    if !told {
        let consumed = timeout(PATIENCE, peer.consumed()).await;
        told = consumed.expect("the next one waits for it").bytes > 0;
    }
    assert!(told);
    hold.release();
    leaving.abort();
    asking.abort();
}

#[tokio::test]
async fn a_stream_has_consumed_an_event_when_it_asks_for_the_next() {
    let mut place = Place::new();
    let (client, mut peer) = connect(&mut place).await;
    let (stream, _) = tokio::join!(client.stream("t"), peer.subscribed(1));
    let mut stream = stream.unwrap();
    assert!(matches!(stream.next().await, Some(Event::Subscribed(_))));
    let large = "x".repeat(WINDOW as usize / 2);
    say(&mut peer, "t", 1, &large).await;
    assert!(matches!(stream.next().await, Some(Event::Message(_))));
    assert_eq!(peer.heard_and_consumed().await, None);
    say(&mut peer, "t", 2, &large).await;
    assert!(matches!(stream.next().await, Some(Event::Message(_))));
    let told = peer.consumed().await;
    assert!(told.bytes > WINDOW / 2 && told.bytes < WINDOW, "{told:?}");
}

#[tokio::test]
async fn how_far_behind_a_subscription_is_can_be_asked() {
    let mut place = Place::new();
    let (client, mut peer) = connect(&mut place).await;
    let (stream, _) = tokio::join!(client.stream("t"), peer.subscribed(1));
    let stream = stream.unwrap();
    for seq in 1..=3 {
        say(&mut peer, "t", seq, "x").await;
    }
    peer.heard_and_consumed().await;
    let answer = async {
        let frame = peer.frame().await;
        let ClientFrame::Ping(ping) = frame.read() else { panic!("expected ping") };
        let lag = vec![LaneLag { lane: 0, messages: 7, bytes: 700, age: 70 }];
        peer.say(&BrokerFrame::Pong(Pong { mark: ping.mark, lag })).await;
    };
    let (lag, ()) = tokio::join!(stream.lag(), answer);
    let lag = lag.unwrap();
    assert_eq!((&*lag.filter, lag.lane), ("t", 0));
    assert_eq!((lag.broker.messages, lag.broker.bytes), (7, 700));
    assert_eq!(lag.broker.age, Duration::from_millis(70));
    // The beginning waits there as well.
    assert_eq!(lag.here.messages, 4);
    assert!(lag.here.bytes > 0 && lag.here.age > Duration::ZERO);
}

#[tokio::test]
async fn bytes_are_counted_anew_in_each_connection() {
    let mut place = Place::new();
    let (client, mut peer) = connect(&mut place).await;
    let (begun, _) = tokio::join!(client.subscribe("t", |_: &Message| {}), peer.subscribed(1));
    let _subscription = begun.unwrap();
    for seq in 1..=20 {
        say(&mut peer, "t", seq, &"x".repeat(500)).await;
    }
    let first: Consumed = peer.consumed().await;
    assert!(first.bytes >= WINDOW / 4);
    drop(peer);
    let (mut peer, _) = place.accept_as(windowed()).await;
    peer.subscribed(1).await;
    let mut sent = 0;
    for seq in 21..=25 {
        sent += say(&mut peer, "t", seq, &"x".repeat(500)).await;
    }
    let told = peer.consumed().await;
    assert!(told.bytes >= WINDOW / 4 && told.bytes <= sent + 50, "{told:?} of {sent}");
}
