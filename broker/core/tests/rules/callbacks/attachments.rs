//! Callbacks that are attached to topics.

use std::time::Duration;

use broker_core::{Config, KeepRule, Pattern, Policies};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{ClientFrame, GapReason, LaneOptions, Publish};

use super::{Scene, latest, method, told};

#[test]
fn an_attached_callback_gets_what_is_published_under_the_topic_from_then_on() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 0), method("tock", 0)]);
    let caller = scene.caller;
    scene.stage.publish(caller, "clock.tick", b"before");
    assert_eq!(scene.attach("clock", &callback), Ok(callback.clone()));
    for topic in ["clock.tick", "clock.tock", "clock.other", "clock"] {
        scene.stage.publish(caller, topic, b"x");
    }
    assert_eq!(scene.detach("clock", &callback), Ok(callback.clone()));
    scene.stage.publish(caller, "clock.tick", b"behind");
    let told = told(&scene.stage.frames(scene.owner));
    assert_eq!(told, ["attached clock", "tick x 2", "tock x 1", "detached clock"]);
}

#[test]
fn what_is_published_right_behind_an_attach_comes_and_right_behind_a_detach_does_not() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 0)]);
    let (caller, topic) = (scene.caller, "clock".to_owned());
    let (id, again) = (7, callback.clone());
    let attach = super::Attach { id, topic: topic.clone(), callback };
    let detach = super::Detach { id: 8, topic, callback: again };
    let publish = Publish::bytes("clock.tick", b"x");
    scene.stage.write(caller, &ClientFrame::Attach(attach));
    scene.stage.write(caller, &ClientFrame::Publish(publish.clone()));
    scene.stage.write(caller, &ClientFrame::Detach(detach));
    scene.stage.write(caller, &ClientFrame::Publish(publish));
    scene.stage.turn();
    let told = told(&scene.stage.frames(scene.owner));
    assert_eq!(told, ["attached clock", "tick x 1", "detached clock"]);
}

#[test]
fn attaching_twice_is_attaching_once_and_detaching_what_isnt_attached_is_nothing() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 0)]);
    assert!(scene.detach("clock", &callback).is_ok());
    assert!(scene.attach("clock", &callback).is_ok() && scene.attach("clock", &callback).is_ok());
    assert!(scene.detach("clock", &callback).is_ok() && scene.detach("clock", &callback).is_ok());
    scene.stage.publish(scene.caller, "clock.tick", b"x");
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["attached clock", "detached clock"]);
}

#[test]
fn callbacks_of_one_session_share_a_subscription_and_each_lane_gets_one_copy() {
    let mut scene = Scene::new();
    let (one, two) = (scene.offer(&[method("tick", 0)]), scene.offer(&[method("tick", 0)]));
    let other = scene.offer(&[latest("tick", 1)]);
    for callback in [&one, &two, &other] {
        assert!(scene.attach("clock", callback).is_ok());
    }
    scene.stage.frames(scene.owner);
    let caller = scene.caller;
    scene.stage.publish(caller, "clock.tick", b"x");
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["tick x 1", "tick x 1"]);
    assert!(scene.detach("clock", &one).is_ok());
    scene.stage.publish(caller, "clock.tick", b"y");
    let frames = scene.stage.frames(scene.owner);
    assert_eq!(told(&frames), ["detached clock", "tick y 2", "tick y 2"]);
    assert!(scene.detach("clock", &two).is_ok());
    scene.stage.publish(caller, "clock.tick", b"z");
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["detached clock", "tick z 3"]);
}

#[test]
fn the_end_of_a_callback_detaches_it_everywhere() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 0)]);
    for topic in ["clock", "watch"] {
        assert!(scene.attach(topic, &callback).is_ok());
    }
    scene.stage.frames(scene.owner);
    scene.release(scene.owner, &callback);
    for topic in ["clock.tick", "watch.tick"] {
        scene.stage.publish(scene.caller, topic, b"x");
    }
    assert!(scene.stage.frames(scene.owner).is_empty());
    assert_eq!(scene.attach("clock", &callback), Err(ErrorCode::UnknownCallback));
    assert_eq!(scene.detach("clock", &callback), Err(ErrorCode::UnknownCallback));
}

