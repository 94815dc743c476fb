//! Lanes that wait and merge are walked before they have to be, a few in a turn: folding costs more than
//! looking, and is counted so.

use broker_core::{Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{ClientFrame, Content, Keep, LaneOptions, Publish};

use crate::stage::{Stage, in_lane};

/// How many clients take nothing, each with a topic of its own.
const STALLED: usize = 40;

/// How many messages wait for each of them.
const WAITING: usize = 24;

/// How many steps one turn takes, where not much more is owed.
const STEPS_PER_TURN: usize = 2048;

/// How many of them the walk of a message is that is to be folded.
const STEPS_PER_FOLD: usize = 8;

/// Clients that take nothing, and messages for each of them, all of which the turn that follows brings.
fn scene() -> Stage {
    let config = Config { settled_per_turn: STALLED as u32, ..Config::default() };
    let mut stage = Stage::with(config, SequencerConfig::default(), Codec::Bincode);
    let ann = stage.enter("ann");
    let options =
        LaneOptions { keep: Some(Keep::Merge), bound_messages: Some(16), ..LaneOptions::default() };
    for number in 0..STALLED {
        let slot = stage.enter(&format!("stalled.{number}"));
        stage.say(slot, &in_lane(&format!("t.{number}"), 1, options.clone()));
        stage.set_room(slot, 0);
        stage.say(ann, &patch(&format!("t.{number}")));
    }
    for number in 0..STALLED {
        for _ in 1..WAITING {
            stage.write(ann, &patch(&format!("t.{number}")));
        }
    }
    assert_eq!(stage.shard.statistics().log.folded, 0);
    assert!(!stage.shard.has_to_settle());
    stage
}

fn patch(topic: &str) -> ClientFrame<'_> {
    let mut publish = Publish::bytes(topic, b"{}");
    publish.body.content = Content::Json;
    ClientFrame::Publish(publish)
}

#[test]
fn a_turn_walks_lanes_that_fold_until_its_steps_are_used_up_and_the_next_goes_on() {
    let mut stage = scene();
    let steps_of_a_lane = STEPS_PER_FOLD * WAITING;
    let a_turn = STEPS_PER_TURN.div_ceil(steps_of_a_lane);
    let mut walked = 0;
    while walked < STALLED {
        stage.single_turn();
        walked = STALLED.min(walked + a_turn);
        assert_eq!(stage.shard.statistics().log.folded, walked as u64, "one for each");
        assert_eq!(stage.shard.has_to_settle(), walked < STALLED, "whether another turn is due");
    }
}
