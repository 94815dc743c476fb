//! Retained values that have expired make room.

use std::time::Duration;

use broker_core::{Config, RetainedConfig, SequencerConfig};
use broker_protocol::frame::{ClientFrame, Publish};
use broker_protocol::{Codec, ErrorCode};

use super::viewer::Viewer;
use super::{begin, retained, settle};
use crate::stage::Stage;

const FULL: Option<ErrorCode> = Some(ErrorCode::TooManyKeys);

/// A publish that is to be retained for so many milliseconds.
pub(super) fn passing(topic: &str, expires_in: u64) -> ClientFrame<'_> {
    let expires_in = Some(expires_in);
    ClientFrame::Publish(Publish { retain: true, expires_in, ..Publish::bytes(topic, b"x") })
}

fn stage(retained: RetainedConfig) -> Stage {
    let sequencer = SequencerConfig { retained, ..SequencerConfig::default() };
    Stage::with(Config::default(), sequencer, Codec::Bincode)
}

/// What became of a publish.
fn outcome(stage: &mut Stage, slot: u32, publish: &ClientFrame<'_>) -> Option<ErrorCode> {
    stage.say(slot, publish);
    stage.refused(slot)
}

fn kept(stage: &Stage) -> (u64, u64) {
    let statistics = stage.sequencer.statistics();
    (statistics.retained, statistics.retained_bytes)
}

#[test]
fn a_value_counts_against_each_limit_until_it_expires_and_not_for_longer() {
    let limits = [
        RetainedConfig { keys_max: 1, ..RetainedConfig::default() },
        RetainedConfig { values_max: 1, ..RetainedConfig::default() },
        RetainedConfig { bytes_max: 300, ..RetainedConfig::default() },
    ];
    for limit in limits {
        let mut stage = stage(limit.clone());
        let ann = stage.enter("ann");
        let other = || retained("a", Some("other"), b"x");
        stage.say(ann, &passing("a", 100));
        assert_eq!(outcome(&mut stage, ann, &other()), FULL, "{limit:?}");
        stage.pass(Duration::from_millis(99));
        assert_eq!(outcome(&mut stage, ann, &other()), FULL, "{limit:?}");
        stage.pass(Duration::from_millis(1));
        assert_eq!(outcome(&mut stage, ann, &other()), None, "{limit:?}");
        assert_eq!(kept(&stage).0, 1, "{limit:?}");
    }
}

#[test]
fn a_value_that_is_replaced_in_time_stays() {
    let mut stage = stage(RetainedConfig::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for (topic, second) in [("a", passing("a", 500)), ("b", retained("b", None, b"x"))] {
        stage.say(ann, &passing(topic, 100));
        stage.say(ann, &second);
    }
    stage.say(ann, &passing("c", 100));
    stage.say(ann, &passing("c", 100));
    stage.pass(Duration::from_millis(200));
    begin(&mut stage, bob, ">");
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(bob));
    let topics: Vec<_> = viewer.replayed.iter().map(|(topic, ..)| topic.as_str()).collect();
    assert_eq!(topics, ["a", "b"]);
    assert_eq!(kept(&stage).0, 2);
}

#[test]
fn many_that_expire_at_once_go_over_several_turns_and_nothing_is_left_of_them() {
    let forget_after = Duration::from_secs(600);
    let sequencer = SequencerConfig { forget_after, ..SequencerConfig::default() };
    let mut stage = Stage::with(Config::default(), sequencer, Codec::Bincode);
    let ann = stage.enter("ann");
    for topic in 0..1000 {
        stage.write(ann, &passing(&format!("a.{topic}"), 100));
    }
    stage.turn();
    assert_eq!(kept(&stage).0, 1000);
    stage.pass(Duration::from_millis(100));
    stage.write(ann, &retained("b", None, b""));
    stage.single_turn();
    let after_one = kept(&stage).0;
    assert!((900..1000).contains(&after_one), "{after_one} are left after one turn");
    for _ in 0..20 {
        stage.say(ann, &retained("b", None, b""));
    }
    assert_eq!(kept(&stage), (0, 0));
    // Their topics can be forgotten now.
    for _ in 0..20 {
        stage.pass(forget_after);
        stage.say(ann, &retained("b", None, b""));
    }
    assert_eq!(stage.sequencer.topics(), 1);
}

#[test]
fn a_replay_takes_along_what_it_finds_expired() {
    let mut stage = stage(RetainedConfig::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for topic in 0..500 {
        stage.write(ann, &passing(&format!("a.{topic}"), 100));
    }
    stage.say(ann, &retained("b", None, b"x"));
    stage.pass(Duration::from_millis(100));
    stage.write(bob, &ClientFrame::Subscribe(super::replayed(">")));
    settle(&mut stage);
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(bob));
    assert_eq!((viewer.replayed.len(), viewer.caught_up), (1, vec![1]));
    assert_eq!(kept(&stage).0, 1);
}
