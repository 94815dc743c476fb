//! Subscribing, and who gets what in which order.

use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex};

use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Gap, GapReason, LaneHeader, Presence, Rejected,
};
use bytes::{Bytes, BytesMut};
use client_sdk::{
    Client, Codec, Ended, Event, LaneOptions, Message, Overflow, SubscribeError, Subscription,
};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use transport_memory::{Conditions, Config};

use crate::peer::{Peer, message};
use crate::place::Place;
use crate::recorder::recorder;

async fn subscribe(
    client: &Client,
    peer: &mut Peer,
    (filter, number): (&str, u64),
    subscriber: impl client_sdk::Subscriber,
) -> Subscription {
    let (subscription, _) =
        tokio::join!(client.subscribe(filter, subscriber), peer.subscribed(number));
    subscription.unwrap()
}

#[tokio::test]
async fn calls_come_in_order_from_the_beginning_to_the_end() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let subscription = subscribe(&client, &mut peer, ("t", 5), calls).await;
    assert_eq!((subscription.id(), subscription.filter()), (5, "t"));
    peer.message("t", 1, "a").await;
    let gap = Gap {
        topic: Some("t".into()),
        epoch: Some(1),
        first_seq: Some(2),
        last_seq: Some(4),
        count: 3,
        reason: GapReason::Dropped,
    };
    peer.say(&BrokerFrame::Gap(gap)).await;
    peer.message("t", 5, "b").await;
    record.expect(&["subscribed 5", "t 1 a", "gap t 3 Dropped", "t 5 b"]).await;
    tokio::join!(subscription.unsubscribe(), async {
        let ClientFrame::Unsubscribe(unsubscribe) = peer.frame().await.read() else { panic!() };
        peer.message("t", 6, "the last").await;
        peer.accept_command(unsubscribe.id, Some(5)).await;
    });
    record.expect(&["t 6 the last", "ended unsubscribed", "gone"]).await;
}

#[tokio::test]
async fn a_message_goes_once_to_each_subscription_that_matches_and_has_begun() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (all_calls, mut all) = recorder();
    let (one_calls, mut one) = recorder();
    let (other_calls, mut other) = recorder();
    let _all = subscribe(&client, &mut peer, ("a.>", 1), all_calls).await;
    peer.message("a.b", 1, "early").await;
    let _one = subscribe(&client, &mut peer, ("a.*", 2), one_calls).await;
    let _other = subscribe(&client, &mut peer, ("c", 3), other_calls).await;
    peer.message("a.b", 2, "both").await;
    peer.message("c", 1, "else").await;
    all.expect(&["subscribed 1", "a.b 1 early", "a.b 2 both"]).await;
    one.expect(&["subscribed 2", "a.b 2 both"]).await;
    other.expect(&["subscribed 3", "c 1 else"]).await;
}

#[tokio::test]
async fn lanes_are_apart_and_an_addressee_gets_its_run_alone() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (one_calls, mut one) = recorder();
    let (two_calls, mut two) = recorder();
    let _one = subscribe(&client, &mut peer, ("t", 1), one_calls).await;
    let _two = subscribe(&client, &mut peer, ("t", 2), two_calls).await;
    let addressed = LaneHeader { lane: 0, subscription: Some(2) };
    peer.say(&BrokerFrame::Lane(addressed)).await;
    peer.message("t", 1, "to two").await;
    peer.say(&BrokerFrame::Lane(LaneHeader { lane: 3, subscription: None })).await;
    peer.message("t", 2, "another lane").await;
    peer.say(&BrokerFrame::Lane(LaneHeader::default())).await;
    peer.message("t", 3, "to both").await;
    one.expect(&["subscribed 1", "t 3 to both"]).await;
    two.expect(&["subscribed 2", "t 1 to two again", "t 3 to both"]).await;
}

#[tokio::test]
async fn equal_options_share_a_lane_and_different_ones_do_not() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let drop_oldest =
        LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
    let urgent = LaneOptions { priority: Some(7), ..LaneOptions::default() };
    let mut lanes = Vec::new();
    for options in [&LaneOptions::default(), &drop_oldest, &urgent, &drop_oldest] {
        let builder = client.subscription("t").lane_options(options.clone());
        let begun =
            tokio::join!(builder.start(|_: &Message| {}), peer.subscribed(lanes.len() as u64));
        begun.0.unwrap().detach();
        lanes.push(begun.1.lane);
    }
    assert_eq!(lanes, [Some(0), Some(1), Some(2), Some(1)]);
}

