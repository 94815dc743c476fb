//! How much of a conflating lane is on its way, beside everything else that a session has.

use std::time::Duration;

use broker_core::{Config, Deadline};
use broker_delivery::lane::Overflow as GrantedOverflow;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Keep, LaneOptions, Overflow, Pong, Publish, Update,
};

use crate::stage::{Stage, in_group, in_lane};

pub(crate) fn latest() -> LaneOptions {
    LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() }
}

pub(crate) fn pong(mark: u64) -> ClientFrame<'static> {
    ClientFrame::Pong(Pong { mark: Some(mark), lag: Vec::new() })
}

pub(crate) fn marks(frames: &[BrokerFrame<'_>]) -> Vec<u64> {
    let pings = frames.iter().filter_map(|frame| match frame {
        BrokerFrame::Ping(ping) => Some(ping.mark),
        _ => None,
    });
    pings.flatten().collect()
}

pub(crate) fn messages(frames: &[BrokerFrame<'_>], topic: &str) -> usize {
    let is_one =
        |frame: &&BrokerFrame<'_>| matches!(frame, BrokerFrame::Message(m) if m.topic == topic);
    frames.iter().filter(is_one).count()
}

/// Answers the marks that a client got, and returns all frames.
pub(crate) fn served(stage: &mut Stage, slot: u32) -> Vec<BrokerFrame<'static>> {
    let frames = stage.frames(slot);
    marks(&frames).into_iter().for_each(|mark| {
        _ = stage.write(slot, &pong(mark));
    });
    frames
}

#[test]
fn a_conflating_lane_goes_on_beside_one_that_keeps_the_link_full() {
    let mut config = Config::default();
    config.lane.overflow = GrantedOverflow::DropOldest;
    let mut stage = Stage::new(config);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, "a");
    stage.set_room(bob, 0);
    stage.say(bob, &in_lane("b", 1, LaneOptions { priority: Some(7), ..latest() }));
    let mut late = 0;
    for step in 0..100 {
        for _ in 0..10 {
            stage.write(ann, &ClientFrame::Publish(Publish::bytes("a", &[0; 60_000])));
        }
        stage.write(ann, &ClientFrame::Publish(Publish::bytes("b", &[0; 10_000])));
        stage.set_room(bob, 3);
        stage.pass(Duration::from_millis(50));
        let frames = served(&mut stage, bob);
        late += if step >= 50 { messages(&frames, "b") } else { 0 };
    }
    assert!(late > 10, "{late} messages in the second half");
}

#[test]
fn who_answers_the_newest_of_several_marks_alone_is_served_in_every_lane() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for (lane, topic) in [(1, "a"), (2, "b")] {
        stage.say(bob, &in_lane(topic, lane, latest()));
        served(&mut stage, bob);
    }
    let mut late = [0, 0];
    for step in 0..100 {
        for _ in 0..20 {
            for topic in ["a", "b"] {
                stage.write(ann, &ClientFrame::Publish(Publish::bytes(topic, &[0; 10_000])));
            }
        }
        stage.pass(Duration::from_millis(100));
        let frames = stage.frames(bob);
        if step >= 50 {
            late = [late[0] + messages(&frames, "a"), late[1] + messages(&frames, "b")];
        }
        if let Some(newest) = marks(&frames).pop() {
            stage.write(bob, &pong(newest));
        }
    }
    assert!(late[0] > 10 && late[1] > 10, "{late:?}");
}

#[test]
fn a_mark_that_was_lost_is_sent_again() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane("a", 1, latest()));
    for _ in 0..100 {
        stage.publish(ann, "a", &[0; 1000]);
    }
    // It answers nothing of all this, and speaks in between.
    stage.frames(bob);
    let mut received = 0;
    for _ in 0..200 {
        stage.say(bob, &ClientFrame::Publish(Publish::bytes("b", b"x")));
        stage.pass(Duration::from_millis(250));
        received += messages(&served(&mut stage, bob), "a");
    }
    assert!(received > 0, "the newest comes in the end");
}

#[test]
fn what_waits_is_sent_within_the_window_while_the_broker_stops() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane(">", 1, latest()));
    served(&mut stage, bob);
    for topic in 0..200 {
        stage.publish(ann, &format!("t{topic}"), &[0; 1000]);
    }
    stage.shard.drain();
    let mut received = 0;
    for _ in 0..50 {
        let frames = served(&mut stage, bob);
        received += frames.iter().filter(|it| matches!(it, BrokerFrame::Message(_))).count();
        stage.pass(Duration::from_millis(100));
        stage.shard.end_drained(Deadline::Ahead, Duration::ZERO);
    }
    assert_eq!(received, 200);
}

#[test]
fn a_member_whose_conflating_lane_has_enough_on_its_way_has_its_turn_in_the_group() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob, cat) = (stage.enter("ann"), stage.enter("bob"), stage.enter("cat"));
    stage.say(bob, &in_lane("prices", 1, latest()));
    for member in [bob, cat] {
        stage.say(member, &in_group("jobs", "team"));
    }
    served(&mut stage, bob);
    for _ in 0..200 {
        stage.publish(ann, "prices", &[0; 1000]);
    }
    for member in [bob, cat] {
        stage.frames(member);
    }
    for _ in 0..10 {
        stage.publish(ann, "jobs", b"x");
    }
    let mut jobs = |member| messages(&stage.frames(member), "jobs");
    assert_eq!((jobs(bob), jobs(cat)), (5, 5));
}

#[test]
fn nothing_follows_the_end_that_an_update_brings() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let options = LaneOptions { overflow: Some(Overflow::Disconnect), ..latest() };
    stage.say(bob, &in_lane(">", 1, options));
    stage.frames(bob);
    stage.set_room(bob, 0);
    for topic in 0..10 {
        stage.publish(ann, &format!("t{topic}"), b"x");
    }
    let options = LaneOptions { bound_messages: Some(1), ..LaneOptions::default() };
    stage.say(bob, &ClientFrame::Update(Update { id: 9, lane: 1, options }));
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let frames = stage.frames(bob);
    assert!(matches!(frames.last(), Some(BrokerFrame::Disconnect(_))), "{frames:?}");
}
