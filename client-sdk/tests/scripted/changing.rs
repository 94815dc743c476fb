//! Options that change while a subscription stands.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Accepted, BrokerFrame, CaughtUp, ClientFrame, LaneHeader, Move, Moved, Rejected, Update,
};
use client_sdk::{Client, Keep, LaneOptions, Message, SubscribeError, Subscription};

use crate::peer::Peer;
use crate::place::Place;
use crate::recorder::{Recorder, recorder};

fn priority(priority: u8) -> LaneOptions {
    LaneOptions { priority: Some(priority), ..LaneOptions::default() }
}

/// Subscribes with options, and grants them in the lane that is asked for.
async fn subscribe(
    client: &Client,
    peer: &mut Peer,
    (number, options): (u64, LaneOptions),
    subscriber: Recorder,
) -> Subscription {
    let granting = async {
        let frame = peer.frame().await;
        let ClientFrame::Subscribe(asked) = frame.read() else { panic!("{:?}", frame.read()) };
        accept(peer, asked.id, number, asked.lane).await;
    };
    let starting = client.subscription(">").lane_options(options).start(subscriber);
    tokio::join!(starting, granting).0.unwrap()
}

async fn accept(peer: &mut Peer, id: u64, number: u64, lane: Option<u8>) {
    let (subscription, granted) = (Some(number), Some(LaneOptions::default()));
    let accepted = Accepted { id, subscription, lane, granted, callback: None };
    peer.say(&BrokerFrame::Accepted(accepted)).await;
}

async fn asked_to_move(peer: &mut Peer) -> Move {
    let frame = peer.frame().await;
    let ClientFrame::Move(asked) = frame.read() else { panic!("{:?}", frame.read()) };
    asked
}

async fn turn_to(peer: &mut Peer, lane: u8) {
    peer.say(&BrokerFrame::Lane(LaneHeader { lane, subscription: None })).await;
}

#[tokio::test]
async fn who_has_a_lane_alone_has_it_updated() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let one = subscribe(&client, &mut peer, (1, priority(3)), calls).await;
    record.expect(&["subscribed 1"]).await;
    for to in [4, 5] {
        let granting = async {
            let frame = peer.frame().await;
            let ClientFrame::Update(asked) = frame.read() else { panic!("{:?}", frame.read()) };
            assert_eq!(asked, Update { id: asked.id, lane: 1, options: priority(to) });
            let (lane, granted) = (Some(1), Some(asked.options.clone()));
            let accepted = Accepted { id: asked.id, lane, granted, ..Accepted::default() };
            peer.say(&BrokerFrame::Accepted(accepted)).await;
        };
        let (granted, ()) = tokio::join!(one.set_options(priority(to)), granting);
        assert_eq!(granted.unwrap().options, priority(to));
        record.expect(&["subscribed 1"]).await;
    }
    // Who wishes for something else than before can't be served by an update: the rest would stay.
    let latest = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
    let moving = async {
        let asked = asked_to_move(&mut peer).await;
        assert_eq!((asked.lane, asked.options.as_ref()), (2, Some(&latest)));
        accept(&mut peer, asked.id, 1, Some(2)).await;
    };
    tokio::join!(one.set_options(latest.clone()), moving).0.unwrap();
}

#[tokio::test]
async fn what_comes_in_the_new_lane_waits_for_what_the_old_one_still_brings() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (others, mut other) = recorder();
    let one = subscribe(&client, &mut peer, (1, LaneOptions::default()), calls).await;
    let _two = subscribe(&client, &mut peer, (2, priority(7)), others).await;
    record.expect(&["subscribed 1"]).await;
    other.expect(&["subscribed 2"]).await;
    let moving = async {
        let asked = asked_to_move(&mut peer).await;
        assert_eq!((asked.subscription, asked.lane), (1, 1));
        turn_to(&mut peer, 1).await;
        peer.message("t", 3, "not for the first yet").await;
        accept(&mut peer, asked.id, 1, Some(1)).await;
        peer.message("t", 4, "new lane").await;
        turn_to(&mut peer, 0).await;
        peer.message("t", 3, "old lane").await;
        peer.say(&BrokerFrame::Moved(Moved { subscription: 1, lane: 1 })).await;
        peer.message("t", 4, "for others in the old lane").await;
        turn_to(&mut peer, 1).await;
        peer.message("t", 5, "new lane").await;
    };
    let (granted, ()) = tokio::join!(one.set_options(priority(7)), moving);
    assert_eq!(granted.unwrap().lane, 1);
    record.expect(&["t 3 old lane", "subscribed 1", "t 4 new lane", "t 5 new lane"]).await;
    other.expect(&["t 3 not for the first yet", "t 4 new lane", "t 5 new lane"]).await;
}

