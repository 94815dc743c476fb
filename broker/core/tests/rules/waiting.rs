//! Lanes that wait get what comes later than those that can be written to, and miss nothing by it.

use std::time::Duration;

use broker_core::{Config, Now, SequencerConfig};
use broker_protocol::frame::{BrokerFrame, Keep, LaneOptions, Overflow};
use broker_protocol::{Codec, ErrorCode};

use crate::stage::{Stage, in_lane, send};

/// How many clients take nothing.
const STALLED: usize = 200;

/// When a turn is due at the latest while something is noted for lanes that wait.
const TURN_AFTER: Duration = Duration::from_millis(10);

/// A publisher, one that reads, and many that take nothing; of these one session is settled in a turn.
fn scene(options: &LaneOptions) -> (Stage, u32, u32, Vec<u32>) {
    let config = Config { settled_per_turn: 1, ..Config::default() };
    let mut stage = Stage::with(config, SequencerConfig::default(), Codec::Bincode);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, ">");
    let stalled = (0..STALLED).map(|number| {
        let slot = stage.enter(&format!("stalled.{number}"));
        stage.say(slot, &in_lane(">", 1, options.clone()));
        stage.set_room(slot, 0);
        slot
    });
    let stalled: Vec<u32> = stalled.collect();
    stage.publish(ann, "first", b"x");
    for _ in 0..100 {
        stage.turn();
    }
    assert!(!is_noted(&stage), "all were settled by now");
    let _ = stage.messages(bob);
    (stage, ann, bob, stalled)
}

fn is_noted(stage: &Stage) -> bool {
    stage.shard.next_tick() <= Now::default().monotonic + TURN_AFTER
}

fn drop_oldest() -> LaneOptions {
    LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() }
}

/// The topics of the messages that a client got, and how many it was told that it missed.
fn heard(stage: &mut Stage, slot: u32) -> (Vec<String>, u64) {
    let (mut topics, mut missed) = (Vec::new(), 0);
    for frame in stage.frames(slot) {
        match frame {
            BrokerFrame::Message(message) => topics.push(message.topic.into_owned()),
            BrokerFrame::Gap(gap) => missed += gap.count,
            _ => {}
        }
    }
    (topics, missed)
}

#[test]
fn who_reads_gets_it_at_once_and_who_waits_gets_all_of_it_in_order() {
    let (mut stage, ann, bob, stalled) = scene(&drop_oldest());
    for topic in ["a", "b", "b", "c"] {
        stage.publish(ann, topic, b"x");
    }
    assert_eq!(stage.messages(bob).len(), 4);
    assert!(is_noted(&stage), "one session is settled in a turn");
    for slot in stalled {
        stage.set_room(slot, usize::MAX);
        stage.single_turn();
        let expected = ["first", "a", "b", "b", "c"].map(str::to_owned);
        assert_eq!(heard(&mut stage, slot), (expected.to_vec(), 0));
    }
    assert!(!is_noted(&stage));
}

#[test]
fn what_was_noted_while_all_keep_reading_elsewhere_is_settled_in_the_end() {
    let (mut stage, ann, _, _) = scene(&drop_oldest());
    stage.publish(ann, "a", b"x");
    assert!(is_noted(&stage));
    for _ in 0..100 {
        stage.turn();
    }
    assert!(!is_noted(&stage));
}

#[test]
fn a_conflating_lane_that_was_settled_late_tells_exactly_what_it_skipped() {
    let newest = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
    let (mut stage, ann, _, stalled) = scene(&newest);
    for _ in 0..10 {
        stage.publish(ann, "a", b"x");
    }
    for slot in stalled {
        stage.set_room(slot, usize::MAX);
        stage.single_turn();
        assert_eq!(heard(&mut stage, slot), (vec!["first".to_owned(), "a".to_owned()], 9));
    }
}

#[test]
fn what_comes_for_one_alone_stands_behind_what_was_noted_for_all() {
    let (mut stage, ann, _, stalled) = scene(&drop_oldest());
    stage.publish(ann, "a", b"x");
    let last = *stalled.last().expect("there are some");
    stage.say(last, &in_lane("more", 1, drop_oldest()));
    stage.say(ann, &send(1, &format!("stalled.{}", STALLED - 1), b"for you"));
    stage.publish(ann, "b", b"x");
    stage.set_room(last, usize::MAX);
    stage.single_turn();
    let frames = stage.frames(last);
    let place = |wanted: &dyn Fn(&BrokerFrame<'_>) -> bool| frames.iter().position(wanted);
    let of = |topic: &'static str| {
        place(&move |one| matches!(one, BrokerFrame::Message(message) if message.topic == topic))
    };
    let accepted = frames.iter().rposition(|one| matches!(one, BrokerFrame::Accepted(_)));
    assert!(of("a") < accepted && accepted < of("b"), "{frames:?}");
}

#[test]
fn who_comes_into_the_place_of_one_that_went_gets_nothing_that_was_noted_before() {
    let (mut stage, ann, _, stalled) = scene(&drop_oldest());
    stage.publish(ann, "a", b"x");
    let last = *stalled.last().expect("there are some");
    stage.shard.gone(last);
    let next = stage.enter("next");
    assert_eq!(next, last);
    stage.set_room(next, usize::MAX);
    stage.say(next, &in_lane(">", 1, drop_oldest()));
    stage.publish(ann, "b", b"x");
    assert_eq!(heard(&mut stage, next), (vec!["b".to_owned()], 0));
}

#[test]
fn a_bound_is_met_though_nobody_takes_anything() {
    let disconnect = LaneOptions { bound_messages: Some(4), ..LaneOptions::default() };
    let (mut stage, ann, _, stalled) = scene(&disconnect);
    for _ in 0..5 {
        stage.publish(ann, "a", b"x");
    }
    for _ in 0..100 {
        stage.turn();
    }
    let endings = stage.shard.take_endings();
    assert_eq!(endings.len(), stalled.len());
    assert!(endings.iter().all(|ending| ending.code == ErrorCode::SlowConsumer));
}

#[test]
fn a_bound_in_bytes_drops_no_more_than_must_go_however_much_came_since() {
    let options = LaneOptions { bound_bytes: Some(4_000), ..drop_oldest() };
    let (mut stage, ann, _, stalled) = scene(&options);
    for _ in 0..20 {
        stage.publish(ann, "a", &[0; 500]);
    }
    let heard_of = |stage: &mut Stage, slot: u32| {
        stage.set_room(slot, usize::MAX);
        stage.single_turn();
        heard(stage, slot)
    };
    let (topics, missed) = heard_of(&mut stage, stalled[STALLED - 1]);
    assert_eq!(topics.len() as u64 + missed, 21);
    assert_eq!(topics.len(), 7, "seven of a little more than 500 bytes have room, and a gap");
}
