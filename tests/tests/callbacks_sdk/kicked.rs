//! Sessions that the broker ends, and one that goes on elsewhere: the other end is told what it was.

use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Connect, Content, Offer, OfferedMethod, Request, Resume,
};
use broker_protocol::{Codec, ErrorCode};
use broker_tests::{Client as Bare, Setting, Transport};
use client_sdk::interface::{Callback, ReleaseReason};
use client_sdk::{Client, ConnectionState, Reconnect};
use tokio::sync::mpsc;

use crate::listener::{Ear, HEARD_MAX, connect, hand, offer, open, within};

broker_tests::over_every_transport!(
    an_owner_that_is_too_slow_is_kicked,
    a_service_that_is_too_slow_is_kicked,
    an_owner_that_breaks_the_protocol_is_kicked,
    an_owner_that_is_taken_over_keeps_its_callbacks,
);

/// More than may be on its way to one client and wait for it, in messages that it doesn't look at.
const FLOOD: usize = 512;
const FLOOD_BYTES: usize = 16 * 1024;

/// A client whose session ends with its connection.
async fn brittle(setting: &Setting, name: &str) -> Client {
    let builder = Client::builder(&setting.place.url).name(name).reconnect(Reconnect::OFF);
    let builder = builder.with_connector(setting.place.connector());
    within(builder.connect()).await.unwrap()
}

/// Has a client be too slow for the broker.
async fn overrun(setting: &Setting, slow: &Client) {
    let publisher = connect(&setting.place, "publisher").await;
    let events = within(slow.stream("flood")).await.unwrap();
    for _ in 0..FLOOD {
        within(publisher.publish_acked("flood", vec![0; FLOOD_BYTES])).await.unwrap();
    }
    let ended = slow.clone();
    within(async {
        while !matches!(ended.state(), ConnectionState::Closed(_)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(events);
}

/// Each time that the end of a callback is told.
fn ends_of(callback: &Callback<dyn Ear>) -> mpsc::Receiver<ReleaseReason> {
    let (tell, told) = mpsc::channel(HEARD_MAX);
    callback.on_released(move |reason| _ = tell.try_send(reason));
    told
}

async fn an_owner_that_is_too_slow_is_kicked(over: Transport) {
    let setting = over.start().await.unwrap();
    let service = connect(&setting.place, "service").await;
    let owner = brittle(&setting, "owner").await;
    let (offered, _calls) = offer(&owner).await;
    let callback = hand(offered.callback(), &owner, &service).await;
    let mut told = ends_of(&callback);
    overrun(&setting, &owner).await;
    assert_eq!(within(told.recv()).await, Some(ReleaseReason::Kicked));
    assert_eq!(within(told.recv()).await, None, "it is told once");
    assert_eq!(within(offered.released()).await, ReleaseReason::Lost);
}

async fn a_service_that_is_too_slow_is_kicked(over: Transport) {
    let setting = over.start().await.unwrap();
    let service = brittle(&setting, "service").await;
    let owner = connect(&setting.place, "owner").await;
    let (offered, _calls) = offer(&owner).await;
    let callback = hand(offered.callback(), &owner, &service).await;
    overrun(&setting, &service).await;
    assert_eq!(within(offered.released()).await, ReleaseReason::Kicked);
    assert_eq!(within(callback.released()).await, ReleaseReason::Lost);
}

/// A client by hand that hands a callback of its own to the service.
async fn hands_over(setting: &Setting, service: &Client) -> (Bare, Callback<dyn Ear>) {
    let (_serving, mut guests) = open(service, "door").await;
    let connect = Connect { version: 1, ..Connect::default() };
    let mut bare = Bare::connect_as(&setting.place, Codec::Json, connect).await;
    let id = bare.next_id();
    let method = |method: &str| OfferedMethod { method: method.into(), lane: 0, options: None };
    let methods = vec![method("said"), method("confirm")];
    let offer = ClientFrame::Offer(Offer { id, interface: "Ear".into(), methods });
    let token = bare.ask(id, &offer).await.unwrap().callback.unwrap();
    let payload = format!(r#"{{"guest":{{"name":"bare","ear":"{token}","others":[]}}}}"#);
    let payload = payload.into_bytes().into();
    let body = Body { content: Content::Json, payload, ..Body::default() };
    let (id, topic) = (bare.next_id(), "door.enter".into());
    bare.send(&ClientFrame::Request(Request { id, topic, body, timeout: None })).await;
    // From then on it is held.
    let answered = bare.wait_for("an answer", |heard| match &heard.frame {
        BrokerFrame::Reply(reply) => Some(reply.id == id),
        _ => None,
    });
    assert!(answered.await);
    (bare, within(guests.recv()).await.unwrap().ear.unwrap())
}

async fn an_owner_that_breaks_the_protocol_is_kicked(over: Transport) {
    let setting = over.start().await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (mut bare, callback) = hands_over(&setting, &service).await;
    let mut told = ends_of(&callback);
    bare.send_bytes(b"this is no frame\n").await;
    assert_eq!(bare.disconnect().await.code, ErrorCode::Malformed);
    assert_eq!(within(told.recv()).await, Some(ReleaseReason::Kicked));
    assert_eq!(within(told.recv()).await, None, "it is told once");
}

async fn an_owner_that_is_taken_over_keeps_its_callbacks(over: Transport) {
    let setting = over.start().await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (mut bare, callback) = hands_over(&setting, &service).await;
    let (session, secret) = (bare.connected.session.clone(), bare.connected.secret.clone());
    let resume = Some(Resume { session, secret, lanes: Vec::new() });
    let connect = Connect { version: 1, resume, ..Connect::default() };
    let mut next = Bare::connect_as(&setting.place, Codec::Bincode, connect).await;
    assert!(next.connected.resumed);
    assert_eq!(bare.disconnect().await.code, ErrorCode::TakenOver);
    callback.said(7).ok().unwrap();
    let said = next.wait_for("a call", |heard| match &heard.frame {
        BrokerFrame::Message(message) => Some(message.topic.ends_with(".said")),
        _ => None,
    });
    assert!(said.await);
    assert_eq!(callback.is_released(), None);
}
