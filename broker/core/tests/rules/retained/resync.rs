//! Lanes that discard what waits at their bound and are sent what is retained.

use std::collections::BTreeSet;

use broker_core::Config;
use broker_protocol::frame::{BrokerFrame, ClientFrame, Keep, LaneOptions, Overflow, Pong};

use super::viewer::Viewer;
use super::{keep_many, retained, settle};
use crate::stage::{Stage, in_lane};

/// The options of a lane that holds so many messages.
fn resync(messages: u32, keep: Option<Keep>) -> LaneOptions {
    let (overflow, bound_messages) = (Some(Overflow::Resync), Some(messages));
    LaneOptions { keep, overflow, bound_messages, ..LaneOptions::default() }
}

/// A publisher, and a subscriber of everything in a lane that holds so many messages.
fn scene(messages: u32, keep: Option<Keep>) -> (Stage, u32, u32, Viewer) {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane(">", 1, resync(messages, keep)));
    let viewer = Viewer { resyncs: true, ..Viewer::default() };
    (stage, ann, bob, viewer)
}

/// Has a client read what it got, and answer the marks in it.
fn read(stage: &mut Stage, slot: u32, viewer: &mut Viewer) {
    loop {
        let frames = stage.frames(slot);
        let marks = frames.iter().filter_map(|frame| match frame {
            BrokerFrame::Ping(ping) => ping.mark,
            _ => None,
        });
        let marks: Vec<u64> = marks.collect();
        let done = frames.is_empty();
        viewer.read(frames);
        for mark in marks {
            stage.say(slot, &ClientFrame::Pong(Pong { mark: Some(mark), lag: Vec::new() }));
        }
        if done {
            return;
        }
    }
}

#[test]
fn who_was_behind_is_told_what_it_missed_and_sent_what_is_retained() {
    for keep in [None, Some(Keep::Latest(1))] {
        let (mut stage, ann, bob, mut viewer) = scene(10, keep);
        read(&mut stage, bob, &mut viewer);
        stage.set_room(bob, 0);
        for round in 0..5 {
            for key in 0..20 {
                let key = format!("k{key}");
                stage.say(ann, &retained("a", Some(&key), format!("{round}").as_bytes()));
            }
        }
        stage.say(ann, &retained("a", Some("k7"), b""));
        assert!(stage.shard.statistics().resyncs >= 1);
        stage.set_room(bob, usize::MAX);
        settle(&mut stage);
        read(&mut stage, bob, &mut viewer);
        assert_eq!(viewer.accounted(), 101, "{keep:?}");
        assert!(viewer.gaps["dropped"] >= 10, "{keep:?}");
        assert_eq!(viewer.caught_up.last(), Some(&1));
        let seqs: BTreeSet<u64> = viewer.held().into_values().collect();
        assert_eq!(seqs, (81..=100).filter(|seq| *seq != 88).collect(), "{keep:?}");
    }
}

#[test]
fn what_a_conflating_lane_replaced_before_is_told_as_such() {
    let (mut stage, ann, bob, mut viewer) = scene(4, Some(Keep::Latest(1)));
    stage.set_room(bob, 0);
    // At twice the bound the walk leaves one of eight; then five keys are too many.
    (0..8).for_each(|_| stage.say(ann, &retained("a", Some("k"), b"x")));
    for key in ["k1", "k2", "k3", "k4", "k5", "k6", "k7"] {
        stage.say(ann, &retained("a", Some(key), b"x"));
    }
    stage.set_room(bob, usize::MAX);
    settle(&mut stage);
    read(&mut stage, bob, &mut viewer);
    assert_eq!(viewer.gaps["conflated"], 7);
    assert_eq!(viewer.accounted(), 15);
    assert_eq!(viewer.held().len(), 8);
}

#[test]
fn a_lane_without_retained_topics_just_goes_on() {
    let (mut stage, ann, bob, mut viewer) = scene(4, None);
    stage.set_room(bob, 0);
    (0..50).for_each(|_| stage.publish(ann, "a", b"x"));
    stage.set_room(bob, usize::MAX);
    settle(&mut stage);
    stage.publish(ann, "a", b"x");
    read(&mut stage, bob, &mut viewer);
    assert_eq!(viewer.accounted(), 51);
    assert!(viewer.live >= 1 && viewer.caught_up.contains(&1));
}

