//! Subscribers that don't read: what it costs them, and that it costs nobody else anything.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, GapReason, LaneOptions, Overflow, Reconnect, Subscribe};
use broker_tests::{Client, Place, Transport};
use transport_api::{Channel, Lanes};
use transport_memory::{Config, Direction, Stall};

broker_tests::over_every_transport!(
    gaps_are_exact_after_a_stall,
    a_slow_consumer_is_told_to_return_and_its_neighbours_notice_nothing,
);

/// Large enough that a few hundred fill every buffer between the broker and who doesn't read.
static PAYLOAD: [u8; 64 << 10] = [7; 64 << 10];

/// More messages than the sockets and the lane hold.
const MESSAGES: u64 = 300;

async fn gaps_are_exact_after_a_stall(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let topic = codec.name();
        let mut stalled = Client::connect(&setting.place, codec, "stalled").await;
        let options = LaneOptions {
            overflow: Some(Overflow::DropOldest),
            bound_messages: Some(5),
            ..LaneOptions::default()
        };
        let options = Some(options);
        let subscribe = Subscribe { filter: topic.into(), options, ..Subscribe::default() };
        stalled.subscribe_as(subscribe).await.unwrap();
        let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
        for _ in 0..MESSAGES {
            publisher.publish_acked(topic, &PAYLOAD).await.unwrap();
        }
        balance(&mut stalled).await;
    }
}

/// Where lanes have channels of their own, one that stands still holds up no other.
#[tokio::test]
async fn a_lane_that_stands_still_holds_up_no_other() {
    let setting = Transport::Memory.start().await.unwrap();
    let network = setting.place.network.as_ref().unwrap();
    network.set_config(Config { lanes: Lanes::Separate, ..Config::default() });
    let mut client = Client::connect(&setting.place, Bincode, "client").await;
    let options = LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
    let still = Subscribe { filter: "still".into(), lane: Some(1), ..Subscribe::default() };
    client.subscribe_as(Subscribe { options: Some(options), ..still }).await.unwrap();
    client.subscribe("moving").await;
    network.links()[0].change(Direction::ToClient, |to_client| {
        to_client.stall = Stall::Channel(Channel::Lane(1));
    });
    let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
    for seq in 1..=30 {
        publisher.publish_acked("still", &PAYLOAD).await.unwrap();
        publisher.publish_acked("moving", "").await.unwrap();
        assert_eq!(client.message().await.seq, seq, "of the lane that moves");
    }
    network.links()[0].thaw();
    let mut missing = 30;
    while missing > 0 {
        missing -= client.message_or_gap().await.map_or_else(|gap| gap.count, |_| 1);
    }
}

/// Reads up to the newest message and checks the books.
async fn balance(stalled: &mut Client) {
    let (mut newest, mut dropped) = (0, 0);
    while newest < MESSAGES {
        match stalled.message_or_gap().await {
            Ok(message) => {
                assert_eq!(message.seq, newest + 1, "what is missing was told");
                newest = message.seq;
            }
            Err(gap) => {
                assert_eq!(gap.reason, GapReason::Dropped);
                assert_eq!(gap.first_seq, Some(newest + 1));
                newest = gap.last_seq.unwrap();
                assert_eq!(gap.count, newest + 1 - gap.first_seq.unwrap());
                dropped += gap.count;
            }
        }
    }
    assert!(dropped > 0, "the stall was real");
}

async fn a_slow_consumer_is_told_to_return_and_its_neighbours_notice_nothing(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let mut slow = Client::connect(&setting.place, codec, "slow").await;
        slow.subscribe("flood").await;
        publish_until_it_leaves(&setting.place, "flood").await;
        let word = slow.disconnect().await;
        assert_eq!(word.code, ErrorCode::SlowConsumer);
        assert!(matches!(word.reconnect, Reconnect::Later(1..)), "{:?}", word.reconnect);
        slow.end().await;
    }
}

/// Publishes beside a neighbour that reads everything, until that hears that `slow` has left.
async fn publish_until_it_leaves(place: &Place, topic: &str) {
    let mut publisher = Client::connect(place, Bincode, "publisher").await;
    let mut neighbour = Client::connect(place, Bincode, "neighbour").await;
    let watch = Subscribe { filter: topic.into(), presence: true, ..Subscribe::default() };
    neighbour.subscribe_as(watch).await.unwrap();
    let mut last = None;
    for _ in 0..MESSAGES {
        publisher.publish_acked(topic, &PAYLOAD).await.unwrap();
        let seq = neighbour.message().await.seq;
        assert!(last.replace(seq).is_none_or(|last| seq == last + 1), "nothing is missing");
        let left = |heard: &broker_tests::Heard| match &heard.frame {
            BrokerFrame::Presence(presence) => presence.left.contains(&"slow".to_owned()),
            _ => false,
        };
        if neighbour.unasked().any(left) {
            return;
        }
    }
    panic!("the slow consumer was never disconnected");
}
