//! Publishing and sending.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, ClientFrame, Rejected};
use client_sdk::{Body, Content, PublishError};
use futures_util::FutureExt;
use tokio::sync::mpsc;
use transport_memory::{Direction, Stall};

use crate::place::Place;

#[tokio::test]
async fn a_published_message_goes_out_as_it_was_given() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let body = Body::json("{}").key("k").header("a", "b");
    client.publication("t.u", body).retain().publish().await.unwrap();
    let frame = peer.frame().await;
    let ClientFrame::Publish(publish) = frame.read() else { panic!("{:?}", frame.read()) };
    assert_eq!((&*publish.topic, publish.id, publish.retain), ("t.u", None, true));
    assert_eq!(publish.body.content, Content::Json);
    assert_eq!(publish.body.key.as_deref(), Some("k"));
    assert_eq!(publish.body.headers, [("a".into(), "b".into())]);
    assert_eq!(&*publish.body.payload, b"{}");
}

#[tokio::test]
async fn messages_of_one_task_go_out_in_order() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    for number in 0..1000 {
        client.publish("t", number.to_string()).await.unwrap();
    }
    for number in 0..1000 {
        let frame = peer.frame().await;
        let ClientFrame::Publish(publish) = frame.read() else { panic!("{:?}", frame.read()) };
        assert_eq!(&*publish.body.payload, number.to_string().as_bytes());
    }
}

#[tokio::test]
async fn an_acknowledged_publish_is_done_when_the_broker_accepts_it() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let broker = async {
        let frame = peer.frame().await;
        let ClientFrame::Publish(publish) = frame.read() else { panic!("{:?}", frame.read()) };
        peer.accept_command(publish.id.unwrap(), None).await;
    };
    let (published, ()) = tokio::join!(client.publish_acked("t", "x"), broker);
    assert_eq!(published, Ok(()));
}

#[tokio::test]
async fn a_refusal_names_its_code() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let broker = async {
        let frame = peer.frame().await;
        let ClientFrame::Send(send) = frame.read() else { panic!("{:?}", frame.read()) };
        let (id, code) = (send.id.unwrap(), ErrorCode::NoSuchClient);
        let rejected = Rejected { id, code, message: "no bob".into(), field: None };
        peer.say(&BrokerFrame::Rejected(rejected)).await;
    };
    let (sent, ()) = tokio::join!(client.send("bob", "x"), broker);
    assert_eq!(sent, Err(PublishError::NoSuchClient { message: "no bob".into() }));
}

#[tokio::test]
async fn a_refused_publish_without_acknowledgement_is_told_to_the_callback() {
    let mut place = Place::new();
    let (told, mut refusals) = mpsc::channel(1);
    let builder = place.builder().on_refused(move |refused| told.try_send(refused).unwrap());
    let (_client, mut peer) = place.connect_with(builder).await;
    let code = ErrorCode::TooManyTopics;
    let rejected = Rejected { id: 0, code, message: "full".into(), field: None };
    peer.say(&BrokerFrame::Rejected(rejected)).await;
    assert_eq!(refusals.recv().await.unwrap().code, code);
}

#[tokio::test]
async fn topics_and_payloads_that_would_be_refused_are_refused_here() {
    let mut place = Place::new();
    let (client, _peer) = place.connect().await;
    for topic in ["", "a..b", "a.*", "$sys.x"] {
        let refused = client.try_publish(topic, "x").unwrap_err();
        assert!(matches!(refused, PublishError::InvalidTopic { .. }), "{topic}: {refused}");
    }
    assert_eq!(client.try_publish("t", vec![0; 1024]), Ok(()));
    let refused = client.try_publish("t", vec![0; 1025]);
    assert_eq!(refused, Err(PublishError::TooLarge { bytes: 1025, limit: 1024 }));
}

#[tokio::test]
async fn a_full_queue_makes_publish_wait_and_try_publish_refuse() {
    let mut place = Place::new();
    let builder = place.builder().outgoing_bytes_max(1000);
    let (client, mut peer) = place.connect_with(builder).await;
    let link = place.network.links().remove(0);
    link.change(Direction::ToServer, |conditions| conditions.stall = Stall::Everything);
    let mut published = 0;
    while client.try_publish("t", vec![0; 500]).is_ok() {
        published += 1;
        tokio::task::yield_now().await;
    }
    let refused = client.try_publish("t", vec![0; 500]);
    assert_eq!(refused, Err(PublishError::Full { bytes_max: 1000 }));
    assert!(client.statistics().outgoing_full >= 2);
    let mut waiting = Box::pin(client.publish("t", vec![1; 500]));
    assert!(waiting.as_mut().now_or_never().is_none());

    link.change(Direction::ToServer, |conditions| conditions.stall = Stall::Nothing);
    let (done, ()) = tokio::join!(waiting, async {
        for _ in 0..=published {
            peer.frame().await;
        }
    });
    assert_eq!(done, Ok(()));
}
