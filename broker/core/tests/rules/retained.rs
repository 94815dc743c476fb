//! Retained last values, and their replay to who subscribes later.

mod budget;
mod changing;
mod delayed;
mod documents;
mod elsewhere;
mod expired;
mod limits;
mod overdue;
mod resync;
mod returning;
mod two_shards;
mod viewer;

use std::borrow::Cow;

use broker_core::{Config, SequencerConfig};
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, LaneOptions, Move, Publish, Replay, Subscribe, Unsubscribe,
};
use broker_protocol::{Codec, ErrorCode};

use crate::stage::{Stage, subscribe};
use viewer::Viewer;

/// A publish that is to be retained.
fn retained<'a>(topic: &'a str, key: Option<&'a str>, payload: &'a [u8]) -> ClientFrame<'a> {
    let mut publish = Publish { retain: true, ..Publish::bytes(topic, payload) };
    publish.body.key = key.map(Cow::Borrowed);
    ClientFrame::Publish(publish)
}

/// A subscription that begins with what is retained.
fn replayed(filter: &str) -> Subscribe {
    Subscribe { replay: Replay::Last, ..subscribe(filter) }
}

fn begin(stage: &mut Stage, slot: u32, filter: &str) {
    stage.say(slot, &ClientFrame::Subscribe(replayed(filter)));
}

fn begin_in_lane(stage: &mut Stage, slot: u32, filter: &str, lane: u8, options: LaneOptions) {
    let (lane, options) = (Some(lane), Some(options));
    stage.say(slot, &ClientFrame::Subscribe(Subscribe { lane, options, ..replayed(filter) }));
}

/// So many turns that what is under way comes to its end.
fn settle(stage: &mut Stage) {
    (0..40).for_each(|_| stage.turn());
}

/// Keeps a value for each of so many topics, `a.0` and on.
fn keep_many(stage: &mut Stage, publisher: u32, topics: usize) {
    for topic in 0..topics {
        stage.write(publisher, &retained(&format!("a.{topic}"), None, b"x"));
    }
    stage.turn();
}

#[test]
fn the_last_value_of_each_key_comes_to_who_subscribes_later() {
    for codec in [Codec::Bincode, Codec::Json] {
        let mut stage = Stage::with(Config::default(), SequencerConfig::default(), codec);
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        for (topic, key, payload) in [
            ("a", None, b"1"),
            ("b", Some("k1"), b"2"),
            ("a", Some("a"), b"3"),
            ("b", Some("k2"), b"4"),
            ("b", Some("k1"), b"5"),
        ] {
            stage.say(ann, &retained(topic, key, payload));
        }
        stage.publish(ann, "a", b"not kept");
        begin(&mut stage, bob, ">");
        let mut viewer = Viewer::default();
        viewer.read(stage.frames(bob));
        assert_eq!(viewer.replayed, [("a", 2, 1), ("b", 3, 1), ("b", 2, 1)].map(viewer::value));
        assert_eq!((viewer.caught_up, viewer.live), (vec![1], 0), "{codec:?}");
    }
}

#[test]
fn an_empty_payload_clears_the_value_and_is_delivered() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob, eve) = (stage.enter("ann"), stage.enter("bob"), stage.enter("eve"));
    begin(&mut stage, eve, "a");
    stage.packets(eve);
    stage.say(ann, &retained("a", None, b"x"));
    stage.say(ann, &retained("a", None, b""));
    assert_eq!(stage.messages(eve).len(), 2);
    begin(&mut stage, bob, "a");
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(bob));
    assert_eq!((viewer.replayed.len(), viewer.caught_up), (0, vec![1]));
    assert_eq!(stage.sequencer.statistics().retained_bytes, 0);
}

#[test]
fn a_replay_is_for_its_subscription_alone_and_for_the_topics_of_its_filter() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for topic in ["a", "a.b", "a.b.c", "a.bc", "a.c.c", "b"] {
        stage.say(ann, &retained(topic, None, b"x"));
    }
    for (filter, topics) in [
        ("a.b", vec!["a.b"]),
        ("a.*", vec!["a.b", "a.bc"]),
        ("a.*.c", vec!["a.b.c", "a.c.c"]),
        ("*.b.>", vec!["a.b.c"]),
        ("a.>", vec!["a.b", "a.b.c", "a.bc", "a.c.c"]),
    ] {
        begin(&mut stage, bob, filter);
        let mut viewer = Viewer::default();
        viewer.read(stage.frames(bob));
        let got: Vec<_> = viewer.replayed.iter().map(|value| &*value.0).collect();
        assert_eq!(got, topics, "{filter}");
        let subscription = viewer.caught_up[0];
        assert!(viewer.replayed.iter().all(|value| value.2 == subscription));
    }
}

