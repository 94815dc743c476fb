//! Commands whose answers never come: each ends, and says so.

use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Accepted, BrokerFrame, ClientFrame, LaneHeader, Moved, Rejected};
use client_sdk::{
    Client, ConnectionState, LagError, LaneOptions, Message, PublishError, Refusal, Request,
    RequestError, SubscribeError, Subscription,
};

use crate::peer::{Frame, Peer};
use crate::place::{Place, resumed, session};
use crate::recorder::{Record, recorder};

fn priority(priority: u8) -> LaneOptions {
    LaneOptions { priority: Some(priority), ..LaneOptions::default() }
}

async fn echo(request: Request) -> Result<client_sdk::Body, Refusal> {
    Ok(request.body)
}

/// A subscription that has begun.
async fn subscribe(client: &Client, peer: &mut Peer, number: u64) -> (Subscription, Record) {
    let (calls, mut record) = recorder();
    let (begun, _) = tokio::join!(client.subscribe("t", calls), peer.subscribed(number));
    record.expect(&[&*format!("subscribed {number}")]).await;
    (begun.unwrap(), record)
}

async fn reject(peer: &mut Peer, id: u64, code: ErrorCode) {
    let message = "no longer kept".to_owned();
    peer.say(&BrokerFrame::Rejected(Rejected { id, code, message, field: None })).await;
}

/// Takes a command that makes something known, and accepts it under that number.
async fn begun(peer: &mut Peer, number: u64) {
    let frame = peer.frame().await;
    let id = match frame.read() {
        ClientFrame::Subscribe(subscribe) => subscribe.id,
        ClientFrame::Serve(serve) => serve.id,
        other => panic!("{other:?}"),
    };
    peer.accept_command(id, Some(number)).await;
}

/// All that a program can wait for the answer of, and how each came out.
async fn wait_for_everything(
    client: Client,
    moving: Subscription,
    leaving: Subscription,
) -> (Subscription, Subscription, client_sdk::Serving) {
    let (published, sent, replied, behind, changed, (), begun, serving) = tokio::join!(
        client.publish_acked("t", "x"),
        client.send("somebody", "x"),
        client.request("q", "x"),
        client.lag(),
        moving.set_options(priority(7)),
        leaving.unsubscribe(),
        client.subscribe("u", |_: &Message| {}),
        client.provide("s", echo),
    );
    assert_eq!(published, Err(PublishError::Disconnected));
    assert_eq!(sent, Err(PublishError::Disconnected));
    assert_eq!(replied, Err(RequestError::Disconnected));
    assert_eq!(behind, Err(LagError::Disconnected));
    assert_eq!(changed, Err(SubscribeError::Interrupted));
    (moving, begun.unwrap(), serving.unwrap())
}

#[tokio::test(start_paused = true)]
async fn each_command_ends_where_the_session_did_not_go_on() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (moving, mut record) = subscribe(&client, &mut peer, 1).await;
    let (leaving, mut left) = subscribe(&client, &mut peer, 2).await;
    let waiting = tokio::spawn(wait_for_everything(client, moving, leaving));
    for _ in 0..8 {
        peer.frame().await;
    }
    drop(peer);
    let (mut peer, asked) = place.accept_as(session("s-2")).await;
    assert!(asked.resume.is_some());
    for number in 1..=3 {
        begun(&mut peer, number).await;
    }
    let all = tokio::time::timeout(Duration::from_secs(1), waiting);
    let _standing = all.await.expect("nothing waits any more").unwrap();
    record.expect(&["interrupted", "subscribed 1"]).await;
    left.expect(&["ended unsubscribed"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_without_a_connection_ends_too_if_the_session_does_not_go_on() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (moving, mut record) = subscribe(&client, &mut peer, 1).await;
    let (leaving, mut left) = subscribe(&client, &mut peer, 2).await;
    drop(peer);
    while matches!(client.state(), ConnectionState::Connected(_)) {
        tokio::task::yield_now().await;
    }
    let waiting = async { tokio::join!(moving.set_options(priority(7)), leaving.unsubscribe()) };
    let accepting = async {
        let (mut peer, _) = place.accept_as(session("s-2")).await;
        let asked = peer.subscribed(1).await;
        assert_eq!(asked.options, Some(priority(7)));
        peer
    };
    let ((changed, ()), _peer) = tokio::join!(waiting, accepting);
    assert_eq!(changed, Err(SubscribeError::Interrupted));
    record.expect(&["interrupted", "subscribed 1"]).await;
    left.expect(&["ended unsubscribed"]).await;
}

#[tokio::test(start_paused = true)]
async fn where_it_is_not_known_whether_a_subscription_stands_the_session_begins_anew() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (_standing, mut record) = subscribe(&client, &mut peer, 1).await;
    peer.message("t", 1, "before").await;
    let starting = tokio::spawn({
        let client = client.clone();
        async move { client.subscribe("u", |_: &Message| {}).await }
    });
    let asked = peer.frame().await;
    drop(peer);
    let (mut peer, _) = place.accept_as(resumed(&[])).await;
    assert_eq!(peer.frame().await.id(), asked.id(), "it is repeated");
    reject(&mut peer, asked.id(), ErrorCode::AnswerLost).await;
    peer.gone().await;
    let (mut peer, asked) = place.accept_as(session("s-2")).await;
    assert_eq!(asked.resume, None);
    begun(&mut peer, 1).await;
    begun(&mut peer, 2).await;
    peer.message("t", 4, "after").await;
    assert_eq!(starting.await.unwrap().unwrap().id(), 2);
    record.expect(&["t 1 before", "interrupted", "subscribed 1"]).await;
    record.expect(&["gap t 2 Interrupted", "t 4 after"]).await;
}

