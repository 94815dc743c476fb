//! A client whose session goes on over another connection.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Accepted, Body, BrokerFrame, ClientFrame, Gap, GapReason, LanePosition, Outcome, Reconnect,
    Rejected, Resume, RoutedReply, RoutedRequest, Shutdown,
};
use client_sdk::{
    ClosedReason, ConnectionState, Message, PublishError, Refusal, Request, RequestError,
};

use crate::peer::Peer;
use crate::place::{Place, resumed, session};
use crate::recorder::recorder;

fn asked_for(lanes: &[(u8, u64)]) -> Option<Resume> {
    let lanes = resumed(lanes).lanes;
    Some(Resume { session: "s-1".into(), secret: "x".into(), lanes })
}

/// Takes a `publish`. Returns its id and topic.
async fn publish(peer: &mut Peer) -> (u64, String) {
    let frame = peer.frame().await;
    let ClientFrame::Publish(publish) = frame.read() else {
        panic!("expected publish, got {:?}", frame.read());
    };
    (publish.id.unwrap_or_default(), publish.topic.to_string())
}

#[tokio::test]
async fn what_was_received_is_counted_and_nothing_is_subscribed_again() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (calls, mut record) = recorder();
    let (begun, _) = tokio::join!(client.subscribe("t", calls), peer.subscribed(7));
    let _subscription = begun.unwrap();
    for seq in 1..=3 {
        peer.message("t", seq, "x").await;
    }
    peer.heard().await;
    drop(peer);
    let (mut peer, asked) = place.accept_as(resumed(&[(0, 4)])).await;
    assert_eq!(asked.resume, asked_for(&[(0, 4)]));
    peer.message("t", 4, "x").await;
    // The next frame that it says is the answer to the ping: nothing was begun.
    peer.heard().await;
    record.expect(&["subscribed 7", "t 1 x", "t 2 x", "t 3 x", "t 4 x"]).await;
    let ConnectionState::Connected(session) = client.state() else { panic!("it is connected") };
    assert!(session.resumed);
    assert_eq!((client.statistics().sessions, client.statistics().resumed), (1, 1));
    drop(peer);
    let (_peer, asked) = place.accept_as(resumed(&[(0, 5)])).await;
    assert_eq!(asked.resume, asked_for(&[(0, 5)]));
}

#[tokio::test]
async fn where_a_lane_goes_on_later_its_gap_is_told_and_counted_from_there() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (calls, mut record) = recorder();
    let (begun, _) = tokio::join!(client.subscribe("t", calls), peer.subscribed(7));
    let _subscription = begun.unwrap();
    drop(peer);
    let (mut peer, _) = place.accept_as(resumed(&[(0, 20)])).await;
    let reason = GapReason::Dropped;
    let gap = Gap { topic: None, epoch: None, first_seq: None, last_seq: None, count: 19, reason };
    peer.say(&BrokerFrame::Gap(gap)).await;
    peer.message("t", 20, "x").await;
    peer.heard().await;
    record.expect(&["subscribed 7", "gap lane 19 Dropped", "t 20 x"]).await;
    drop(peer);
    let (_peer, asked) = place.accept_as(resumed(&[(0, 22)])).await;
    assert_eq!(asked.resume, asked_for(&[(0, 22)]));
}

#[tokio::test]
async fn commands_without_an_answer_are_repeated_under_their_ids_before_new_ones() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (one, two, three) = (client.clone(), client.clone(), client.clone());
    let first = tokio::spawn(async move { one.publish_acked("one", "1").await });
    let id = publish(&mut peer).await;
    assert_eq!(id.1, "one");
    let second = tokio::spawn(async move { two.publish_acked("two", "2").await });
    let other = publish(&mut peer).await;
    drop(peer);
    // The new connection comes twice before anything is answered, and one command comes between.
    let (peer, _) = place.accept_as(resumed(&[])).await;
    drop(peer);
    let third = tokio::spawn(async move { three.publish_acked("three", "3").await });
    let (mut peer, _) = place.accept_as(resumed(&[])).await;
    assert_eq!(publish(&mut peer).await, id);
    assert_eq!(publish(&mut peer).await, other);
    let last = publish(&mut peer).await;
    assert!(last.1 == "three" && last.0 > other.0, "{last:?}");
    for (id, _) in [id, other, last] {
        peer.accept_command(id, None).await;
    }
    for acknowledged in [first, second, third] {
        acknowledged.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn if_the_session_is_gone_everything_begins_anew_and_nobody_knows_what_was_under_way() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (calls, mut record) = recorder();
    let (begun, _) = tokio::join!(client.subscribe("t", calls), peer.subscribed(7));
    let _subscription = begun.unwrap();
    let publisher = client.clone();
    let lost = tokio::spawn(async move { publisher.publish_acked("one", "1").await });
    publish(&mut peer).await;
    drop(peer);
    let (mut peer, asked) = place.accept_as(session("s-2")).await;
    assert_eq!(asked.resume, asked_for(&[(0, 1)]));
    assert_eq!(lost.await.unwrap(), Err(PublishError::Disconnected));
    peer.subscribed(1).await;
    record.expect(&["subscribed 7", "interrupted", "subscribed 1"]).await;
    peer.heard().await;
    drop(peer);
    let (_peer, asked) = place.accept_as(resumed(&[])).await;
    let resume = asked.resume.unwrap();
    assert_eq!((&*resume.session, &*resume.secret), ("s-2", "x"));
    assert_eq!(resume.lanes, [LanePosition { lane: 0, frames: 1 }], "counted anew");
}

