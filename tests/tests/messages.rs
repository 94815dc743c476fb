//! What reaches subscribers: order, copies, beginnings and ends, large payloads.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::frame::{Body, BrokerFrame, ClientFrame, Content, Publish, Send, Subscribe};
use broker_protocol::{ErrorCode, frame};
use broker_tests::{Client, Transport};
use bytes::BytesMut;

broker_tests::over_every_transport!(
    messages_of_a_topic_come_in_order_and_count_from_1,
    both_codecs_see_the_same_messages,
    overlapping_filters_give_one_copy_and_other_lanes_their_own,
    a_subscription_begins_at_accepted_and_ends_before_the_accepted_of_unsubscribe,
    a_client_is_reached_by_name_and_a_missing_one_is_told,
    a_payload_at_the_limit_passes_and_one_byte_more_is_refused,
    one_packet_carries_thousands_of_frames,
);

async fn messages_of_a_topic_come_in_order_and_count_from_1(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut subscriber = Client::connect(&setting.place, Bincode, "subscriber").await;
    let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
    subscriber.subscribe("order.>").await;
    for count in 0_u32..200 {
        publisher.publish(["order.a", "order.b"][count as usize % 2], count.to_le_bytes()).await;
    }
    let mut epoch = None;
    for count in 0_u32..200 {
        let message = subscriber.message().await;
        assert_eq!(*message.body.payload, count.to_le_bytes(), "one publisher's order holds");
        assert_eq!(message.seq, u64::from(count / 2) + 1, "`seq` has no holes");
        assert_eq!(*epoch.get_or_insert(message.epoch), message.epoch);
        assert_eq!(message.from.as_deref(), Some("publisher"));
    }
}

async fn both_codecs_see_the_same_messages(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut plain = Client::connect(&setting.place, Json, "plain").await;
    let mut compact = Client::connect(&setting.place, Bincode, "compact").await;
    plain.subscribe("codec.>").await;
    compact.subscribe("codec.>").await;
    let bodies = [
        body(Content::Bytes, b"\x00\xff not text"),
        body(Content::Text, "a line\nand \"another\"".as_bytes()),
        body(Content::Json, br#"{"price": 1.10, "deep": [null]}"#),
        Body {
            key: Some("thing".into()),
            headers: vec![("trace".into(), "7".into())],
            ..body(Content::Text, b"with a key and a header")
        },
    ];
    for body in &bodies {
        plain.publish_as("codec.plain", body.clone()).await.unwrap();
        compact.publish_as("codec.compact", body.clone()).await.unwrap();
    }
    for body in bodies.iter().flat_map(|body| [body, body]) {
        let (one, other) = (plain.message().await, compact.message().await);
        assert_eq!(one, other);
        assert_eq!(one.body, *body);
    }
}

fn body(content: Content, payload: &'static [u8]) -> Body<'static> {
    Body { content, payload: payload.into(), ..Body::default() }
}

async fn overlapping_filters_give_one_copy_and_other_lanes_their_own(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut client = Client::connect(&setting.place, Bincode, "client").await;
    for filter in ["a.>", "a.*", "a.b"] {
        client.subscribe(filter).await;
    }
    let other = Subscribe { filter: "a.b".into(), lane: Some(3), ..Subscribe::default() };
    client.subscribe_as(other).await.unwrap();
    client.publish_acked("a.b", "one").await.unwrap();
    let mut lanes = Vec::new();
    for _ in 0..2 {
        let lane = client.wait_for("a copy", |heard| {
            matches!(heard.frame, BrokerFrame::Message(_)).then_some(heard.header.lane)
        });
        lanes.push(lane.await);
    }
    lanes.sort_unstable();
    assert_eq!(lanes, [0, 3]);
    client.expect_nothing_else("a.b.c").await;
}

async fn a_subscription_begins_at_accepted_and_ends_before_the_accepted_of_unsubscribe(
    over: Transport,
) {
    let setting = over.start().await.unwrap();
    let mut publisher = Client::connect(&setting.place, Json, "publisher").await;
    let mut subscriber = Client::connect(&setting.place, Json, "subscriber").await;
    publisher.publish_acked("life", "before").await.unwrap();
    let subscription = subscriber.subscribe("life").await;
    publisher.publish_acked("life", "during").await.unwrap();
    assert_eq!(subscriber.message().await.seq, 2, "what was before isn't delivered");
    publisher.publish_acked("life", "still").await.unwrap();
    subscriber.unsubscribe(subscription).await.unwrap();
    assert_eq!(subscriber.unasked().count(), 1, "the last message stands before `accepted`");
    assert_eq!(subscriber.message().await.seq, 3);
    publisher.publish_acked("life", "after").await.unwrap();
    subscriber.subscribe("other").await;
    subscriber.expect_nothing_else("other").await;
}

async fn a_client_is_reached_by_name_and_a_missing_one_is_told(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut alice = Client::connect(&setting.place, Bincode, "alice").await;
    let mut bob = Client::connect(&setting.place, Json, "bob").await;
    send(&mut alice, "bob", "hello").await.unwrap();
    let message = bob.message().await;
    assert_eq!((&*message.topic, message.from.as_deref()), ("$to.bob", Some("alice")));
    let missing = send(&mut alice, "carol", "hello").await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NoSuchClient);
    assert!(missing.message.contains("carol"), "it names who is missing: {}", missing.message);
}

async fn send(
    from: &mut Client,
    to: &str,
    text: &'static str,
) -> Result<frame::Accepted, frame::Rejected> {
    let id = from.next_id();
    let body = body(Content::Text, text.as_bytes());
    let send = Send { id: Some(id), to: to.into(), method: None, body, expires_in: None };
    from.ask(id, &ClientFrame::Send(send)).await
}

async fn a_payload_at_the_limit_passes_and_one_byte_more_is_refused(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let mut client = Client::connect(&setting.place, codec, "client").await;
        client.subscribe("large").await;
        let most = client.connected.limits.payload_bytes_max as usize;
        let payload: Vec<u8> = (0..=most).map(|place| place as u8).collect();
        client.publish_acked("large", &payload[..most]).await.unwrap();
        assert_eq!(*client.message().await.body.payload, payload[..most]);
        let refused = client.publish_acked("large", &payload).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::PayloadTooLarge);
        assert_eq!(refused.field.as_deref(), Some("payload"));
        client.expect_nothing_else("large").await;
    }
}

async fn one_packet_carries_thousands_of_frames(over: Transport) {
    const FRAMES: u64 = 3000;
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let mut client = Client::connect(&setting.place, codec, "client").await;
        client.subscribe(codec.name()).await;
        let mut packet = BytesMut::new();
        for count in 0..FRAMES {
            let payload = count.to_le_bytes();
            let publish = Publish::bytes(codec.name(), &payload);
            codec.write_client(&ClientFrame::Publish(publish), &mut packet);
        }
        client.send_bytes(&packet).await;
        for seq in 1..=FRAMES {
            assert_eq!(client.message().await.seq, seq);
        }
    }
}
