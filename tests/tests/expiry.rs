//! Messages that expire: who keeps up gets them, who is behind is told that they are gone.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::{Duration, Instant};

use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::frame::{Body, ClientFrame, GapReason, Keep, LaneOptions, Publish, Subscribe};
use broker_tests::{Client, Transport};
use bytes::BytesMut;

broker_tests::over_every_transport!(what_waits_too_long_is_told_as_expired_and_the_books_balance,);

/// More than the 64 KiB that may be on their way to begin with; each of a key of its own.
const MESSAGES: u64 = 3000;
const PAYLOAD_BYTES: usize = 200;
const EXPIRES_IN: Duration = Duration::from_secs(1);

async fn what_waits_too_long_is_told_as_expired_and_the_books_balance(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let base = codec.name();
        let mut stalled = Client::connect(&setting.place, codec, "stalled").await;
        let options = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
        let (filter, options) = (base.to_owned(), Some(options));
        let subscribe = Subscribe { filter, lane: Some(1), options, ..Subscribe::default() };
        stalled.subscribe_as(subscribe).await.unwrap();
        let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
        let mut neighbour = Client::connect(&setting.place, codec, "neighbour").await;
        neighbour.subscribe(base).await;
        let keeps_up = async {
            for _ in 0..MESSAGES {
                neighbour.message_or_gap().await.expect("who keeps up gets what expires");
            }
        };
        tokio::join!(publish(&mut publisher, base), keeps_up);
        let published = Instant::now();
        while published.elapsed() < EXPIRES_IN {
            publisher.publish_acked("meanwhile", "").await.unwrap();
        }
        check(&mut stalled, base).await;
    }
    let summary = setting.running.shutdown().await.shards;
    assert!(summary.expired > MESSAGES, "{} have expired", summary.expired);
    assert_eq!((summary.log_bytes, summary.survivors), (0, 0), "nothing is held any more");
}

/// Whether all is accounted for, and most of it has expired.
async fn check(stalled: &mut Client, topic: &str) {
    let (mut received, mut expired) = (0, 0);
    while received + expired < MESSAGES {
        match stalled.message_or_gap().await {
            Ok(_) => received += 1,
            Err(gap) => {
                assert_eq!(gap.reason, GapReason::Expired);
                assert_eq!(gap.topic.as_deref(), Some(topic));
                expired += gap.count;
            }
        }
    }
    assert_eq!(received + expired, MESSAGES);
    assert!(expired > MESSAGES / 2, "{expired} have expired");
}

/// Publishes everything, and waits until it is taken.
async fn publish(client: &mut Client, topic: &str) {
    let id = client.next_id();
    let mut packet = BytesMut::new();
    for number in 0..MESSAGES {
        let (key, payload) = (Some(number.to_string().into()), vec![0; PAYLOAD_BYTES].into());
        let publish = Publish {
            id: (number == MESSAGES - 1).then_some(id),
            topic: topic.into(),
            expires_in: Some(EXPIRES_IN.as_millis() as u64),
            body: Body { key, payload, ..Body::default() },
            ..Publish::default()
        };
        client.bare().codec().write_client(&ClientFrame::Publish(publish), &mut packet);
        if packet.len() > 16 << 10 {
            client.send_bytes(&packet.split()).await;
        }
    }
    client.send_bytes(&packet).await;
    client.answer_to(id).await.unwrap();
}