#[tokio::test]
async fn presence_goes_to_the_subscription_that_asked() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let builder = client.subscription("room").presence(true);
    let (subscription, asked) = tokio::join!(builder.start(calls), peer.subscribed(9));
    let _subscription = subscription.unwrap();
    assert!(asked.presence);
    let presence = Presence { subscription: 9, joined: vec!["a".into()], left: vec![] };
    peer.say(&BrokerFrame::Presence(presence)).await;
    record.expect(&["subscribed 9", "presence +[\"a\"] -[]"]).await;
}

#[tokio::test]
async fn a_refused_subscription_names_code_and_field() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let refuse = async {
        let ClientFrame::Subscribe(subscribe) = peer.frame().await.read() else { panic!() };
        let (code, field) = (ErrorCode::TooManySubscriptions, Some("filter".to_owned()));
        let rejected = Rejected { id: subscribe.id, code, message: "no".into(), field };
        peer.say(&BrokerFrame::Rejected(rejected)).await;
    };
    let (refused, ()) = tokio::join!(client.subscribe("t", |_: &Message| {}), refuse);
    let expected = SubscribeError::Refused {
        code: ErrorCode::TooManySubscriptions,
        message: "no".into(),
        field: Some("filter".into()),
    };
    assert_eq!(refused.unwrap_err(), expected);
    let invalid = client.subscribe("a.>.b", |_: &Message| {}).await.unwrap_err();
    assert!(matches!(invalid, SubscribeError::InvalidFilter { .. }), "{invalid}");
}

#[tokio::test]
async fn who_may_not_share_a_lane_gets_another_with_the_same_options() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let mut lanes = Vec::new();
    for filter in ["news", "chat.a", "chat.b"] {
        let answer = async {
            loop {
                let frame = peer.frame().await;
                let ClientFrame::Subscribe(asked) = frame.read() else { panic!() };
                lanes.push((filter, asked.lane, asked.options.clone()));
                if filter == "news" || asked.lane != Some(0) {
                    return peer.accept_command(asked.id, Some(lanes.len() as u64)).await;
                }
                let field = Some("options".to_owned());
                let (id, code) = (asked.id, ErrorCode::LaneOptions);
                let rejected = Rejected { id, code, message: "narrower".into(), field };
                peer.say(&BrokerFrame::Rejected(rejected)).await;
            }
        };
        let (begun, ()) = tokio::join!(client.subscribe(filter, |_: &Message| {}), answer);
        begun.unwrap().detach();
    }
    let own = Some(LaneOptions::default());
    let expected = [
        ("news", Some(0), None),
        ("chat.a", Some(0), None),
        ("chat.a", Some(1), own.clone()),
        ("chat.b", Some(0), None),
        ("chat.b", Some(1), own),
    ];
    assert_eq!(lanes, expected);
}

#[tokio::test]
async fn dropping_the_guard_unsubscribes_and_tells_only_the_end() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let subscription = subscribe(&client, &mut peer, ("t", 4), calls).await;
    record.expect(&["subscribed 4"]).await;
    drop(subscription);
    record.expect(&["ended unsubscribed", "gone"]).await;
    assert_eq!(peer.unsubscribed().await, 4);
}

#[tokio::test]
async fn giving_up_a_subscription_that_is_asked_for_unsubscribes_it_when_it_begins() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    {
        let subscribe = client.subscribe("t", |_: &Message| {});
        tokio::pin!(subscribe);
        assert!(subscribe.as_mut().now_or_never().is_none());
    }
    peer.subscribed(8).await;
    assert_eq!(peer.unsubscribed().await, 8);
}

#[tokio::test]
async fn a_callback_may_use_the_client_and_drop_its_own_guard() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let guard: Arc<Mutex<Option<Subscription>>> = Arc::default();
    let (spawned, mut answers) = mpsc::channel(1);
    let calls = {
        let (guard, client) = (Arc::clone(&guard), client.clone());
        move |_: &Message| {
            client.try_publish("from.callback", "x").unwrap();
            let (client, spawned) = (client.clone(), spawned.clone());
            tokio::spawn(async move {
                let subscription = client.subscribe("u", |_: &Message| {}).await.unwrap();
                let answer = client.publish_acked("acked", "y").await;
                spawned.send((subscription, answer)).await.unwrap();
            });
            drop(guard.lock().unwrap().take());
        }
    };
    let subscription = subscribe(&client, &mut peer, ("t", 1), calls).await;
    *guard.lock().unwrap() = Some(subscription);
    peer.message("t", 1, "go").await;
    let frame = peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Publish(_)), "{:?}", frame.read());
    assert_eq!(peer.unsubscribed().await, 1);
    assert_eq!(peer.subscribed(2).await.filter, "u");
    let frame = peer.frame().await;
    let ClientFrame::Publish(publish) = frame.read() else { panic!("{:?}", frame.read()) };
    peer.accept_command(publish.id.unwrap(), None).await;
    let (_subscription, answer) = answers.recv().await.unwrap();
    assert_eq!(answer, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_blocks_stops_neither_pongs_nor_other_subscribers() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (release, released) = blocking::channel::<()>();
    let (entered, mut entries) = mpsc::channel(1);
    let blocks = move |_: &Message| {
        entered.try_send(()).unwrap();
        released.recv().unwrap();
    };
    let _slow = subscribe(&client, &mut peer, ("slow", 1), blocks).await;
    let (calls, mut record) = recorder();
    let _fast = subscribe(&client, &mut peer, ("fast", 2), calls).await;
    peer.message("slow", 1, "").await;
    entries.recv().await.unwrap();
    peer.heard().await;
    peer.message("fast", 1, "x").await;
    record.expect(&["subscribed 2", "fast 1 x"]).await;
    release.send(()).unwrap();
}

