//! What a turn costs for replays is bounded, however little they bring.

use broker_core::{Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{ClientFrame, LaneOptions, Subscribe};

use super::viewer::Viewer;
use super::{keep_many, replayed, settle};
use crate::stage::Stage;

/// How many values a turn looks at for one session, and for all of them.
const SESSION_LOOKS: u64 = 1024;
const TURN_LOOKS: u64 = 16 << 10;

const VALUES: usize = 5000;

fn stage() -> (Stage, u32) {
    let mut stage = Stage::with(Config::default(), SequencerConfig::default(), Codec::Bincode);
    let publisher = stage.enter("ann");
    keep_many(&mut stage, publisher, VALUES);
    (stage, publisher)
}

fn begin(stage: &mut Stage, slot: u32, filter: &str, lane: u8) {
    let (lane, options) = (Some(lane), Some(LaneOptions::default()));
    let subscribe = Subscribe { lane, options, ..replayed(filter) };
    stage.write(slot, &ClientFrame::Subscribe(subscribe));
}

/// The most values that any single turn looked at until nothing was looked at any more.
fn most_looks(stage: &mut Stage) -> u64 {
    let (mut most, mut idle) = (0, 0);
    while idle < 3 {
        let before = stage.sequencer.statistics().replay_looks;
        stage.single_turn();
        let looks = stage.sequencer.statistics().replay_looks - before;
        most = looks.max(most);
        idle = if looks == 0 { idle + 1 } else { 0 };
    }
    most
}

#[test]
fn a_session_whose_replays_match_nothing_has_its_share_of_a_turn_and_no_more() {
    let (mut stage, _) = stage();
    let eve = stage.enter("eve");
    for subscription in 0..300 {
        begin(&mut stage, eve, "*.nothing", subscription as u8 % 15 + 1);
    }
    let most = most_looks(&mut stage);
    assert!((SESSION_LOOKS / 2..=SESSION_LOOKS).contains(&most), "{most} in a turn");
    // All of it was done, over many turns.
    let looks = stage.sequencer.statistics().replay_looks;
    assert!(looks >= 300 * VALUES as u64, "{looks}");
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(eve));
    assert_eq!(viewer.caught_up.len(), 300);
}

#[test]
fn sessions_that_ask_at_once_share_a_turn() {
    let (mut stage, _) = stage();
    let sessions: Vec<u32> = (0..100).map(|number| stage.enter(&format!("e{number}"))).collect();
    for session in &sessions {
        begin(&mut stage, *session, "*.nothing", 1);
    }
    let most = most_looks(&mut stage);
    assert!((TURN_LOOKS / 2..=TURN_LOOKS).contains(&most), "{most} in a turn");
    for session in sessions {
        let mut viewer = Viewer::default();
        viewer.read(stage.frames(session));
        assert_eq!(viewer.caught_up, [1]);
    }
}

#[test]
fn a_replay_beside_hostile_ones_comes_whole() {
    let (mut stage, _) = stage();
    let (eve, bob) = (stage.enter("eve"), stage.enter("bob"));
    (1..16).for_each(|lane| begin(&mut stage, eve, "*.nothing", lane));
    begin(&mut stage, bob, "a.*", 1);
    settle(&mut stage);
    let mut viewer = Viewer::default();
    viewer.read(stage.frames(bob));
    assert_eq!((viewer.held().len(), viewer.caught_up), (VALUES, vec![1]));
}
