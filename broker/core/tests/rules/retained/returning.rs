//! Replays of sessions whose client loses its connection and comes back.

use broker_core::{Absence, Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, LaneOptions, LanePosition, Overflow, Resume, Subscribe,
};

use super::viewer::Viewer;
use super::{keep_many, replayed, retained, settle};
use crate::stage::Stage;

const VALUES: usize = 1000;

/// A client in the middle of its replay in lane 1: it read the first packet and lost those behind it.
struct Scene {
    stage: Stage,
    publisher: u32,
    viewer: Viewer,
    resume: Resume,
}

fn scene(resume_window: u64, options: LaneOptions) -> Scene {
    scene_lost(resume_window, options, 3)
}

/// The same, with so many packets lost.
fn scene_lost(resume_window: u64, options: LaneOptions, packets: usize) -> Scene {
    let absence = Absence { resume_window, ..Absence::default() };
    let config = Config { absence, ..Config::default() };
    let mut stage = Stage::with_absence(config, SequencerConfig::default(), Codec::Bincode);
    let publisher = stage.enter("ann");
    keep_many(&mut stage, publisher, VALUES);
    let bob = stage.connect(Connect { version: 1, ..Connect::default() });
    let Some(BrokerFrame::Connected(connected)) = stage.frames(bob).into_iter().next() else {
        panic!("connected comes first");
    };
    // The answer, and the first packet of the replay.
    stage.set_room(bob, 2);
    let (lane, options) = (Some(1), Some(options));
    let subscribe = Subscribe { lane, options, ..replayed("a.*") };
    stage.say(bob, &ClientFrame::Subscribe(subscribe));
    let read = stage.frames(bob);
    let is_data = |frame: &&BrokerFrame<'_>| !matches!(frame, BrokerFrame::Lane(_));
    let position = LanePosition { lane: 1, frames: read.iter().filter(is_data).count() as u64 };
    let mut viewer = Viewer::default();
    viewer.read(read);
    // This arrives nowhere.
    for _ in 0..packets {
        stage.set_room(bob, 1);
        stage.turn();
    }
    stage.packets(bob);
    stage.lose(bob);
    let (session, secret) = (connected.session, connected.secret);
    let lanes = vec![LanePosition { lane: 0, frames: 0 }, position];
    Scene { stage, publisher, viewer, resume: Resume { session, secret, lanes } }
}

impl Scene {
    fn come_back(&mut self) {
        let resume = Some(self.resume.clone());
        self.viewer.addressee = None;
        let bob = self.stage.connect(Connect { version: 1, resume, ..Connect::default() });
        settle(&mut self.stage);
        let frames = self.stage.frames(bob);
        assert!(
            matches!(&frames[0], BrokerFrame::Connected(one) if one.resumed),
            "{:?}",
            frames[0]
        );
        self.viewer.read(frames);
    }
}

#[test]
fn a_replay_goes_on_where_its_client_is() {
    let mut scene = scene(1 << 20, LaneOptions::default());
    let before = scene.viewer.replayed.len();
    assert!((1..VALUES / 2).contains(&before), "{before}");
    // While it is away values change, and one more is kept.
    for topic in ["a.0", "a.999", "a.new"] {
        scene.stage.say(scene.publisher, &retained(topic, None, b"new"));
    }
    scene.come_back();
    assert_eq!(scene.viewer.held().len(), VALUES + 1);
    assert_eq!((scene.viewer.live, scene.viewer.caught_up), (3, vec![1]));
}

#[test]
fn where_what_was_on_its_way_is_no_longer_known_all_comes_anew() {
    for overflow in [None, Some(Overflow::Resync)] {
        let mut scene = scene(100, LaneOptions { overflow, ..LaneOptions::default() });
        scene.viewer.resyncs = true;
        scene.come_back();
        assert_eq!(scene.viewer.held().len(), VALUES, "{overflow:?}");
        assert_eq!(scene.viewer.caught_up.last(), Some(&1));
    }
}

#[test]
fn a_caught_up_that_was_on_its_way_does_not_come_in_front_of_what_comes_anew() {
    for packets in [1, 2, 4, 100] {
        let mut scene = scene_lost(100, LaneOptions::default(), packets);
        scene.viewer.resyncs = true;
        scene.come_back();
        assert_eq!(scene.viewer.held().len(), VALUES, "{packets}");
        assert_eq!(scene.viewer.caught_up, [1], "{packets}");
    }
}

#[test]
fn a_lane_that_resyncs_discards_while_its_client_is_away_and_is_sent_the_state_of_its_return() {
    let options = LaneOptions {
        overflow: Some(Overflow::Resync),
        bound_messages: Some(5),
        ..LaneOptions::default()
    };
    let mut scene = scene(1 << 20, options);
    scene.viewer.resyncs = true;
    for _ in 0..4 {
        keep_many(&mut scene.stage, scene.publisher, VALUES);
    }
    scene.come_back();
    assert_eq!(scene.viewer.accounted(), 4 * VALUES as u64);
    assert!(scene.viewer.held().values().all(|seq| *seq == 5));
    assert_eq!(scene.viewer.held().len(), VALUES);
    assert_eq!(scene.viewer.caught_up.last(), Some(&1));
}
