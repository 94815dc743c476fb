//! What the broker tells of all sessions together.

use std::time::Duration;

use broker_core::{Absence, Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{ClientFrame, Content, Keep, LaneOptions, Publish};
use serde_json::{Value, json};

use crate::inspection::answers;
use crate::stage::{Stage, in_lane, request};

fn totals(stage: &mut Stage, operator: u32, id: u64) -> Value {
    stage.say(operator, &request(id, "$broker.stats"));
    let [totals] = &answers(stage, operator)[..] else { panic!("there is one answer") };
    totals.clone()
}

#[test]
fn what_was_merged_and_expired_stays_counted_when_its_session_has_ended() {
    let mut stage = Stage::new(Config::default());
    let (operator, slow) = (stage.enter("operator"), stage.enter("slow"));
    for (filter, lane, keep) in [("merged", 1, Keep::Merge), ("expired", 2, Keep::All)] {
        let options = LaneOptions { keep: Some(keep), ..LaneOptions::default() };
        stage.say(slow, &in_lane(filter, lane, options));
    }
    stage.set_room(slow, 0);
    let mut patch = Publish::bytes("merged", b"{}");
    patch.body.content = Content::Json;
    (0..3).for_each(|_| stage.say(operator, &ClientFrame::Publish(patch.clone())));
    let expiring = Publish { expires_in: Some(1), ..Publish::bytes("expired", b"x") };
    (0..4).for_each(|_| stage.say(operator, &ClientFrame::Publish(expiring.clone())));
    stage.pass(Duration::from_millis(2));
    stage.set_room(slow, usize::MAX);
    stage.turn();
    let told = |totals: &Value| (totals["merged"].clone(), totals["expired"].clone());
    let expected = (json!(2), json!(4));
    assert_eq!(told(&totals(&mut stage, operator, 1)), expected);
    stage.lose(slow);
    let later = totals(&mut stage, operator, 2);
    assert_eq!((told(&later), &later["sessions"]), (expected, &json!(1)));
}

#[test]
fn sessions_are_counted_that_are_away_that_came_back_and_that_did_not() {
    let expiry = Duration::from_secs(10);
    let absence = Absence { expiry, ..Absence::default() };
    let config = Config { absence, ..Config::default() };
    let mut stage = Stage::with_absence(config, SequencerConfig::default(), Codec::Bincode);
    let (operator, away) = (stage.enter("operator"), stage.enter("away"));
    stage.lose(away);
    let told = |totals: Value| {
        ["sessions_away", "sessions_resumed", "sessions_expired"].map(|one| totals[one].clone())
    };
    assert_eq!(told(totals(&mut stage, operator, 1)), [1, 0, 0].map(Value::from));
    stage.pass(expiry);
    assert_eq!(told(totals(&mut stage, operator, 2)), [0, 0, 1].map(Value::from));
}

#[test]
fn what_is_retained_now_is_told_in_values_and_bytes_and_what_was_refused() {
    let sequencer = SequencerConfig {
        retained: broker_core::RetainedConfig { values_max: 2, ..Default::default() },
        ..SequencerConfig::default()
    };
    let mut stage = Stage::with(Config::default(), sequencer, Codec::Bincode);
    let operator = stage.enter("operator");
    for topic in ["a", "b", "c"] {
        let publish = Publish { retain: true, ..Publish::bytes(topic, b"x") };
        stage.say(operator, &ClientFrame::Publish(publish));
    }
    stage.packets(operator);
    let totals = totals(&mut stage, operator, 1);
    let statistics = stage.sequencer.statistics();
    assert!(statistics.retained_bytes > 2);
    assert_eq!((&totals["retained"], &totals["refused_retained"]), (&json!(2), &json!(1)));
    assert_eq!(totals["retained_bytes"], statistics.retained_bytes);
}
