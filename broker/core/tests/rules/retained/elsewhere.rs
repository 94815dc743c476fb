//! What is retained comes anew also to who has left the lane that lost it.

use broker_core::{Absence, Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, LaneOptions, LanePosition, Move, Overflow, Publish, Resume,
    Subscribe,
};

use super::viewer::Viewer;
use super::{begin_in_lane, keep_many, replayed, settle};
use crate::stage::{Stage, in_lane};

const RESYNCS: LaneOptions = LaneOptions {
    overflow: Some(Overflow::Resync),
    bound_messages: Some(3),
    keep: None,
    bound_bytes: None,
    min_interval: None,
    priority: None,
    unreliable: None,
};

fn move_to(lane: u8) -> ClientFrame<'static> {
    ClientFrame::Move(Move { id: 9, subscription: 1, lane, options: Some(LaneOptions::default()) })
}

/// A broker whose sessions outlive their links, with values on `a.0` and on.
fn stage(resume_window: u64, values: usize) -> (Stage, u32) {
    let absence = Absence { resume_window, ..Absence::default() };
    let config = Config { absence, ..Config::default() };
    let mut stage = Stage::with_absence(config, SequencerConfig::default(), Codec::Bincode);
    let publisher = stage.enter("ann");
    keep_many(&mut stage, publisher, values);
    (stage, publisher)
}

#[test]
fn a_lane_that_falls_behind_beside_one_that_ends_the_connection_is_sent_what_is_retained() {
    let (mut stage, ann) = stage(1 << 20, 5);
    let bob = stage.connect(Connect { version: 1, ..Connect::default() });
    let Some(BrokerFrame::Connected(connected)) = stage.frames(bob).into_iter().next() else {
        panic!("connected comes first");
    };
    begin_in_lane(&mut stage, bob, "a.*", 1, RESYNCS);
    let ends = LaneOptions { bound_messages: Some(3), ..LaneOptions::default() };
    stage.say(bob, &in_lane("b", 2, ends));
    // Both lanes are beyond their bounds when the link refuses.
    let frames = |frames: &[BrokerFrame<'_>]| {
        let data = frames.iter().filter(|frame| !matches!(frame, BrokerFrame::Lane(_)));
        data.count() as u64
    };
    let had = frames(&stage.frames(bob));
    stage.set_room(bob, 0);
    for _ in 0..5 {
        stage.write(ann, &ClientFrame::Publish(Publish::bytes("b", b"x")));
    }
    keep_many(&mut stage, ann, 5);
    let (session, secret) = (connected.session, connected.secret);
    let lane_1 = LanePosition { lane: 1, frames: had - 1 };
    let lanes = vec![lane_1, LanePosition { lane: 2, frames: 1 }];
    let resume = Some(Resume { session, secret, lanes });
    let bob = stage.connect(Connect { version: 1, resume, ..Connect::default() });
    settle(&mut stage);
    let mut viewer = Viewer { resyncs: true, ..Viewer::default() };
    let frames = stage.frames(bob);
    assert!(matches!(&frames[0], BrokerFrame::Connected(one) if one.resumed), "{:?}", frames[0]);
    viewer.read(frames);
    assert_eq!((viewer.replayed.len(), &*viewer.caught_up), (5, &[1][..]));
    // And it goes on.
    let live = viewer.live;
    keep_many(&mut stage, ann, 3);
    viewer.read(stage.frames(bob));
    assert_eq!(viewer.live, live + 3);
}

#[test]
fn who_left_a_lane_that_discards_what_was_for_it_is_sent_what_is_retained_where_it_is() {
    let (mut stage, ann) = stage(0, 5);
    let bob = stage.enter("bob");
    stage.say(bob, &in_lane("a.*", 1, RESYNCS));
    stage.frames(bob);
    // All of it is on its way when the link refuses: the messages, and that it moves.
    stage.set_room(bob, 0);
    for topic in ["a.0", "a.1", "a.2", "a.3"] {
        stage.write(ann, &ClientFrame::Publish(Publish::bytes(topic, b"x")));
    }
    stage.write(bob, &move_to(2));
    stage.turn();
    stage.set_room(bob, usize::MAX);
    settle(&mut stage);
    let mut viewer = Viewer { resyncs: true, ..Viewer::default() };
    viewer.read(stage.frames(bob));
    assert_eq!(viewer.gaps["dropped"], 4);
    assert_eq!((viewer.replayed.len(), viewer.caught_up), (5, vec![1]));
}

#[test]
fn who_left_a_lane_whose_replay_a_link_took_along_is_sent_it_where_it_is() {
    const VALUES: usize = 300;
    let (mut stage, _) = stage(100, VALUES);
    let bob = stage.connect(Connect { version: 1, ..Connect::default() });
    let Some(BrokerFrame::Connected(connected)) = stage.frames(bob).into_iter().next() else {
        panic!("connected comes first");
    };
    let (lane, options) = (Some(1), Some(LaneOptions::default()));
    stage.say(bob, &ClientFrame::Subscribe(Subscribe { lane, options, ..replayed("a.*") }));
    settle(&mut stage);
    stage.say(bob, &move_to(2));
    // Nothing of it arrives but the answer to the subscribe.
    stage.packets(bob);
    stage.lose(bob);
    let (session, secret) = (connected.session, connected.secret);
    let lanes = vec![LanePosition { lane: 1, frames: 1 }];
    let resume = Some(Resume { session, secret, lanes });
    let bob = stage.connect(Connect { version: 1, resume, ..Connect::default() });
    settle(&mut stage);
    let mut viewer = Viewer { resyncs: true, ..Viewer::default() };
    viewer.read(stage.frames(bob));
    assert_eq!((viewer.replayed.len(), viewer.caught_up), (VALUES, vec![1]));
}
