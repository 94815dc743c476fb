//! Who is behind is visible to the operator, by name.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use broker::Broker;
use broker_protocol::Codec;
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Content, LaneOptions, Outcome, Overflow, Request, Subscribe,
};
use broker_tests::{Client, PATIENCE, Transport};
use serde_json::Value;
use tokio::time::Instant;

broker_tests::over_transport!(ws WebSocket: a_client_that_stalls_is_told_by_name_with_what_waits);
broker_tests::over_transport!(quic Quic: a_client_that_stalls_is_told_by_name_with_what_waits);
broker_tests::over_transport!(unix Unix: the_sessions_of_all_shards_are_in_one_answer);

/// Much more than fits on any way to a client, in pieces of this size.
static PIECE: [u8; 64 << 10] = [7; 64 << 10];

async fn ask(client: &mut Client, topic: &'static str, body: &'static str) -> Value {
    let id = client.next_id();
    let body = Body { payload: body.as_bytes().into(), ..Body::default() };
    let request = Request { id, topic: topic.into(), body, timeout: None };
    client.send(&ClientFrame::Request(request)).await;
    let reply = client.wait_for("the broker's answer", |heard| match &heard.frame {
        BrokerFrame::Reply(reply) if reply.id == id => Some(reply.clone()),
        _ => None,
    });
    let Outcome::Answer(body) = reply.await.outcome else { panic!("it isn't refused") };
    assert_eq!(body.content, Content::Json);
    serde_json::from_slice(&body.payload).unwrap()
}

async fn a_client_that_stalls_is_told_by_name_with_what_waits(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut slow = Client::connect(&setting.place, Codec::Bincode, "slow.bob").await;
    let options = LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
    let (lane, options) = (Some(3), Some(options));
    let subscribe = Subscribe { filter: "feed".into(), lane, options, ..Subscribe::default() };
    slow.subscribe_as(subscribe).await.unwrap();
    let mut operator = Client::connect(&setting.place, Codec::Json, "operator").await;
    let began = Instant::now();
    let waits = loop {
        assert!(began.elapsed() < PATIENCE, "nothing waits");
        for _ in 0..100 {
            operator.publish_acked("feed", &PIECE).await.unwrap();
        }
        let answer = ask(&mut operator, "$broker.sessions", "").await;
        if answer["behind"] == 1 && answer["list"][0]["dropped"].as_u64() > Some(0) {
            break answer;
        }
    };
    let session = &waits["list"][0];
    assert_eq!((&session["name"], &session["transport"]), (&"slow.bob".into(), &over_name(over)));
    assert_eq!(session["codec"], "bincode");
    let peer = session["peer"].as_str().unwrap();
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    let lanes = session["lanes"].as_array().unwrap();
    let lane = lanes.iter().find(|lane| lane["lane"] == 3).unwrap();
    assert!(lane["messages"].as_u64() > Some(0) && lane["bytes"].as_u64() > Some(0), "{lane}");
    assert_eq!(lane["options"]["overflow"], "drop-oldest");
    let published = ask(&mut operator, "$broker.stats", "").await["published"].as_u64().unwrap();
    let sum: u64 =
        ["received", "dropped", "messages"].map(|of| lane[of].as_u64().unwrap()).iter().sum();
    assert_eq!(sum, published, "every message is accounted for: {lane}");
    drop(slow);
    setting.running.shutdown().await;
}

fn over_name(over: Transport) -> Value {
    match over {
        Transport::WebSocket => "ws".into(),
        _ => over.name().into(),
    }
}

async fn the_sessions_of_all_shards_are_in_one_answer(over: Transport) {
    let setting = over.start_with(Broker::builder().shards(3)).await.unwrap();
    let mut clients = Vec::new();
    for number in 0..9 {
        let name = format!("client.{number}");
        clients.push(Client::connect(&setting.place, Codec::Bincode, &name).await);
    }
    assert!(setting.running.connections().iter().all(|count| *count == 3));
    let question = r#"{"sort":"name","limit":5}"#;
    let answer = ask(&mut clients[4], "$broker.sessions", question).await;
    let list = answer["list"].as_array().unwrap();
    let names: Vec<_> = list.iter().map(|session| session["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["client.0", "client.1", "client.2", "client.3", "client.4"]);
    assert_eq!((&answer["sessions"], &answer["matching"]), (&9.into(), &9.into()));
    drop(clients);
    setting.running.shutdown().await;
}
