//! Lanes with a minimum interval.

use std::time::Duration;

use broker_core::{Config, Deadline, SequencerConfig};
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, GapReason, Keep, LaneOptions, Overflow, Publish, Unsubscribe, Update,
};
use broker_protocol::{Codec, ErrorCode};

use crate::stage::{Stage, in_lane};

const INTERVAL: Duration = Duration::from_millis(100);
const MOMENT: Duration = Duration::from_millis(1);

fn options(keep: Keep, interval: u64) -> LaneOptions {
    LaneOptions { keep: Some(keep), min_interval: Some(interval), ..LaneOptions::default() }
}

/// A publisher, and a subscriber of everything in lane 1.
fn scene(codec: Codec, separate_lanes: bool) -> (Stage, u32, u32) {
    let mut stage = Stage::with(Config::default(), SequencerConfig::default(), codec);
    stage.separate_lanes = separate_lanes;
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane(">", 1, options(Keep::Latest(1), 100)));
    stage.frames(bob);
    (stage, ann, bob)
}

/// The topics and `seq`s that a client got, and how many messages were told to be conflated.
fn got(stage: &mut Stage, slot: u32) -> (Vec<(String, u64)>, u64) {
    let (mut messages, mut conflated) = (Vec::new(), 0);
    for frame in stage.frames(slot) {
        match frame {
            BrokerFrame::Message(message) => {
                messages.push((message.topic.into_owned(), message.seq));
            }
            BrokerFrame::Gap(gap) => {
                assert_eq!(gap.reason, GapReason::Conflated);
                conflated += gap.count;
            }
            _ => {}
        }
    }
    (messages, conflated)
}

fn messages<const N: usize>(messages: [(&str, u64); N]) -> Vec<(String, u64)> {
    messages.map(|(topic, seq)| (topic.to_owned(), seq)).to_vec()
}

#[test]
fn a_fast_client_gets_the_first_at_once_and_the_last_of_a_burst_when_it_may() {
    for (codec, separate) in [(Codec::Bincode, false), (Codec::Json, true)] {
        let (mut stage, ann, bob) = scene(codec, separate);
        stage.publish(ann, "a", b"1");
        assert_eq!(got(&mut stage, bob), (messages([("a", 1)]), 0));
        for payload in [b"2", b"3", b"4"] {
            stage.publish(ann, "a", payload);
        }
        stage.publish(ann, "b", b"1");
        assert_eq!(got(&mut stage, bob), (messages([("b", 1)]), 0), "keys don't wait for others");
        stage.pass(INTERVAL - MOMENT);
        assert_eq!(got(&mut stage, bob), (vec![], 0));
        stage.pass(MOMENT);
        assert_eq!(got(&mut stage, bob), (messages([("a", 4)]), 2));
        stage.pass(INTERVAL);
        assert_eq!(got(&mut stage, bob), (vec![], 0));
        assert_eq!(stage.shard.log_bytes(), 0, "nothing is held any more");
    }
}

#[test]
fn the_shard_wants_to_be_called_when_what_is_held_may_leave() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, false);
    stage.pass(Duration::from_millis(10));
    stage.publish(ann, "a", b"1");
    stage.publish(ann, "a", b"2");
    assert_eq!(stage.shard.next_tick(), Duration::from_millis(110));
    stage.pass(INTERVAL);
    assert_eq!(got(&mut stage, bob), (messages([("a", 1), ("a", 2)]), 0));
}

#[test]
fn what_is_held_counts_as_waiting_and_pins_what_it_is() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, false);
    stage.publish(ann, "a", b"1");
    for _ in 0..10_000 {
        stage.publish(ann, "a", &[0; 100]);
    }
    assert!(stage.shard.log_bytes() < 1 << 20, "{} are held", stage.shard.log_bytes());
    stage.pass(INTERVAL);
    assert_eq!(got(&mut stage, bob), (messages([("a", 1), ("a", 10_001)]), 9999));
}

#[test]
fn a_value_held_for_a_subscription_that_ends_comes_in_front_of_the_answer_at_once() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, false);
    stage.publish(ann, "a", b"1");
    stage.publish(ann, "a", b"2");
    stage.frames(bob);
    stage.say(bob, &ClientFrame::Unsubscribe(Unsubscribe { id: 9, subscription: 1 }));
    let frames = stage.frames(bob);
    let value = frames.iter().position(|frame| matches!(frame, BrokerFrame::Message(_)));
    let answer = frames.iter().position(|frame| matches!(frame, BrokerFrame::Accepted(_)));
    assert!(value.is_some() && value < answer, "{frames:?}");
    stage.pass(INTERVAL);
    assert_eq!(got(&mut stage, bob), (vec![], 0));
}

#[test]
fn a_client_that_was_behind_gets_the_last_value_as_soon_as_it_takes_more() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, false);
    stage.publish(ann, "a", b"1");
    stage.frames(bob);
    stage.set_room(bob, 0);
    stage.publish(ann, "a", b"2");
    stage.pass(INTERVAL);
    stage.publish(ann, "a", b"3");
    assert_eq!(got(&mut stage, bob), (vec![], 0));
    stage.set_room(bob, usize::MAX);
    stage.turn();
    assert_eq!(got(&mut stage, bob), (messages([("a", 3)]), 1));
}

#[test]
fn what_is_held_leaves_when_the_broker_stops() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, false);
    stage.publish(ann, "a", b"1");
    stage.publish(ann, "a", b"2");
    stage.frames(bob);
    stage.shard.drain();
    stage.turn();
    assert_eq!(got(&mut stage, bob), (messages([("a", 2)]), 0));
    assert_eq!(stage.shard.end_drained(Deadline::Ahead, Duration::ZERO), 0);
}

#[test]
fn the_interval_can_be_changed_and_ended_while_something_is_held() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, false);
    stage.publish(ann, "a", b"1");
    stage.publish(ann, "a", b"2");
    stage.frames(bob);
    let options = LaneOptions { min_interval: Some(0), ..LaneOptions::default() };
    stage.say(bob, &ClientFrame::Update(Update { id: 2, lane: 1, options }));
    assert_eq!(got(&mut stage, bob), (messages([("a", 2)]), 0));
    stage.write(ann, &ClientFrame::Publish(Publish::bytes("a", b"3")));
    stage.write(ann, &ClientFrame::Publish(Publish::bytes("a", b"4")));
    stage.turn();
    assert_eq!(got(&mut stage, bob), (messages([("a", 3), ("a", 4)]), 0));
}

#[test]
fn the_interval_is_for_lanes_that_conflate_and_an_hour_at_most() {
    let mut stage = Stage::new(Config::default());
    let bob = stage.enter("bob");
    stage.say(bob, &in_lane("a", 1, options(Keep::All, 1)));
    assert_eq!(stage.refused(bob), Some(ErrorCode::InvalidField));
    for (wished, granted) in [(0, 0), (3_600_000, 3_600_000), (u64::MAX, 3_600_000)] {
        stage.say(bob, &in_lane("a", 2, options(Keep::Merge, wished)));
        let told = stage.frames(bob).into_iter().find_map(|frame| match frame {
            BrokerFrame::Accepted(accepted) => accepted.granted,
            _ => None,
        });
        let told = told.expect("it is accepted");
        assert_eq!((told.min_interval, told.overflow), (Some(granted), Some(Overflow::Resync)));
        stage.lose(bob);
        assert_eq!(stage.enter("bob"), bob);
    }
}