#[tokio::test]
async fn a_subscriber_that_is_too_slow_ends_alone() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let builder = client.subscription("t").inbox(3, 1 << 20);
    let (stream, _) = tokio::join!(builder.stream(), peer.subscribed(1));
    let mut stream = stream.unwrap();
    let (calls, mut record) = recorder();
    let _other = subscribe(&client, &mut peer, ("t", 2), calls).await;
    for seq in 1..=5 {
        peer.message("t", seq, "x").await;
    }
    assert_eq!(peer.unsubscribed().await, 1);
    let events: Vec<_> = (&mut stream).collect().await;
    assert!(matches!(events[0], Event::Subscribed(_)));
    assert!(matches!(events[2], Event::Message(Message { seq: 2, .. })), "{events:?}");
    assert!(matches!(events[3], Event::Ended(Ended::TooSlow { messages: 3, .. })), "{events:?}");
    assert_eq!(events.len(), 4);
    assert_eq!(client.statistics().subscribers_too_slow, 1);
    record.expect(&["subscribed 2", "t 1 x", "t 2 x", "t 3 x", "t 4 x", "t 5 x"]).await;
}

#[tokio::test]
async fn a_callback_that_panics_ends_its_subscription() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let _subscription =
        subscribe(&client, &mut peer, ("t", 3), |_: &Message| panic!("as the test wants")).await;
    peer.message("t", 1, "x").await;
    assert_eq!(peer.unsubscribed().await, 3);
}

#[tokio::test]
async fn direct_messages_go_to_their_receiver() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    peer.message("$to.tester", 1, "nobody listens").await;
    peer.heard().await;
    assert_eq!(client.statistics().direct_unheard, 1);
    let (calls, mut record) = recorder();
    let _direct = client.direct(calls).unwrap();
    peer.message("$to.tester", 2, "hi").await;
    record.expect(&["$to.tester 2 hi"]).await;
}

#[tokio::test]
async fn frames_may_come_gathered_and_unknown_ones_are_skipped() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let _subscription = subscribe(&client, &mut peer, ("t", 1), calls).await;
    let mut packet = BytesMut::new();
    for seq in 1..=3 {
        Codec::Bincode.write_broker(&message("t", seq, "x"), &mut packet);
        packet.extend_from_slice(&[2, 200, 0]);
    }
    peer.say_bytes(packet.freeze()).await;
    record.expect(&["subscribed 1", "t 1 x", "t 2 x", "t 3 x"]).await;
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_put_together() {
    let framing = transport_api::Framing::Stream;
    let conditions = Conditions { chop_bytes_max: Some(3), ..Conditions::default() };
    let mut config = Config { framing, ..Config::default() };
    config.to_client = conditions;
    let mut place = Place::with(config);
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let _subscription = subscribe(&client, &mut peer, ("t", 1), calls).await;
    for seq in 1..=20 {
        peer.message("t", seq, "some payload that is longer than a piece").await;
    }
    record.expect(&["subscribed 1"]).await;
    for seq in 1..=20 {
        assert!(record.next().await.starts_with(&format!("t {seq} some")));
    }
}

#[tokio::test]
async fn bytes_that_are_no_frame_end_the_connection_and_say_why() {
    for garbage in [
        &b"\x05\x7f0000"[..],
        b"\xff\xff\xff",
        b"\x02\x44",
        b"\xfd\xff\xff\xff\xff\xff\xff\xff\x7f",
    ] {
        let mut place = Place::new();
        let builder = place.builder().reconnect(client_sdk::Reconnect::OFF);
        let (client, mut peer) = place.connect_with(builder).await;
        peer.say_bytes(Bytes::from_static(garbage)).await;
        peer.gone().await;
        let refused = loop {
            if let Err(error) = client.publish("t", "x").await {
                break error.to_string();
            }
            tokio::task::yield_now().await;
        };
        assert!(refused.contains("the broker sent what can't be read"), "{refused}");
    }
}