#[tokio::test(start_paused = true)]
async fn where_it_is_not_known_which_options_hold_the_session_begins_anew_with_the_new_ones() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (one, mut record) = subscribe(&client, &mut peer, 1).await;
    let changing = async { one.set_options(priority(7)).await };
    let losing = async {
        peer.frame().await;
        drop(peer);
        let (mut peer, _) = place.accept_as(resumed(&[])).await;
        let asked = peer.frame().await;
        reject(&mut peer, asked.id(), ErrorCode::AnswerLost).await;
        peer.gone().await;
        let (mut peer, _) = place.accept_as(session("s-2")).await;
        assert_eq!(peer.subscribed(5).await.options, Some(priority(7)));
        peer
    };
    let (changed, _peer) = tokio::join!(changing, losing);
    assert_eq!(changed, Err(SubscribeError::Interrupted));
    record.expect(&["interrupted", "subscribed 5"]).await;
}

#[tokio::test]
async fn whatever_is_said_against_an_end_it_is_one() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    for (number, code) in [(1, ErrorCode::UnknownSubscription), (2, ErrorCode::AnswerLost)] {
        let (one, mut record) = subscribe(&client, &mut peer, number).await;
        let refusing = async {
            let asked = peer.frame().await;
            reject(&mut peer, asked.id(), code).await;
        };
        tokio::join!(one.unsubscribe(), refusing);
        record.expect(&["ended unsubscribed"]).await;
        peer.message("t", number, "for nobody").await;
        peer.heard().await;
    }
}

#[tokio::test]
async fn who_leaves_while_it_moves_gets_what_comes_in_the_other_lane_until_then() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (one, mut record) = subscribe(&client, &mut peer, 1).await;
    {
        // The change is on its way, and nobody waits for it any more.
        let changing = std::pin::pin!(one.set_options(priority(7)));
        tokio::select! {
            biased;
            _ = changing => panic!("nothing is answered"),
            () = std::future::ready(()) => {}
        }
    }
    let answering = async {
        let moving = peer.frame().await.id();
        let leaving = peer.frame().await.id();
        peer.message("t", 1, "old lane").await;
        peer.say(&BrokerFrame::Moved(Moved { subscription: 1, lane: 1 })).await;
        peer.say(&BrokerFrame::Lane(LaneHeader { lane: 1, subscription: None })).await;
        let (subscription, lane) = (Some(1), Some(1));
        for id in [moving, leaving] {
            let accepted = Accepted { id, subscription, lane, ..Accepted::default() };
            peer.say(&BrokerFrame::Accepted(accepted)).await;
            peer.message("t", 2, "new lane").await;
        }
    };
    tokio::join!(one.unsubscribe(), answering);
    record.expect(&["t 1 old lane", "subscribed 1", "t 2 new lane", "ended unsubscribed"]).await;
}

impl Frame {
    /// The id of a command.
    fn id(&self) -> u64 {
        match self.read() {
            ClientFrame::Subscribe(subscribe) => subscribe.id,
            ClientFrame::Unsubscribe(unsubscribe) => unsubscribe.id,
            ClientFrame::Move(moving) => moving.id,
            ClientFrame::Update(update) => update.id,
            other => panic!("no such command: {other:?}"),
        }
    }
}