#[test]
fn what_is_attached_conflates_as_its_lane_does() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[latest("tick", 1)]);
    assert!(scene.attach("clock", &callback).is_ok());
    scene.stage.frames(scene.owner);
    scene.stage.set_room(scene.owner, 0);
    for value in [b"1", b"2", b"3"] {
        scene.stage.publish(scene.caller, "clock.tick", value);
    }
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    let conflated = format!("gap 2 {:?}", GapReason::Conflated);
    assert_eq!(told(&scene.stage.frames(scene.owner)), [&*conflated, "tick 3 3"]);
}

#[test]
fn a_topic_that_is_none_belongs_to_the_broker_or_leaves_no_room_is_refused() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 0)]);
    let (longest, longer) = ("x".repeat(250), "x".repeat(251));
    for (topic, code) in [
        ("a.*", ErrorCode::InvalidTopic),
        ("", ErrorCode::InvalidTopic),
        ("$to.owner", ErrorCode::ReservedTopic),
        (&longer, ErrorCode::InvalidTopic),
    ] {
        assert_eq!(scene.attach(topic, &callback), Err(code), "{topic:?}");
    }
    assert!(scene.attach(&longest, &callback).is_ok());
    assert_eq!(scene.attach("a", "owner"), Err(ErrorCode::UnknownCallback));
}

#[test]
fn attachments_times_methods_count_as_subscriptions_of_the_owner() {
    let mut config = Config::default();
    config.limits.subscriptions_max = 5;
    let mut scene = Scene::with(config);
    let (one, two) = (
        scene.offer(&[method("a", 0), method("b", 0)]),
        scene.offer(&[method("a", 0), method("b", 0)]),
    );
    scene.stage.subscribe(scene.owner, "x");
    assert!(scene.attach("t", &one).is_ok() && scene.attach("t", &two).is_ok());
    assert_eq!(scene.attach("u", &one), Err(ErrorCode::TooManySubscriptions));
    scene.stage.frames(scene.owner);
    scene.stage.subscribe(scene.owner, "y");
    assert_eq!(scene.stage.refused(scene.owner), Some(ErrorCode::TooManySubscriptions));
    assert!(scene.detach("t", &two).is_ok() && scene.attach("u", &one).is_ok());
    // What was refused is wanted by nobody: it ends as often as it began.
    scene.stage.lose(scene.owner);
    scene.stage.publish(scene.caller, "t.a", b"x");
}

#[test]
fn attaching_and_detaching_again_and_again_ends_no_session_that_is_slow() {
    let mut config = Config::default();
    config.limits.control_bytes_max = 64 << 10;
    let mut scene = Scene::with(config);
    let mut tick = method("tick", 1);
    tick.options = Some(LaneOptions { bound_bytes: Some(1 << 10), ..LaneOptions::default() });
    let callback = scene.offer(&[tick]);
    scene.stage.set_room(scene.owner, 0);
    let refused = (0..1000).find_map(|_| {
        let refused = scene.attach("clock", &callback).err();
        scene.detach("clock", &callback).expect("it is always detached");
        refused
    });
    assert_eq!(refused, Some(ErrorCode::Busy));
    assert_eq!(scene.stage.ended(scene.owner), None);
}

#[test]
fn what_a_pattern_keeps_out_of_a_lane_isnt_attached_there() {
    let forbidden_keeps = vec![KeepRule::All];
    let market = Pattern { filter: "market.>".to_owned(), forbidden_keeps, ..Pattern::default() };
    let policies = Policies::new(vec![market]);
    let mut scene = Scene::with(Config { policies, ..Config::default() });
    let (all, newest) = (scene.offer(&[method("tick", 0)]), scene.offer(&[latest("tick", 1)]));
    assert_eq!(scene.attach("market", &all), Err(ErrorCode::LaneOptions));
    assert!(scene.attach("market", &newest).is_ok() && scene.attach("clock", &all).is_ok());
}

#[test]
fn what_is_attached_expires_in_a_lane_that_waits_as_everywhere() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 0)]);
    assert!(scene.attach("clock", &callback).is_ok());
    scene.stage.frames(scene.owner);
    scene.stage.set_room(scene.owner, 0);
    for expires_in in [Some(10), None] {
        let publish = Publish { expires_in, ..Publish::bytes("clock.tick", b"x") };
        scene.stage.say(scene.caller, &ClientFrame::Publish(publish));
    }
    scene.stage.pass(Duration::from_millis(10));
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    let told = told(&scene.stage.frames(scene.owner));
    assert_eq!(told, ["gap 1 Expired", "tick x 2"]);
}

