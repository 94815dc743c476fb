//! Retained values that expire when they have been taken for a replay, and wait.

use std::time::Duration;

use broker_core::{Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, Keep, LaneOptions, LanePosition, Resume, Subscribe,
};

use super::expired::passing;
use super::viewer::Viewer;
use super::{begin, begin_in_lane, replayed, retained, settle};
use crate::stage::Stage;

const SOON: Duration = Duration::from_millis(100);
const MOMENT: Duration = Duration::from_millis(1);

/// A client that takes nothing, and for which a replay waits: of two values that expire soon, and of two
/// that don't.
fn scene(codec: Codec, separate_lanes: bool, keep: Keep) -> (Stage, u32) {
    let mut stage = Stage::with(Config::default(), SequencerConfig::default(), codec);
    let ann = stage.enter("ann");
    stage.separate_lanes = separate_lanes;
    let bob = stage.enter("bob");
    stage.say(ann, &passing("a", 100));
    stage.say(ann, &passing("b", 1000));
    stage.say(ann, &passing("c", 100));
    stage.say(ann, &retained("d", None, b"x"));
    stage.set_room(bob, 0);
    let options = LaneOptions { keep: Some(keep), ..LaneOptions::default() };
    begin_in_lane(&mut stage, bob, ">", 1, options);
    settle(&mut stage);
    assert_eq!(stage.shard.statistics().replayed, 4);
    (stage, bob)
}

/// What a client is sent once it takes everything. A gap would be a surprise.
fn sees(stage: &mut Stage, slot: u32) -> (Vec<String>, Vec<u64>) {
    stage.set_room(slot, usize::MAX);
    settle(stage);
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(slot));
    assert!(viewer.gaps.is_empty(), "{:?}", viewer.gaps);
    (viewer.replayed.into_iter().map(|(topic, ..)| topic).collect(), viewer.caught_up)
}

#[test]
fn a_value_that_expires_while_it_waits_is_not_sent_and_no_gap_tells_it() {
    for codec in [Codec::Bincode, Codec::Json] {
        for separate_lanes in [false, true] {
            for keep in [Keep::All, Keep::Latest(1), Keep::Merge] {
                let (mut stage, bob) = scene(codec, separate_lanes, keep);
                stage.pass(SOON);
                let (topics, caught_up) = sees(&mut stage, bob);
                assert_eq!((topics.join(" "), caught_up), ("b d".to_owned(), vec![1]), "{keep:?}");
            }
        }
    }
}

#[test]
fn a_moment_before_its_time_it_is_sent() {
    let (mut stage, bob) = scene(Codec::Bincode, false, Keep::All);
    stage.pass(SOON - MOMENT);
    assert_eq!(sees(&mut stage, bob).0, ["a", "b", "c", "d"]);
}

#[test]
fn where_all_that_waits_has_expired_the_replay_goes_on_and_credit_is_left() {
    for separate_lanes in [false, true] {
        let mut stage = Stage::new(Config::default());
        let ann = stage.enter("ann");
        stage.separate_lanes = separate_lanes;
        let bob = stage.enter_with_credit("bob", 8 << 10);
        stage.subscribe(bob, "b");
        for topic in 0..1000 {
            stage.write(ann, &passing(&format!("a.{topic}"), 100));
        }
        stage.turn();
        begin_answered(&mut stage, bob);
        assert_eq!(stage.shard.statistics().replayed, 256, "a page waits");
        stage.pass(SOON);
        assert_eq!(sees(&mut stage, bob), (Vec::new(), vec![2]));
        stage.publish(ann, "b", b"y");
        assert_eq!(stage.messages(bob).len(), 1, "what comes later isn't held up");
    }
}

/// Begins with what is retained: the answer leaves, and the values wait.
fn begin_answered(stage: &mut Stage, slot: u32) {
    stage.packets(slot);
    stage.set_room(slot, 1);
    begin(stage, slot, "a.*");
    let answer = stage.frames(slot);
    assert!(matches!(answer[..], [BrokerFrame::Accepted(_)]), "{answer:?}");
    settle(stage);
}

#[test]
fn what_a_link_took_along_is_not_sent_again_once_it_has_expired() {
    let sequencer = SequencerConfig::default();
    let mut stage = Stage::with_absence(Config::default(), sequencer, Codec::Bincode);
    let ann = stage.enter("ann");
    stage.say(ann, &passing("a", 100));
    stage.say(ann, &retained("b", None, b"x"));
    let bob = stage.connect(Connect { version: 1, ..Connect::default() });
    let Some(BrokerFrame::Connected(connected)) = stage.frames(bob).into_iter().next() else {
        panic!("connected comes first");
    };
    let (lane, options) = (Some(1), Some(LaneOptions::default()));
    stage.say(bob, &ClientFrame::Subscribe(Subscribe { lane, options, ..replayed(">") }));
    settle(&mut stage);
    // The answer arrives, and nothing behind it.
    stage.packets(bob);
    stage.lose(bob);
    stage.pass(SOON);
    let lanes = [(0, 0), (1, 1)].map(|(lane, frames)| LanePosition { lane, frames });
    let (session, secret) = (connected.session, connected.secret);
    let resume = Some(Resume { session, secret, lanes: lanes.to_vec() });
    let bob = stage.connect(Connect { version: 1, resume, ..Connect::default() });
    let (topics, caught_up) = sees(&mut stage, bob);
    assert_eq!((topics.join(" "), caught_up), ("b".to_owned(), vec![1]));
}