#[test]
fn a_queue_group_has_no_replay_and_other_replays_are_unsupported() {
    let mut stage = Stage::new(Config::default());
    let bob = stage.enter("bob");
    let group = Some("crew".to_owned());
    stage.say(bob, &ClientFrame::Subscribe(Subscribe { group, ..replayed("a") }));
    assert_eq!(stage.refused(bob), Some(ErrorCode::InvalidField));
    for replay in [Replay::Newest(3), Replay::Since { epoch: 1, seq: 1 }] {
        stage.say(bob, &ClientFrame::Subscribe(Subscribe { replay, ..subscribe("a") }));
        assert_eq!(stage.refused(bob), Some(ErrorCode::Unsupported));
    }
}

#[test]
fn who_takes_nothing_of_a_long_replay_costs_a_page_of_it_and_is_not_slow() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    keep_many(&mut stage, ann, 2000);
    let options = LaneOptions { bound_messages: Some(1), ..LaneOptions::default() };
    stage.set_room(bob, 0);
    begin_in_lane(&mut stage, bob, "a.>", 1, options);
    settle(&mut stage);
    assert_eq!(stage.shard.statistics().replayed, 256);
    stage.set_room(bob, usize::MAX);
    settle(&mut stage);
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(bob));
    assert_eq!((viewer.replayed.len(), viewer.caught_up), (2000, vec![1]));
    assert_eq!(stage.ended(bob), None);
}

#[test]
fn a_page_is_64_kib_or_one_larger_value() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for topic in ["a.1", "a.2", "a.3"] {
        stage.say(ann, &retained(topic, None, &[0; 80 << 10]));
    }
    stage.set_room(bob, 0);
    begin(&mut stage, bob, "a.*");
    settle(&mut stage);
    assert_eq!(stage.shard.statistics().replayed, 1);
}

#[test]
fn a_replay_ends_with_its_subscription_or_session_and_leaves_nothing() {
    for leaves in ["unsubscribes", "vanishes"] {
        let mut stage = Stage::new(Config::default());
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        keep_many(&mut stage, ann, 1000);
        stage.set_room(bob, 0);
        begin(&mut stage, bob, "a.*");
        if leaves == "vanishes" {
            stage.lose(bob);
        } else {
            stage.say(bob, &ClientFrame::Unsubscribe(Unsubscribe { id: 9, subscription: 1 }));
            stage.set_room(bob, usize::MAX);
            settle(&mut stage);
            let frames = stage.frames(bob);
            let last = frames.last();
            assert!(matches!(last, Some(BrokerFrame::Accepted(one)) if one.id == 9), "{last:?}");
            assert!(!frames.iter().any(|frame| matches!(frame, BrokerFrame::CaughtUp(_))));
        }
        settle(&mut stage);
        assert_eq!(stage.shard.statistics().replayed, 256, "{leaves}");
        assert_eq!(stage.shard.log_bytes(), 0);
    }
}

#[test]
fn many_subscriptions_of_a_lane_are_replayed_one_after_the_other() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    keep_many(&mut stage, ann, 600);
    for id in 1..=600 {
        let one = Subscribe { id, ..replayed(&format!("a.{}", id - 1)) };
        stage.write(bob, &ClientFrame::Subscribe(one));
    }
    settle(&mut stage);
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(bob));
    assert_eq!(viewer.caught_up, (1..=600).collect::<Vec<_>>());
    let each: Vec<_> = viewer.replayed.iter().map(|value| value.2).collect();
    assert_eq!(each, (1..=600).collect::<Vec<_>>());
}

#[test]
fn a_value_that_a_message_passed_since_the_subscription_began_is_left_out() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    keep_many(&mut stage, ann, 400);
    stage.set_room(bob, 0);
    begin(&mut stage, bob, "a.*");
    // In the order of names `a.99` is the last: the second page is still to come.
    stage.publish(ann, "a.99", b"not kept");
    stage.set_room(bob, usize::MAX);
    settle(&mut stage);
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(bob));
    assert_eq!((viewer.replayed.len(), viewer.live), (399, 1));
    assert!(!viewer.replayed.iter().any(|value| value.0 == "a.99"));
}

#[test]
fn a_replay_goes_on_in_the_lane_to_which_its_subscription_moves() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    keep_many(&mut stage, ann, 1000);
    stage.set_room(bob, 0);
    begin(&mut stage, bob, "a.*");
    let moving = Move { id: 2, subscription: 1, lane: 1, options: Some(LaneOptions::default()) };
    stage.say(bob, &ClientFrame::Move(moving));
    stage.set_room(bob, usize::MAX);
    settle(&mut stage);
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(bob));
    assert_eq!((viewer.replayed.len(), viewer.caught_up), (1000, vec![1]));
}