#[test]
fn what_is_attached_and_subscribed_in_one_lane_comes_once() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 0)]);
    assert!(scene.attach("clock", &callback).is_ok());
    scene.stage.subscribe(scene.owner, "clock.*");
    scene.stage.frames(scene.owner);
    scene.stage.publish(scene.caller, "clock.tick", b"x");
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["tick x 1"]);
    assert!(scene.detach("clock", &callback).is_ok());
    scene.stage.publish(scene.caller, "clock.tick", b"y");
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["detached clock", "tick y 2"]);
}

/// Attaches on behalf of a session.
fn attach_by(
    scene: &mut Scene,
    slot: u32,
    topic: &str,
    callback: &str,
) -> Result<String, ErrorCode> {
    let (id, topic, callback) = (scene.next_id(), topic.to_owned(), callback.to_owned());
    scene.answer(slot, id, &ClientFrame::Attach(super::Attach { id, topic, callback }))
}

#[test]
fn what_a_session_attached_is_detached_when_it_ends_unless_another_attached_it_too() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 0)]);
    let (one, other) = (scene.stage.enter("one"), scene.stage.enter("other"));
    for slot in [one, one, other] {
        assert!(attach_by(&mut scene, slot, "shared", &callback).is_ok());
    }
    assert!(attach_by(&mut scene, one, "alone", &callback).is_ok());
    scene.stage.frames(scene.owner);
    scene.stage.lose(one);
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["detached alone"]);
    let caller = scene.caller;
    scene.stage.publish(caller, "alone.tick", b"x");
    scene.stage.publish(caller, "shared.tick", b"y");
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["tick y 1"]);
    scene.stage.lose(other);
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["detached shared"]);
    scene.stage.publish(caller, "shared.tick", b"z");
    assert!(told(&scene.stage.frames(scene.owner)).is_empty());
}

#[test]
fn who_waits_for_its_client_keeps_what_it_attached() {
    let mut scene = Scene::with_absence();
    let callback = scene.offer(&[method("tick", 0)]);
    let attacher = scene.stage.enter("attacher");
    assert!(attach_by(&mut scene, attacher, "clock", &callback).is_ok());
    scene.stage.lose(attacher);
    let caller = scene.caller;
    scene.stage.publish(caller, "clock.tick", b"x");
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["attached clock", "tick x 1"]);
}

#[test]
fn what_was_detached_or_has_ended_is_not_detached_again_for_who_attached_it() {
    let mut scene = Scene::new();
    let (one, over) = (scene.offer(&[method("tick", 0)]), scene.offer(&[method("tick", 0)]));
    let attacher = scene.stage.enter("attacher");
    for callback in [&one, &over] {
        assert!(attach_by(&mut scene, attacher, "clock", callback).is_ok());
    }
    assert!(scene.detach("clock", &one).is_ok());
    assert!(scene.attach("clock", &one).is_ok());
    scene.release(scene.owner, &over);
    scene.stage.frames(scene.owner);
    scene.stage.lose(attacher);
    assert!(told(&scene.stage.frames(scene.owner)).is_empty());
    let caller = scene.caller;
    scene.stage.publish(caller, "clock.tick", b"x");
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["tick x 1"]);
}

#[test]
fn an_attachment_is_asked_for_by_sixty_four_sessions_and_no_more_until_one_ends() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 0)]);
    let slots: Vec<u32> = (0..65).map(|_| scene.stage.enter("attacher")).collect();
    for slot in &slots[..64] {
        assert!(attach_by(&mut scene, *slot, "clock", &callback).is_ok());
    }
    let attach = |scene: &mut Scene| attach_by(scene, slots[64], "clock", &callback);
    assert_eq!(attach(&mut scene), Err(ErrorCode::Busy));
    scene.stage.lose(slots[0]);
    assert!(attach(&mut scene).is_ok());
}

#[test]
fn a_session_that_attached_many_is_forgotten_in_slices() {
    let mut scene = Scene::new();
    let callbacks: Vec<_> = (0..300).map(|_| scene.offer(&[method("tick", 0)])).collect();
    let attacher = scene.stage.enter("attacher");
    for callback in &callbacks {
        assert!(attach_by(&mut scene, attacher, "clock", callback).is_ok());
    }
    scene.stage.frames(scene.owner);
    scene.stage.lose(attacher);
    scene.stage.turn();
    let detached = told(&scene.stage.frames(scene.owner));
    assert_eq!(detached.len(), callbacks.len());
}