#[tokio::test]
async fn requests_on_their_way_live_on_both_ways() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (entered, mut entries) = tokio::sync::mpsc::channel::<()>(1);
    let (answer_now, answer) = tokio::sync::watch::channel(false);
    let provider = move |request: Request| {
        let (mut answer, entered) = (answer.clone(), entered.clone());
        async move {
            entered.send(()).await.unwrap();
            answer.wait_for(|now| *now).await.unwrap();
            Ok::<_, Refusal>(request.body)
        }
    };
    let serve = async {
        let frame = peer.frame().await;
        let ClientFrame::Serve(serve) = frame.read() else { panic!("expected serve") };
        peer.accept_command(serve.id, Some(3)).await;
    };
    let (serving, ()) = tokio::join!(client.provide("s", provider), serve);
    let _serving = serving.unwrap();
    let routed = RoutedRequest {
        token: "token".into(),
        topic: "s".into(),
        timeout: 60_000,
        ..RoutedRequest::default()
    };
    peer.say(&BrokerFrame::Request(routed)).await;
    entries.recv().await.unwrap();
    let asker = client.clone();
    let asked = tokio::spawn(async move { asker.request("q", "?").await });
    let frame = peer.frame().await;
    let ClientFrame::Request(request) = frame.read() else { panic!("expected request") };
    let id = request.id;
    drop(peer);
    answer_now.send(true).unwrap();
    let (mut peer, asked_for) = place.accept_as(resumed(&[(0, 2)])).await;
    assert_eq!(asked_for.resume.unwrap().lanes, [LanePosition { lane: 0, frames: 2 }]);
    let (mut repeated, mut replied) = (false, false);
    while !(repeated && replied) {
        match peer.frame().await.read() {
            ClientFrame::Request(request) => repeated |= request.id == id,
            ClientFrame::Reply(reply) => replied |= reply.to == "token",
            other => panic!("{other:?}"),
        }
    }
    let outcome = Outcome::Answer(Body { payload: b"!".as_slice().into(), ..Body::default() });
    peer.say(&BrokerFrame::Reply(RoutedReply { id, from: None, outcome })).await;
    assert_eq!(asked.await.unwrap().unwrap().body.payload, "!");
}

#[tokio::test]
async fn an_answer_that_is_no_longer_kept_leaves_the_outcome_open() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let asker = client.clone();
    let asked = tokio::spawn(async move { asker.request("q", "?").await });
    let frame = peer.frame().await;
    let ClientFrame::Request(request) = frame.read() else { panic!("expected request") };
    let id = request.id;
    drop(peer);
    let (mut peer, _) = place.accept_as(resumed(&[])).await;
    let (code, message) = (ErrorCode::AnswerLost, "no longer kept".to_owned());
    peer.say(&BrokerFrame::Rejected(Rejected { id, code, message, field: None })).await;
    assert_eq!(asked.await.unwrap(), Err(RequestError::Disconnected));
}

#[tokio::test]
async fn what_is_begun_and_left_without_a_connection_is_said_when_there_is_one() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (begun, _) = tokio::join!(client.subscribe("t", |_: &Message| {}), peer.subscribed(7));
    let subscription = begun.unwrap();
    drop(peer);
    let mut states = 0;
    while matches!(client.state(), ConnectionState::Connected(_)) {
        states += 1;
        tokio::task::yield_now().await;
        assert!(states < 100_000, "the loss is noticed");
    }
    let leaving = tokio::spawn(subscription.unsubscribe());
    let starting = tokio::spawn({
        let client = client.clone();
        async move { client.subscribe("u", |_: &Message| {}).await }
    });
    let (mut peer, _) = place.accept_as(resumed(&[(0, 1)])).await;
    let (mut left, mut begun) = (false, false);
    while !(left && begun) {
        match peer.frame().await.read() {
            ClientFrame::Unsubscribe(unsubscribe) => {
                assert_eq!(unsubscribe.subscription, 7);
                peer.accept_command(unsubscribe.id, Some(7)).await;
                left = true;
            }
            ClientFrame::Subscribe(subscribe) => {
                assert_eq!(subscribe.filter, "u");
                let (id, subscription, lane) = (subscribe.id, Some(8), Some(0));
                let accepted = Accepted { id, subscription, lane, ..Accepted::default() };
                peer.say(&BrokerFrame::Accepted(accepted)).await;
                begun = true;
            }
            other => panic!("{other:?}"),
        }
    }
    leaving.await.unwrap();
    let _subscription = starting.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_is_taken_over_is_closed_and_told_why() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect_to_stay().await;
    let (code, reason) = (ErrorCode::TakenOver, "another connection goes on".to_owned());
    let reconnect = Reconnect::Never;
    peer.say(&BrokerFrame::Disconnect(Shutdown { code, reason, reconnect })).await;
    let ClosedReason::Refused { code, .. } = client.closed().await else { panic!("refused") };
    assert_eq!(code, ErrorCode::TakenOver);
}
