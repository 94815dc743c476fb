//! Lost connections.

use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{self, BrokerFrame, ClientFrame, Rejected, Shutdown};
use client_sdk::{
    Client, ClosedReason, ConnectionState, LaneOptions, Message, PublishError, Reconnect,
    RequestError, SubscribeError,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::peer::{Peer, message};
use crate::place::Place;
use crate::recorder::recorder;

async fn lose(place: &mut Place, peer: Peer) -> Peer {
    drop(peer);
    place.accept().await
}

#[tokio::test(start_paused = true)]
async fn subscribers_are_told_and_what_was_missed_is_counted_where_it_can_be() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (subscription, _) = tokio::join!(client.subscribe("t.*", calls), peer.subscribed(1));
    let _subscription = subscription.unwrap();
    peer.message("t.a", 7, "before").await;
    peer.message("t.b", 3, "before").await;
    peer.heard().await;

    let mut peer = lose(&mut place, peer).await;
    peer.subscribed(4).await;
    peer.message("t.a", 10, "after").await;
    peer.message("t.b", 4, "after").await;
    peer.message("t.c", 9, "new").await;
    peer.message("t.a", 11, "after").await;
    let calls = [
        "subscribed 1",
        "t.a 7 before",
        "t.b 3 before",
        "interrupted",
        "subscribed 4",
        "gap t.a 2 Interrupted",
        "t.a 10 after",
        "t.b 4 after",
        "t.c 9 new",
        "t.a 11 after",
    ];
    record.expect(&calls).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_lane_that_conflates_had_not_brought_yet_is_counted_too() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (subscription, _) = tokio::join!(client.subscribe_latest("t", calls), peer.granted(1));
    let _subscription = subscription.unwrap();
    // The sixth took the place of three older ones; two, of other keys, wait behind it.
    let (epoch, first_seq, last_seq) = (Some(1), Some(1), Some(5));
    let (topic, reason) = (Some("t".to_owned()), frame::GapReason::Conflated);
    let gap = frame::Gap { topic, epoch, first_seq, last_seq, count: 3, reason };
    peer.say(&BrokerFrame::Gap(gap)).await;
    peer.message("t", 6, "before").await;
    peer.heard().await;

    let mut peer = lose(&mut place, peer).await;
    peer.granted(1).await;
    peer.message("t", 9, "after").await;
    record.expect(&["subscribed 1", "gap t 3 Conflated", "t 6 before"]).await;
    record.expect(&["interrupted", "subscribed 1", "gap t 4 Interrupted", "t 9 after"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_was_not_there_before_is_told_no_gap() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (old_calls, mut old) = recorder();
    let (subscription, _) = tokio::join!(client.subscribe("t", old_calls), peer.subscribed(1));
    let _subscription = subscription.unwrap();
    peer.message("t", 1, "x").await;
    peer.heard().await;
    let (late_calls, mut late) = recorder();
    let (subscription, _) = tokio::join!(client.subscribe("t", late_calls), peer.subscribed(2));
    let _late = subscription.unwrap();

    let mut peer = lose(&mut place, peer).await;
    peer.subscribed(1).await;
    peer.subscribed(2).await;
    peer.message("t", 5, "y").await;
    let calls = ["subscribed 1", "t 1 x", "interrupted", "subscribed 1"];
    old.expect(&calls).await;
    old.expect(&["gap t 3 Interrupted", "t 5 y"]).await;
    late.expect(&["subscribed 2", "interrupted", "subscribed 2", "t 5 y"]).await;
}

#[tokio::test(start_paused = true)]
async fn each_subscription_of_a_topic_is_told_its_own_gap() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (first_calls, mut first) = recorder();
    let (begun, _) = tokio::join!(client.subscribe("t", first_calls), peer.subscribed(1));
    let _first = begun.unwrap();
    let (second_calls, mut second) = recorder();
    let (begun, _) = tokio::join!(client.subscribe("*", second_calls), peer.subscribed(2));
    let _second = begun.unwrap();
    peer.message("t", 1, "x").await;
    peer.heard().await;

    let mut peer = lose(&mut place, peer).await;
    peer.subscribed(1).await;
    peer.message("t", 5, "y").await;
    peer.subscribed(2).await;
    peer.message("t", 6, "z").await;
    let begin = ["subscribed 1", "t 1 x", "interrupted", "subscribed 1"];
    first.expect(&begin).await;
    first.expect(&["gap t 3 Interrupted", "t 5 y", "t 6 z"]).await;
    second.expect(&["subscribed 2", "t 1 x", "interrupted", "subscribed 2"]).await;
    second.expect(&["gap t 4 Interrupted", "t 6 z"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_gap_of_the_whole_lane_told_is_not_told_again() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (subscription, _) = tokio::join!(client.subscribe("t", calls), peer.subscribed(1));
    let _subscription = subscription.unwrap();
    peer.message("t", 1, "x").await;
    peer.say(&BrokerFrame::Gap(frame::Gap {
        topic: None,
        epoch: None,
        first_seq: None,
        last_seq: None,
        count: 3,
        reason: frame::GapReason::Dropped,
    }))
    .await;
    peer.heard().await;

    let mut peer = lose(&mut place, peer).await;
    peer.subscribed(1).await;
    peer.message("t", 5, "y").await;
    record.expect(&["subscribed 1", "t 1 x"]).await;
    assert!(record.next().await.starts_with("gap lane 3"));
    record.expect(&["interrupted", "subscribed 1", "t 5 y"]).await;
}

#[tokio::test(start_paused = true)]
async fn another_epoch_is_not_counted() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (subscription, _) = tokio::join!(client.subscribe("t", calls), peer.subscribed(1));
    let _subscription = subscription.unwrap();
    peer.message("t", 1, "x").await;
    peer.heard().await;
    let mut peer = lose(&mut place, peer).await;
    peer.subscribed(1).await;
    let BrokerFrame::Message(mut anew) = message("t", 9, "y") else { unreachable!() };
    anew.epoch = 2;
    peer.say(&BrokerFrame::Message(anew)).await;
    record.expect(&["subscribed 1", "t 1 x", "interrupted", "subscribed 1", "t 9 y"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_fails_and_what_still_waits_is_sent_later() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let sent = tokio::spawn({
        let client = client.clone();
        async move { tokio::join!(client.publish_acked("t", "sent"), client.request("t", "sent")) }
    });
    peer.frame().await;
    peer.frame().await;
    drop(peer);
    let (published, replied) = sent.await.unwrap();
    assert_eq!(published, Err(PublishError::Disconnected));
    assert_eq!(replied.unwrap_err(), RequestError::Disconnected);

    client.publish("t", "waits").await.unwrap();
    let (acked, _peer) = tokio::join!(client.publish_acked("t", "waits too"), async {
        let mut peer = place.accept().await;
        let frame = peer.frame().await;
        let ClientFrame::Publish(publish) = frame.read() else { panic!("{:?}", frame.read()) };
        assert_eq!(&*publish.body.payload, b"waits");
        let frame = peer.frame().await;
        let ClientFrame::Publish(publish) = frame.read() else { panic!("{:?}", frame.read()) };
        peer.accept_command(publish.id.unwrap(), None).await;
        peer
    });
    assert_eq!(acked, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_asked_for_while_the_connection_is_lost_begins_with_the_next() {
    let mut place = Place::new();
    let (client, peer) = place.connect().await;
    drop(peer);
    tokio::task::yield_now().await;
    let (calls, mut record) = recorder();
    let (subscription, _peer) = tokio::join!(client.subscribe("t", calls), async {
        let mut peer = place.accept().await;
        peer.subscribed(6).await;
        peer
    });
    subscription.unwrap().detach();
    record.expect(&["subscribed 6"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_refused_after_a_reconnect_ends_with_the_reason() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (subscription, _) = tokio::join!(client.subscribe("t", calls), peer.subscribed(1));
    let _subscription = subscription.unwrap();
    let mut peer = lose(&mut place, peer).await;
    let frame = peer.frame().await;
    let ClientFrame::Subscribe(subscribe) = frame.read() else { panic!("{:?}", frame.read()) };
    let (id, code) = (subscribe.id, ErrorCode::TooManySubscriptions);
    let message = "no more".to_owned();
    peer.say(&BrokerFrame::Rejected(Rejected { id, code, message, field: None })).await;
    record.expect(&["subscribed 1"]).await;
    assert!(record.next().await.contains("no more"));
}

#[tokio::test(start_paused = true)]
async fn many_subscriptions_are_made_anew_without_more_than_256_open_at_once() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    for number in 0..1000 {
        let (begun, _) =
            tokio::join!(client.subscribe("t", |_: &Message| {}), peer.subscribed(number));
        begun.unwrap().detach();
    }
    let mut peer = lose(&mut place, peer).await;
    let mut ids = Vec::new();
    for _ in 0..256 {
        let ClientFrame::Subscribe(subscribe) = peer.frame().await.read() else { panic!() };
        ids.push(subscribe.id);
    }
    peer.heard().await;
    for (number, id) in ids.into_iter().enumerate() {
        peer.accept_command(id, Some(number as u64)).await;
    }
    for number in 256..1000 {
        peer.subscribed(number).await;
    }
}

fn observed(place: &Place, policy: Reconnect) -> (client_sdk::ClientBuilder, States) {
    let (told, states) = mpsc::channel(1000);
    let builder = place.builder().reconnect(policy);
    (builder.on_state(move |state| told.try_send(state).unwrap()), States(states))
}

struct States(mpsc::Receiver<ConnectionState>);

impl States {
    /// Waits for the next pause: which attempt, and how long.
    async fn pause(&mut self) -> (u32, Duration) {
        loop {
            match self.0.recv().await.unwrap() {
                ConnectionState::Reconnecting { attempt, after, .. } => return (attempt, after),
                ConnectionState::Closed(reason) => panic!("{reason}"),
                _ => {}
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_stay_under_their_ceilings_and_the_client_gives_up_after_the_last() {
    let mut place = Place::new();
    let policy = Reconnect { attempts_max: Some(8), ..Reconnect::default() };
    let (builder, mut states) = observed(&place, policy);
    let (client, peer) = place.connect_with(builder).await;
    let begun = Instant::now();
    drop((peer, place));
    let mut total = Duration::ZERO;
    for expected in 1..=8 {
        let (attempt, after) = states.pause().await;
        assert_eq!(attempt, expected);
        assert!(after <= policy.ceiling(attempt), "{attempt}: {after:?}");
        total += after;
    }
    let closed = client.closed().await;
    assert!(matches!(closed, ClosedReason::Lost { attempts: 8, .. }), "{closed:?}");
    assert!(begun.elapsed() >= total);
}

#[tokio::test(start_paused = true)]
async fn the_broker_says_when_to_return() {
    let mut place = Place::new();
    let (builder, mut states) = observed(&place, Reconnect::default());
    let (_client, mut peer) = place.connect_with(builder).await;
    let shutdown = |reconnect| {
        let (code, reason) = (ErrorCode::ShuttingDown, "maintenance".to_owned());
        BrokerFrame::Disconnect(Shutdown { code, reason, reconnect })
    };
    peer.say(&shutdown(frame::Reconnect::Later(60_000))).await;
    let told = Instant::now();
    let mut peer = lose(&mut place, peer).await;
    assert!(told.elapsed() >= Duration::from_secs(60));
    assert!(told.elapsed() <= Duration::from_millis(60_200), "{:?}", told.elapsed());
    let (_, after) = states.pause().await;
    assert!(after >= Duration::from_secs(60));
    peer.say(&shutdown(frame::Reconnect::Now)).await;
    let (_, after) = states.pause().await;
    assert!(after <= Duration::from_secs(1), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_together_with_the_beginning_is_heeded() {
    let mut place = Place::new();
    let never = BrokerFrame::Disconnect(Shutdown {
        code: ErrorCode::ShuttingDown,
        reason: "for good".to_owned(),
        reconnect: frame::Reconnect::Never,
    });
    let (client, _peer) = tokio::join!(place.builder().connect(), async {
        let mut peer = place.accept_silently().await;
        peer.connected_and(&[never]).await;
        peer
    });
    let client = client.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(60), client.closed()).await.unwrap();
    assert!(matches!(closed, ClosedReason::Refused { .. }), "{closed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_lived_for_a_while_makes_attempts_count_anew() {
    let mut place = Place::new();
    let (builder, mut states) = observed(&place, Reconnect::default());
    let (_client, peer) = place.connect_with(builder).await;
    let peer = lose(&mut place, peer).await;
    assert_eq!(states.pause().await.0, 1);
    let mut peer = lose(&mut place, peer).await;
    assert_eq!(states.pause().await.0, 2);
    peer.heard().await;
    tokio::time::advance(Duration::from_secs(6)).await;
    let _peer = lose(&mut place, peer).await;
    assert_eq!(states.pause().await.0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_can_be_closed_while_it_waits_to_reconnect() {
    let mut place = Place::new();
    let policy = Reconnect { min: Duration::from_secs(3600), ..Reconnect::default() };
    let (client, peer) = {
        let builder: client_sdk::ClientBuilder = place.builder().reconnect(policy);
        place.connect_with(builder).await
    };
    drop(peer);
    tokio::task::yield_now().await;
    let begun = Instant::now();
    client.close().await;
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(Client::closed(&client).await, ClosedReason::Asked);
}

#[tokio::test(start_paused = true)]
async fn lanes_that_nothing_needs_are_free_again_in_the_next_session() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let options = |bytes| LaneOptions { bound_bytes: Some(bytes), ..LaneOptions::default() };
    let subscribe = |bytes| {
        let subscription = client.subscription("t").lane_options(options(bytes));
        subscription.start(|_: &Message| {})
    };
    for bytes in 1..=15 {
        let (begun, _) = tokio::join!(subscribe(bytes), peer.subscribed(bytes));
        drop(begun.unwrap());
        peer.unsubscribed().await;
    }
    let refused = subscribe(16).await.map(drop);
    assert_eq!(refused, Err(SubscribeError::TooManyLanes { limit: 15 }));

    let mut peer = lose(&mut place, peer).await;
    let (begun, asked) = tokio::join!(subscribe(16), peer.subscribed(1));
    begun.unwrap().detach();
    assert_eq!((asked.lane, asked.options), (Some(1), Some(options(16))));
}