#[tokio::test]
async fn the_end_in_the_old_lane_may_come_before_the_beginning_in_the_new_one() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let one = subscribe(&client, &mut peer, (1, LaneOptions::default()), calls).await;
    let moving = async {
        let asked = asked_to_move(&mut peer).await;
        peer.message("t", 1, "old lane").await;
        peer.say(&BrokerFrame::Moved(Moved { subscription: 1, lane: 1 })).await;
        peer.message("t", 2, "for others in the old lane").await;
        turn_to(&mut peer, 1).await;
        accept(&mut peer, asked.id, 1, Some(1)).await;
        peer.message("t", 2, "new lane").await;
    };
    tokio::join!(one.set_options(priority(7)), moving).0.unwrap();
    record.expect(&["subscribed 1", "t 1 old lane", "subscribed 1", "t 2 new lane"]).await;
}

#[tokio::test]
async fn what_is_retained_and_waited_in_the_old_lane_comes_before_the_new_one_begins() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let subscribing = client.subscription("t").replay_last().start(calls);
    let (one, _) = tokio::join!(subscribing, peer.subscribed(1));
    let one = one.unwrap();
    let alone_in = |lane| BrokerFrame::Lane(LaneHeader { lane, subscription: Some(1) });
    let moving = async {
        let asked = asked_to_move(&mut peer).await;
        turn_to(&mut peer, 1).await;
        accept(&mut peer, asked.id, 1, Some(1)).await;
        peer.say(&alone_in(0)).await;
        peer.message("t", 1, "kept").await;
        peer.say(&BrokerFrame::Moved(Moved { subscription: 1, lane: 1 })).await;
        peer.say(&alone_in(1)).await;
        peer.message("t", 2, "kept").await;
        peer.say(&BrokerFrame::CaughtUp(CaughtUp { subscription: 1 })).await;
    };
    tokio::join!(one.set_options(priority(7)), moving).0.unwrap();
    record.expect(&["subscribed 1", "t 1 kept again", "subscribed 1"]).await;
    record.expect(&["t 2 kept again", "caught up"]).await;
}

#[tokio::test]
async fn what_is_refused_changes_nothing_and_one_change_goes_on_at_a_time() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let one = subscribe(&client, &mut peer, (1, LaneOptions::default()), calls).await;
    record.expect(&["subscribed 1"]).await;
    let refusing = async {
        let asked = asked_to_move(&mut peer).await;
        let again = one.set_options(priority(6)).await;
        assert_eq!(again, Err(SubscribeError::Changing));
        let (id, code) = (asked.id, ErrorCode::NotAllowed);
        let rejected = Rejected { id, code, message: "no".into(), field: None };
        peer.say(&BrokerFrame::Rejected(rejected)).await;
    };
    let (refused, ()) = tokio::join!(one.set_options(priority(7)), refusing);
    let refused = refused.unwrap_err();
    assert!(matches!(refused, SubscribeError::Refused { code: ErrorCode::NotAllowed, .. }));
    peer.message("t", 1, "still here").await;
    record.expect(&["t 1 still here"]).await;
    let accepting = async {
        let asked = asked_to_move(&mut peer).await;
        accept(&mut peer, asked.id, 1, Some(asked.lane)).await;
    };
    tokio::join!(one.set_options(priority(5)), accepting).0.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_that_its_connection_does_not_outlive_holds_in_the_next_one() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let one = client.subscription("t").start(|_: &Message| {});
    let (one, _) = tokio::join!(one, peer.subscribed(1));
    let one = one.unwrap();
    let losing = async {
        asked_to_move(&mut peer).await;
        drop(peer);
        let mut peer = place.accept().await;
        let asked = peer.subscribed(1).await;
        assert_eq!((asked.lane, asked.options), (Some(1), Some(priority(7))));
        peer
    };
    let (changed, peer) = tokio::join!(one.set_options(priority(7)), losing);
    assert_eq!(changed, Err(SubscribeError::Interrupted));
    drop(peer);
}