#[test]
fn a_stalled_lane_costs_a_page_however_often_it_is_at_its_bound() {
    let (mut stage, ann, bob, _) = scene(4, None);
    keep_many(&mut stage, ann, 1000);
    settle(&mut stage);
    stage.packets(bob);
    stage.set_room(bob, 0);
    for number in 0..3000 {
        stage.write(ann, &retained(&format!("a.{}", number % 1000), None, b"y"));
        if number % 10 == 9 {
            stage.turn();
        }
    }
    let statistics = stage.shard.statistics();
    assert_eq!((statistics.replayed, statistics.resyncs), (256, 2));
}

/// A lane that takes one packet while more is published than it may hold.
#[test]
fn a_lane_too_slow_for_its_retained_state_is_brought_through_all_keys() {
    let keys = 1000;
    let (mut stage, ann, bob, mut viewer) = scene(4, None);
    keep_many(&mut stage, ann, keys);
    read(&mut stage, bob, &mut viewer);
    viewer.replayed.clear();
    stage.set_room(bob, 0);
    for round in 0..40 {
        for number in 0..10 {
            // All change all the time, and in the order in which they are replayed.
            stage.write(ann, &retained(&format!("a.{}", (round * 10 + number) % keys), None, b"y"));
        }
        stage.turn();
        stage.set_room(bob, 1);
        stage.turn();
        read(&mut stage, bob, &mut viewer);
    }
    let reached: BTreeSet<&str> = viewer.replayed.iter().map(|value| &*value.0).collect();
    assert_eq!(reached.len(), keys);
    assert!(stage.shard.statistics().resyncs >= 10);
}

#[test]
fn who_subscribes_while_the_lane_discards_is_replayed_too() {
    let (mut stage, ann, bob, mut viewer) = scene(2, None);
    keep_many(&mut stage, ann, 300);
    read(&mut stage, bob, &mut viewer);
    stage.set_room(bob, 0);
    // Twice at its bound: the page of the first time waits, so the second discards until it left.
    (0..10).for_each(|_| stage.say(ann, &retained("a.1", None, b"y")));
    let later =
        broker_protocol::frame::Subscribe { lane: Some(1), id: 2, ..crate::stage::subscribe("b") };
    stage.say(bob, &ClientFrame::Subscribe(later));
    stage.say(ann, &retained("b", None, b"y"));
    stage.set_room(bob, usize::MAX);
    settle(&mut stage);
    read(&mut stage, bob, &mut viewer);
    let last = viewer.replayed.iter().filter(|value| value.0 == "b").map(|value| value.2);
    assert_eq!(last.collect::<BTreeSet<_>>(), BTreeSet::from([1, 2]));
    assert!(viewer.caught_up.ends_with(&[1, 2]) || viewer.caught_up.ends_with(&[2, 1]));
}

#[test]
fn a_caught_up_that_waits_behind_what_is_discarded_is_taken_back() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    keep_many(&mut stage, ann, 3);
    let mut viewer = Viewer { resyncs: true, ..Viewer::default() };
    stage.set_room(bob, 0);
    let (lane, options) = (Some(1), Some(resync(4, None)));
    let subscribe = broker_protocol::frame::Subscribe { lane, options, ..super::replayed("a.*") };
    // A message stands between the beginning and the page.
    stage.write(bob, &ClientFrame::Subscribe(subscribe));
    stage.say(ann, &retained("a.3", None, b"x"));
    assert_eq!(stage.shard.statistics().replayed, 3);
    (0..5).for_each(|_| stage.say(ann, &retained("a.4", None, b"x")));
    stage.set_room(bob, usize::MAX);
    settle(&mut stage);
    read(&mut stage, bob, &mut viewer);
    assert_eq!((viewer.held().len(), viewer.caught_up), (5, vec![1]));
    assert_eq!(viewer.gaps["dropped"], 6);
}

#[test]
fn a_lane_whose_last_subscription_ends_while_it_discards_serves_the_next() {
    let (mut stage, ann, bob, mut viewer) = scene(2, None);
    keep_many(&mut stage, ann, 300);
    read(&mut stage, bob, &mut viewer);
    stage.set_room(bob, 0);
    (0..10).for_each(|_| stage.say(ann, &retained("a.1", None, b"y")));
    let unsubscribe = broker_protocol::frame::Unsubscribe { id: 2, subscription: 1 };
    stage.say(bob, &ClientFrame::Unsubscribe(unsubscribe));
    let next =
        broker_protocol::frame::Subscribe { lane: Some(1), id: 3, ..crate::stage::subscribe("b") };
    stage.say(bob, &ClientFrame::Subscribe(next));
    stage.set_room(bob, usize::MAX);
    settle(&mut stage);
    stage.publish(ann, "b", b"x");
    read(&mut stage, bob, &mut viewer);
    assert!(viewer.view.contains_key(&("b".to_owned(), None)));
}
