//! How callbacks end with their owners, and holds with their holders.

use std::time::Duration;

use broker_core::{Absence, Config};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Attach, BrokerFrame, ClientFrame, Connect, Disconnect, Hold, LanePosition, Offer,
    ReleasedReason, Resume,
};

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

#[test]
fn a_thousand_holds_of_a_session_that_ends_are_given_up_in_one_turn_and_the_others_in_the_next() {
    let mut scene = Scene::new();
    let callbacks: Vec<_> = (0..1001).map(|_| scene.offer(&[method("a", 0)])).collect();
    for callback in &callbacks {
        scene.hold(scene.caller, callback).expect("it is there");
    }
    scene.stage.write(scene.caller, &ClientFrame::Disconnect(Disconnect::default()));
    assert_eq!(scene.stage.shard.statistics().holds, 1, "those of the turn in which it came");
    scene.stage.single_turn();
    assert_eq!(scene.stage.shard.statistics().holds, 0);
    scene.stage.turn();
    assert_eq!(scene.released(scene.owner).len(), 1001);
}

#[test]
fn a_command_that_is_repeated_after_coming_back_gets_its_first_answer_and_changes_nothing() {
    let mut scene = Scene::with_absence();
    let callback = held(&mut scene);
    let connect = Connect { version: 1, ..Connect::default() };
    let slot = scene.stage.connect(connect);
    let connected = scene.stage.frames(slot).into_iter().find_map(|frame| match frame {
        BrokerFrame::Connected(connected) => Some(connected),
        _ => None,
    });
    let connected = connected.expect("it is let in");
    let (interface, methods) = (String::new(), vec![method("a", 0)]);
    let commands = [
        ClientFrame::Offer(Offer { id: 1, interface, methods }),
        ClientFrame::Hold(Hold { id: 2, callback: callback.clone(), presence: false }),
        ClientFrame::Attach(Attach { id: 3, topic: "t".to_owned(), callback: callback.clone() }),
        ClientFrame::Hold(Hold { id: 4, callback: "f".repeat(32), presence: false }),
        super::call(Some(5), (&callback, "a"), (None, "once")),
    ];
    let answers = |scene: &mut Scene, slot| {
        let frames = scene.stage.frames(slot).into_iter();
        let answers = frames
            .filter(|frame| matches!(frame, BrokerFrame::Accepted(_) | BrokerFrame::Rejected(_)));
        answers.collect::<Vec<_>>()
    };
    commands.iter().for_each(|command| scene.stage.say(slot, command));
    let first = answers(&mut scene, slot);
    assert_eq!(first.len(), commands.len());
    let statistics = scene.stage.shard.statistics();
    scene.stage.lose(slot);
    let (session, secret) = (connected.session, connected.secret);
    let resume = Some(Resume { session, secret, lanes: Vec::new() });
    let slot = scene.stage.connect(Connect { version: 1, resume, ..Connect::default() });
    commands.iter().for_each(|command| scene.stage.say(slot, command));
    assert_eq!(answers(&mut scene, slot), first);
    let now = scene.stage.shard.statistics();
    assert_eq!((now.callbacks, now.holds), (statistics.callbacks, statistics.holds));
    let told = super::told(&scene.stage.frames(scene.owner));
    assert_eq!(told, ["attached t", "a once 1"]);
}

#[test]
fn what_was_released_while_a_holder_was_away_is_told_when_it_comes_back_and_once() {
    let mut scene = Scene::with_absence();
    let callback = scene.offer(&[method("a", 0)]);
    let slot = scene.stage.connect(Connect { version: 1, ..Connect::default() });
    let connected = scene.stage.frames(slot).into_iter().find_map(|frame| match frame {
        BrokerFrame::Connected(connected) => Some(connected),
        _ => None,
    });
    let connected = connected.expect("it is let in");
    scene.hold(slot, &callback).expect("it is there");
    scene.stage.lose(slot);
    scene.release(scene.owner, &callback);
    let resume = |frames| {
        let lanes = vec![LanePosition { lane: 0, frames }];
        let (session, secret) = (connected.session.clone(), connected.secret.clone());
        Connect {
            version: 1,
            resume: Some(Resume { session, secret, lanes }),
            ..Connect::default()
        }
    };
    let expected = [(callback, ReleasedReason::Released)];
    // The first time it is lost with the link.
    for _ in 0..2 {
        let slot = scene.stage.connect(resume(0));
        assert_eq!(scene.released(slot), expected);
        scene.stage.lose(slot);
    }
    let slot = scene.stage.connect(resume(1));
    assert!(scene.released(slot).is_empty());
}
