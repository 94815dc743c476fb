//! Limits: what is just below passes, what is just above is refused with its code.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use broker::{Broker, Limits, Liveness, SequencerConfig, ShardConfig};
use broker_protocol::Codec::{self, Bincode, Json};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Headers, Publish, Reconnect, Request, Serve, Subscribe,
};
use broker_tests::{Client, PATIENCE, Setting, Transport};
use bytes::{BufMut, BytesMut};
use tokio::time::Instant;

broker_tests::over_every_transport!(
    names_keys_and_headers_have_limits,
    frames_have_a_limit,
    topics_have_a_limit,
    subscriptions_of_a_session_have_a_limit,
    open_requests_of_a_session_have_a_limit,
    connections_have_a_limit_and_a_place_is_free_again,
    who_says_nothing_is_let_go,
    who_asks_much_and_reads_nothing_is_let_go,
);

async fn start(over: Transport, limits: Limits) -> Setting {
    let config = ShardConfig { limits, ..ShardConfig::default() };
    over.start_with(Broker::builder().config(config)).await.unwrap()
}

async fn names_keys_and_headers_have_limits(over: Transport) {
    let setting = over.start().await.unwrap();
    Client::connect(&setting.place, Bincode, &"n".repeat(64)).await;
    let mut refused = Client::knock(&setting.place, Bincode, Some("n".repeat(65))).await;
    let word = refused.disconnect().await;
    assert_eq!((word.code, word.reconnect), (ErrorCode::InvalidField, Reconnect::Never));

    let mut client = Client::connect(&setting.place, Json, "client").await;
    let with_key = |bytes| Body { key: Some("k".repeat(bytes).into()), ..Body::default() };
    let with_headers = |headers| Body { headers, ..Body::default() };
    let many = |count| -> Headers<'static> {
        (0..count).map(|number| (number.to_string().into(), "".into())).collect()
    };
    let long =
        |bytes: usize| -> Headers<'static> { vec![("n".into(), "v".repeat(bytes - 1).into())] };
    let pairs = [
        (with_key(255), with_key(256), "key"),
        (with_headers(many(32)), with_headers(many(33)), "headers"),
        (with_headers(long(8192)), with_headers(long(8193)), "headers"),
    ];
    for (passes, refused, field) in pairs {
        client.publish_as("topic", passes).await.unwrap();
        let refused = client.publish_as("topic", refused).await.unwrap_err();
        assert_eq!(
            (refused.code, refused.field.as_deref()),
            (ErrorCode::InvalidField, Some(field))
        );
    }
}

async fn frames_have_a_limit(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let mut client = Client::connect(&setting.place, codec, "client").await;
        let most = client.connected.limits.frame_bytes_max as usize;
        client.subscribe("padded").await;
        client.send_bytes(&padded(codec, most)).await;
        assert_eq!(*client.message().await.body.payload, *b"x");
        // The link may end while the rest is still being sent.
        let _ = client.bare().send_bytes(&padded(codec, most + 1)).await;
        assert_eq!(client.disconnect().await.code, ErrorCode::FrameTooLarge);
        client.end().await;
    }
}

/// A publish whose frame has so many bytes, by what a later version might add to it.
fn padded(codec: Codec, frame_bytes: usize) -> BytesMut {
    let mut frame = BytesMut::new();
    codec.write_client(&ClientFrame::Publish(Publish::bytes("padded", b"x")), &mut frame);
    match codec {
        Json => {
            frame.truncate(frame.len() - 1);
            frame.resize(frame_bytes, b' ');
            frame.put_u8(b'\n');
            frame
        }
        Bincode => {
            let mut padded = BytesMut::new();
            padded.put_u8(0xfc);
            padded.put_u32_le(frame_bytes as u32);
            padded.put_slice(&frame[1..]);
            padded.resize(5 + frame_bytes, 0);
            padded
        }
    }
}

async fn topics_have_a_limit(over: Transport) {
    let topics = SequencerConfig { topics_max: 2, ..SequencerConfig::default() };
    let setting = over.start_with(Broker::builder().topics(topics)).await.unwrap();
    let mut client = Client::connect(&setting.place, Bincode, "client").await;
    client.publish_acked("one", "").await.unwrap();
    client.publish_acked("two", "").await.unwrap();
    let refused = client.publish_acked("three", "").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooManyTopics);
    client.publish("three", "").await;
    assert_eq!(client.answer_to(0).await.unwrap_err().code, ErrorCode::TooManyTopics);
    client.publish_acked("two", "").await.unwrap();
}

