//! What is published where is visible to the operator.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use broker::Broker;
use broker_core::SequencerConfig;
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, LaneOptions, Outcome, Overflow, Request, Subscribe,
};
use broker_protocol::{Codec, ErrorCode};
use broker_tests::{Client, PATIENCE, Transport};
use serde_json::Value;
use tokio::time::Instant;

broker_tests::over_transport!(
    ws WebSocket:
    topics_of_all_shards_are_counted_in_one_answer,
    a_topic_that_waits_for_a_stalled_client_keeps_its_epoch,
);
broker_tests::over_transport!(
    quic Quic:
    topics_of_all_shards_are_counted_in_one_answer,
    a_topic_that_waits_for_a_stalled_client_keeps_its_epoch,
);

/// The broker's answer. Asked too often in a second it is busy, and asked again.
async fn ask(client: &mut Client, body: &'static str) -> Value {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask_once(client, body).await {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "always busy");
        client.publish_acked("clock", b"x").await.unwrap();
    }
}

async fn ask_once(client: &mut Client, body: &'static str) -> Option<Value> {
    let id = client.next_id();
    let body = Body { payload: body.as_bytes().into(), ..Body::default() };
    let request = Request { id, topic: "$broker.topics".into(), body, timeout: None };
    client.send(&ClientFrame::Request(request)).await;
    let answer = client.wait_for("the broker's answer", |heard| match &heard.frame {
        BrokerFrame::Reply(reply) if reply.id == id => Some(Some(reply.outcome.clone())),
        BrokerFrame::Rejected(refused) if refused.code == ErrorCode::Busy => Some(None),
        _ => None,
    });
    let Outcome::Answer(body) = answer.await? else { panic!("it is answered") };
    Some(serde_json::from_slice(&body.payload).unwrap())
}

async fn topics_of_all_shards_are_counted_in_one_answer(over: Transport) {
    let setting = over.start_with(Broker::builder().shards(3)).await.unwrap();
    let mut clients = Vec::new();
    for number in 0..6 {
        let name = format!("client.{number}");
        let mut client = Client::connect(&setting.place, Codec::Bincode, &name).await;
        let filter = if number == 0 { ">" } else { "wide" };
        let subscribe = Subscribe { filter: filter.into(), ..Subscribe::default() };
        client.subscribe_as(subscribe).await.unwrap();
        clients.push(client);
    }
    let mut operator = Client::connect(&setting.place, Codec::Json, "operator").await;
    for topic in ["wide", "narrow", "narrow", "wide", "narrow"] {
        operator.publish_acked(topic, b"x").await.unwrap();
    }
    let began = Instant::now();
    loop {
        // What was published may be on its way to a shard.
        let answer = ask(&mut operator, r#"{"sort":"deliveries"}"#).await;
        let of = |place: usize, member: &str| answer["list"][place][member].clone();
        if of(0, "deliveries") == 12 && of(1, "deliveries") == 3 {
            assert_eq!((of(0, "topic"), of(0, "published")), ("wide".into(), 2.into()));
            assert_eq!((of(0, "subscribers"), of(1, "subscribers")), (6.into(), 1.into()));
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{answer}");
    }
    drop(clients);
    setting.running.shutdown().await;
}

/// Much more than fits on any way to a client, in pieces of this size.
static PIECE: [u8; 64 << 10] = [7; 64 << 10];

async fn a_topic_that_waits_for_a_stalled_client_keeps_its_epoch(over: Transport) {
    let forget_after = Duration::from_millis(50);
    let topics = SequencerConfig { forget_after, ..SequencerConfig::default() };
    let setting = over.start_with(Broker::builder().shards(2).topics(topics)).await.unwrap();
    let mut slow = Client::connect(&setting.place, Codec::Bincode, "slow").await;
    let options = LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
    let subscribe = Subscribe {
        filter: "feed.*".into(),
        lane: Some(3),
        options: Some(options),
        ..Subscribe::default()
    };
    slow.subscribe_as(subscribe).await.unwrap();
    let mut operator = Client::connect(&setting.place, Codec::Json, "operator").await;
    for _ in 0..1000 {
        operator.publish_acked("feed.full", &PIECE).await.unwrap();
    }
    operator.publish_acked("feed.last", b"x").await.unwrap();
    operator.publish_acked("other", b"x").await.unwrap();
    let began = Instant::now();
    loop {
        // The waiting ones are looked at several times before the other one is gone.
        let answer = ask(&mut operator, r#"{"sort":"name"}"#).await;
        let list = answer["list"].as_array().unwrap();
        let names: Vec<_> = list.iter().map(|topic| topic["topic"].as_str().unwrap()).collect();
        let waits = ["feed.full", "feed.last"];
        assert!(waits.iter().all(|topic| names.contains(topic)), "{names:?}");
        let last = list.iter().find(|topic| topic["topic"] == "feed.last");
        let idle = last.and_then(|topic| topic["idle"].as_u64());
        if !names.contains(&"other") && idle > Some(500) {
            break;
        }
        operator.publish_acked("clock", b"x").await.unwrap();
        assert!(began.elapsed() < PATIENCE, "{answer}");
    }
    drop(slow);
    setting.running.shutdown().await;
}
