//! Holding, and letting go.

use broker_core::Config;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, ReleasedReason};

use super::{Scene, latest, method, told};

#[test]
fn who_holds_a_callback_is_told_once_that_its_owner_released_it() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("a", 0)]);
    let (caller, owner) = (scene.caller, scene.owner);
    for _ in 0..2 {
        assert_eq!(scene.hold(caller, &callback), Ok(callback.clone()));
    }
    assert_eq!(scene.stage.shard.statistics().holds, 1);
    scene.release(owner, &callback);
    let expected = vec![(callback.clone(), ReleasedReason::Released)];
    assert_eq!(scene.released(caller), expected);
    scene.release(owner, &callback);
    assert!(scene.released(caller).is_empty());
    assert_eq!(scene.hold(caller, &callback), Err(ErrorCode::UnknownCallback));
    assert_eq!(scene.stage.shard.statistics().holds, 0);
}

#[test]
fn nobody_but_owner_and_holders_can_release_anything() {
    let mut scene = Scene::new();
    let (other, callback) = (scene.stage.enter("other"), scene.offer(&[method("a", 0)]));
    scene.hold(scene.caller, &callback).expect("it is there");
    scene.release(other, &callback);
    scene.release(other, "nonsense");
    assert!(scene.released(scene.owner).is_empty() && scene.released(scene.caller).is_empty());
    assert!(scene.call(&callback, "a", "x").is_ok());
}

#[test]
fn who_has_let_go_is_told_nothing_any_more() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("a", 0)]);
    scene.hold(scene.caller, &callback).expect("it is there");
    scene.release(scene.caller, &callback);
    scene.release(scene.owner, &callback);
    assert!(scene.released(scene.caller).is_empty());
}

#[test]
fn the_owner_is_told_behind_the_last_call_in_each_lane_when_nobody_holds_it_any_more() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("a", 0), latest("b", 1), latest("c", 1)]);
    let other = scene.stage.enter("other");
    for holder in [scene.caller, other] {
        scene.hold(holder, &callback).expect("it is there");
    }
    scene.release(other, &callback);
    assert!(scene.stage.frames(scene.owner).is_empty());
    scene.stage.set_room(scene.owner, 0);
    for method in ["a", "b", "b"] {
        assert!(scene.call(&callback, method, "x").is_ok());
    }
    scene.release(scene.caller, &callback);
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    let mut lanes = [Vec::new(), Vec::new()];
    let mut lane = 0;
    for frame in scene.stage.frames(scene.owner) {
        match frame {
            BrokerFrame::Lane(header) => lane = usize::from(header.lane),
            frame => lanes[lane].extend(told(&[frame])),
        }
    }
    assert_eq!(lanes[0], ["a x 1", "released Released"]);
    assert_eq!(lanes[1], ["gap 1 Conflated", "b x 2", "released Released"]);
    assert!(scene.call(&callback, "a", "still there").is_ok());
}

#[test]
fn the_owner_is_told_how_the_last_holder_went() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("a", 0)]);
    scene.hold(scene.caller, &callback).expect("it is there");
    scene.stage.lose(scene.caller);
    assert_eq!(scene.released(scene.owner), [(callback, ReleasedReason::TimedOut)]);
}

#[test]
fn holding_and_letting_go_again_and_again_fills_no_lane_of_who_is_slow() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("a", 0)]);
    scene.stage.set_room(scene.owner, 0);
    let caller = scene.caller;
    for _ in 0..1000 {
        scene.hold(caller, &callback).expect("it is there");
        scene.release(caller, &callback);
    }
    assert!(scene.call(&callback, "a", "last").is_ok());
    scene.hold(caller, &callback).expect("it is there");
    scene.release(caller, &callback);
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    let told = told(&scene.stage.frames(scene.owner));
    assert_eq!(told, ["released Released", "a last 1", "released Released"]);
}

#[test]
fn a_session_holds_so_much_and_no_more() {
    let mut config = Config::default();
    config.limits.holds_max = 2;
    let mut scene = Scene::with(config);
    let callbacks: Vec<_> = (0..3).map(|_| scene.offer(&[method("a", 0)])).collect();
    let caller = scene.caller;
    assert!(callbacks[..2].iter().all(|callback| scene.hold(caller, callback).is_ok()));
    assert_eq!(scene.hold(caller, &callbacks[2]), Err(ErrorCode::TooManyCallbacks));
    assert!(scene.hold(caller, &callbacks[0]).is_ok(), "what it holds it may hold");
    scene.release(caller, &callbacks[0]);
    assert!(scene.hold(caller, &callbacks[2]).is_ok());
    scene.hold(caller, &"f".repeat(32)).expect_err("there is none");
}

#[test]
fn what_was_refused_counts_nowhere() {
    let mut config = Config::default();
    config.limits.holds_max = 1;
    let mut scene = Scene::with(config);
    let (caller, callback) = (scene.caller, scene.offer(&[method("a", 0)]));
    for _ in 0..3 {
        assert_eq!(scene.hold(caller, &"f".repeat(32)), Err(ErrorCode::UnknownCallback));
    }
    assert!(scene.hold(caller, &callback).is_ok());
}

#[test]
fn a_session_is_held_by_its_id_and_its_end_is_told() {
    let mut scene = Scene::new();
    let (caller, owner) = (scene.caller, scene.owner);
    let session = format!("0-{owner}-0");
    for _ in 0..2 {
        assert_eq!(scene.hold(caller, &session), Ok(session.clone()));
    }
    for unknown in ["0-0-7", "0-9-0", "1-0-0", "65535-0-0", "0-0", ""] {
        assert_eq!(scene.hold(caller, unknown), Err(ErrorCode::UnknownCallback), "{unknown}");
    }
    scene.release(caller, "0-9-0");
    scene.stage.lose(owner);
    assert_eq!(scene.released(caller), [(session, ReleasedReason::TimedOut)]);
}

#[test]
fn a_thousand_holders_and_one_are_told_in_two_turns_and_a_thousand_in_one() {
    for (holders, in_first) in [(1000, 1000), (1001, 1000)] {
        let mut scene = Scene::new();
        let callback = scene.offer(&[method("a", 0)]);
        let slots: Vec<u32> = (0..holders).map(|_| scene.stage.enter("holder")).collect();
        for slot in &slots {
            scene.hold(*slot, &callback).expect("it is there");
        }
        let release = super::Release { callback: callback.clone() };
        scene.stage.write(scene.owner, &super::ClientFrame::Release(release));
        scene.stage.single_turn();
        let told = |scene: &mut Scene| {
            slots.iter().filter(|slot| !scene.released(**slot).is_empty()).count()
        };
        assert_eq!(told(&mut scene), in_first);
        scene.stage.single_turn();
        assert_eq!(told(&mut scene), holders - in_first);
    }
}
