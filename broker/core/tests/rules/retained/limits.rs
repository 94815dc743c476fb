//! How much is retained, and how long a topic is known for it.

use std::time::Duration;

use broker_core::{Config, RetainedConfig, SequencerConfig};
use broker_protocol::frame::ClientFrame;
use broker_protocol::{Codec, ErrorCode};

use super::viewer::Viewer;
use super::{begin, retained};
use crate::stage::Stage;

fn stage(retained: RetainedConfig) -> Stage {
    let sequencer = SequencerConfig { retained, ..SequencerConfig::default() };
    Stage::with(Config::default(), sequencer, Codec::Bincode)
}

/// What became of a publish.
fn outcome(stage: &mut Stage, slot: u32, publish: &ClientFrame<'_>) -> Option<ErrorCode> {
    stage.say(slot, publish);
    stage.refused(slot)
}

const FULL: Option<ErrorCode> = Some(ErrorCode::TooManyKeys);

#[test]
fn a_topic_has_as_many_keys_as_it_may_and_no_more() {
    let mut stage = stage(RetainedConfig { keys_max: 2, ..RetainedConfig::default() });
    let ann = stage.enter("ann");
    for (key, expected) in [("k1", None), ("k2", None), ("k3", FULL), ("k1", None)] {
        assert_eq!(outcome(&mut stage, ann, &retained("a", Some(key), b"x")), expected, "{key}");
    }
    assert_eq!(outcome(&mut stage, ann, &retained("b", Some("k3"), b"x")), None);
    assert_eq!(outcome(&mut stage, ann, &retained("a", Some("k1"), b"")), None);
    assert_eq!(outcome(&mut stage, ann, &retained("a", Some("k3"), b"x")), None);
    assert_eq!(stage.sequencer.statistics().refused_retained, 1);
}

#[test]
fn with_no_keys_nothing_is_retained_and_clearing_is_allowed() {
    let mut stage = stage(RetainedConfig { keys_max: 0, ..RetainedConfig::default() });
    let ann = stage.enter("ann");
    assert_eq!(outcome(&mut stage, ann, &retained("a", None, b"x")), FULL);
    assert_eq!(outcome(&mut stage, ann, &retained("a", None, b"")), None);
}

#[test]
fn the_broker_keeps_as_many_values_as_it_may_and_no_more() {
    let mut stage = stage(RetainedConfig { values_max: 2, ..RetainedConfig::default() });
    let ann = stage.enter("ann");
    for (topic, expected) in [("a", None), ("b", None), ("c", FULL), ("a", None)] {
        assert_eq!(outcome(&mut stage, ann, &retained(topic, None, b"x")), expected, "{topic}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_delivered_to_nobody_and_nothing_old_is_lost() {
    let bytes_max = 2 << 10;
    let mut stage = stage(RetainedConfig { bytes_max, ..RetainedConfig::default() });
    let (ann, bob, eve) = (stage.enter("ann"), stage.enter("bob"), stage.enter("eve"));
    stage.subscribe(eve, ">");
    stage.packets(eve);
    assert_eq!(outcome(&mut stage, ann, &retained("a", None, &[1; 1 << 10])), None);
    assert_eq!(outcome(&mut stage, ann, &retained("b", None, &[2; 1 << 10])), FULL);
    assert_eq!(outcome(&mut stage, ann, &retained("a", None, &[3; 2 << 10])), FULL);
    assert_eq!(outcome(&mut stage, ann, &retained("a", None, &[4; 1 << 10])), None);
    assert_eq!(stage.messages(eve).len(), 2);
    begin(&mut stage, bob, ">");
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(bob));
    assert_eq!(viewer.view[&("a".to_owned(), None)], (vec![4; 1 << 10], 2));
    assert!(stage.sequencer.statistics().retained_bytes <= bytes_max as u64);
}

#[test]
fn a_topic_is_known_while_a_value_of_it_is_retained() {
    let mut stage = stage(RetainedConfig::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(ann, &retained("a", None, b"x"));
    stage.publish(ann, "b", b"x");
    let long = SequencerConfig::default().forget_after + Duration::from_secs(1);
    let pass = |stage: &mut Stage| {
        stage.pass(long);
        // Topics are forgotten when anything is asked.
        let pinger = stage.enter("pinger");
        stage.subscribe(pinger, "z");
    };
    pass(&mut stage);
    assert_eq!(stage.sequencer.topics(), 1);
    let (eve, _) = (stage.enter("eve"), bob);
    begin(&mut stage, eve, "a");
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(eve));
    assert_eq!(viewer.replayed.len(), 1);
    let ann = stage.enter("ann");
    stage.say(ann, &retained("a", None, b""));
    pass(&mut stage);
    pass(&mut stage);
    assert_eq!(stage.sequencer.topics(), 0);
}

#[test]
fn a_topic_with_a_value_makes_no_room_for_others_when_its_first_user_is_gone() {
    let sequencer = SequencerConfig { topics_max: 2, ..SequencerConfig::default() };
    let mut stage = Stage::with(Config::default(), sequencer, Codec::Bincode);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(ann, &retained("a", None, b"x"));
    stage.publish(ann, "b", b"x");
    stage.lose(ann);
    let publish = |topic| ClientFrame::Publish(broker_protocol::frame::Publish::bytes(topic, b"x"));
    assert_eq!(outcome(&mut stage, bob, &publish("c")), None);
    assert_eq!(outcome(&mut stage, bob, &publish("d")), Some(ErrorCode::TooManyTopics));
    begin(&mut stage, bob, "a");
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(bob));
    assert_eq!(viewer.replayed.len(), 1);
}