async fn subscriptions_of_a_session_have_a_limit(over: Transport) {
    let setting = start(over, Limits { subscriptions_max: 2, ..Limits::default() }).await;
    let mut client = Client::connect(&setting.place, Json, "client").await;
    assert_eq!(client.connected.limits.subscriptions_max, 2);
    let one = client.subscribe("one").await;
    let id = client.next_id();
    let serve = Serve { id, filter: "two".into(), lane: None };
    client.ask(id, &ClientFrame::Serve(serve)).await.unwrap();
    let three = Subscribe { filter: "three".into(), ..Subscribe::default() };
    let refused = client.subscribe_as(three.clone()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooManySubscriptions);
    client.unsubscribe(one).await.unwrap();
    client.subscribe_as(three).await.unwrap();
}

async fn open_requests_of_a_session_have_a_limit(over: Transport) {
    let setting = start(over, Limits { commands_open_max: 2, ..Limits::default() }).await;
    let mut client = Client::connect(&setting.place, Json, "client").await;
    let id = client.next_id();
    let serve = Serve { id, filter: "never".into(), lane: None };
    client.ask(id, &ClientFrame::Serve(serve)).await.unwrap();
    for _ in 0..3 {
        let id = client.next_id();
        let request = Request { id, topic: "never".into(), ..Request::default() };
        client.send(&ClientFrame::Request(request)).await;
    }
    let id = client.next_id() - 1;
    assert_eq!(client.answer_to(id).await.unwrap_err().code, ErrorCode::TooManyCommands);
}

async fn connections_have_a_limit_and_a_place_is_free_again(over: Transport) {
    let setting = over.start_with(Broker::builder().connections_max(2)).await.unwrap();
    let mut first = Client::connect(&setting.place, Bincode, "first").await;
    let second = Client::connect(&setting.place, Json, "second").await;
    let mut refused = Client::knock(&setting.place, Json, None).await;
    let word = refused.disconnect().await;
    assert_eq!(word.code, ErrorCode::TooManyConnections);
    assert!(matches!(word.reconnect, Reconnect::Later(_)));
    refused.end().await;
    first.subscribe("goes.on").await;
    first.expect_nothing_else("goes.on").await;
    drop((second, refused));
    let deadline = Instant::now() + PATIENCE;
    while !Client::is_let_in(&setting.place).await {
        assert!(Instant::now() < deadline, "the place was never free again");
    }
}

async fn who_says_nothing_is_let_go(over: Transport) {
    let handshake_timeout = Duration::from_millis(100);
    let liveness = Liveness { handshake_timeout, ..Liveness::default() };
    let config = ShardConfig { liveness, ..ShardConfig::default() };
    let setting = over.start_with(Broker::builder().config(config)).await.unwrap();
    let mut silent = Client::open(&setting.place, Json).await;
    assert_eq!(silent.disconnect().await.code, ErrorCode::HandshakeTimeout);
    silent.end().await;
}

async fn who_asks_much_and_reads_nothing_is_let_go(over: Transport) {
    /// More than all buffers between the broker and who doesn't read hold of answers.
    const PACKETS: usize = 1000;
    let setting = start(over, Limits { control_bytes_max: 64 << 10, ..Limits::default() }).await;
    let mut greedy = Client::connect(&setting.place, Bincode, "greedy").await;
    let mut neighbour = Client::connect(&setting.place, Bincode, "neighbour").await;
    greedy.subscribe("room").await;
    let watch = Subscribe { filter: "room".into(), presence: true, ..Subscribe::default() };
    neighbour.subscribe_as(watch).await.unwrap();
    let left = |heard: &broker_tests::Heard| match &heard.frame {
        BrokerFrame::Presence(presence) => presence.left.contains(&"greedy".to_owned()),
        _ => false,
    };
    for _ in 0..PACKETS {
        let packet = many_requests(&mut greedy);
        // It may be over by now.
        let _ = greedy.bare().send_bytes(&packet).await;
        neighbour.publish_acked("other", "").await.unwrap();
        if neighbour.unasked().any(left) {
            assert_eq!(greedy.disconnect().await.code, ErrorCode::ControlOverrun);
            return;
        }
    }
    panic!("answers without bound wait for who doesn't read");
}

/// Requests that nobody answers, so that each is refused with a sentence that names its topic.
fn many_requests(client: &mut Client) -> BytesMut {
    let (codec, topic) = (client.bare().codec(), "t".repeat(255));
    let mut packet = BytesMut::new();
    for _ in 0..100 {
        let id = client.next_id();
        let request = Request { id, topic: (&*topic).into(), ..Request::default() };
        codec.write_client(&ClientFrame::Request(request), &mut packet);
    }
    packet
}
