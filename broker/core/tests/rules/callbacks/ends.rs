//! How callbacks end with their owners, and holds with their holders.

use std::time::Duration;

use broker_core::{Absence, Config};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{ClientFrame, Connect, Disconnect, ReleasedReason};

use super::{Scene, method};

/// A callback that the caller holds.
fn held(scene: &mut Scene) -> String {
    let callback = scene.offer(&[method("a", 0)]);
    scene.hold(scene.caller, &callback).expect("it is there");
    callback
}

#[test]
fn a_hundred_callbacks_of_a_link_that_breaks_are_told_at_once_without_expiry() {
    let mut scene = Scene::new();
    let callbacks: Vec<_> = (0..100).map(|_| held(&mut scene)).collect();
    scene.stage.lose(scene.owner);
    let expected = callbacks.into_iter().map(|one| (one, ReleasedReason::TimedOut));
    assert_eq!(scene.released(scene.caller), expected.collect::<Vec<_>>());
    assert_eq!(scene.stage.shard.statistics().callbacks, 0);
}

#[test]
fn who_says_goodbye_closes_its_callbacks() {
    let mut scene = Scene::new();
    let callback = held(&mut scene);
    scene.stage.say(scene.owner, &ClientFrame::Disconnect(Disconnect::default()));
    assert_eq!(scene.released(scene.caller), [(callback, ReleasedReason::Closed)]);
}

#[test]
fn whom_the_broker_ends_is_kicked() {
    let mut scene = Scene::new();
    let callback = held(&mut scene);
    scene.stage.say(scene.owner, &ClientFrame::Connect(Connect::default()));
    assert_eq!(scene.stage.ended(scene.owner), Some(ErrorCode::Unexpected));
    assert_eq!(scene.released(scene.caller), [(callback, ReleasedReason::Kicked)]);
}

#[test]
fn a_frozen_client_is_silent_for_its_time_and_then_for_that_of_its_session() {
    let mut scene = Scene::with_absence();
    let callback = held(&mut scene);
    let mut at = Duration::ZERO;
    let mut told = Vec::new();
    while told.is_empty() {
        at += Duration::from_millis(500);
        scene.stage.pass(Duration::from_millis(500));
        let pong = broker_protocol::frame::Pong::default();
        scene.stage.say(scene.caller, &ClientFrame::Pong(pong));
        told = scene.released(scene.caller);
        assert!(at < Duration::from_secs(70));
    }
    assert_eq!(told, [(callback, ReleasedReason::TimedOut)]);
    assert!(at >= Duration::from_secs(60), "30 s of silence and 30 s of absence: {at:?}");
}

#[test]
fn a_session_that_goes_for_want_of_room_is_kicked() {
    let absence = Absence { sessions_max: 0, ..Absence::default() };
    let config = Config { absence, ..Config::default() };
    let stage = crate::stage::Stage::with_absence(
        config,
        broker_core::SequencerConfig::default(),
        broker_protocol::Codec::Json,
    );
    let mut scene = Scene::on(stage);
    let callback = held(&mut scene);
    scene.stage.lose(scene.owner);
    assert_eq!(scene.released(scene.caller), [(callback, ReleasedReason::Kicked)]);
}

#[test]
fn the_end_of_a_holder_is_the_end_of_what_it_holds() {
    let mut scene = Scene::new();
    let (one, other) = (held(&mut scene), held(&mut scene));
    scene.stage.say(scene.caller, &ClientFrame::Disconnect(Disconnect::default()));
    let mut told = scene.released(scene.owner);
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let mut expected = vec![(one, ReleasedReason::Closed), (other, ReleasedReason::Closed)];
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(told, expected);
    assert_eq!(scene.stage.shard.statistics().holds, 0);
}
