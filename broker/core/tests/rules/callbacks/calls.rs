//! Calls: sent and asked.

use std::borrow::Cow;
use std::time::Duration;

use broker_core::Config;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Body, BrokerFrame, Cancel, ClientFrame, Content, GapReason, Keep, LaneOptions, OfferedMethod,
    Outcome, Overflow, Publish, Reply, Request, RoutedRequest, Send,
};

use super::{Scene, call, latest, method, told};

fn ask(scene: &mut Scene, callback: &str, method: &str) -> u64 {
    let (id, topic) = (scene.next_id(), format!("$to.{callback}.{method}"));
    let request = Request { id, topic: Cow::Owned(topic), ..Request::default() };
    scene.stage.say(scene.caller, &ClientFrame::Request(request));
    id
}

/// The request that has come to the owner.
fn asked(scene: &mut Scene) -> RoutedRequest<'static> {
    let frames = scene.stage.frames(scene.owner).into_iter();
    let mut asked = frames.filter_map(|frame| match frame {
        BrokerFrame::Request(request) => Some(request),
        _ => None,
    });
    asked.next().expect("it was asked")
}

fn reply(scene: &mut Scene, token: Cow<'static, str>) {
    let outcome = Outcome::Answer(Body { payload: Cow::Borrowed(b"yes"), ..Body::default() });
    scene.stage.say(scene.owner, &ClientFrame::Reply(Reply { to: token, outcome }));
}

#[test]
fn a_call_comes_on_the_topic_of_the_callbacks_method_in_the_methods_lane() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("done", 0), latest("tick", 2)]);
    assert_eq!(scene.call(&callback, "tick", "one"), Ok(String::new()));
    let frames = scene.stage.frames(scene.owner);
    let [BrokerFrame::Lane(lane), BrokerFrame::Message(message), ..] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!((lane.lane, lane.subscription), (2, None));
    assert_eq!(message.topic, format!("$to.{callback}.tick"));
    assert_eq!((message.seq, message.from.as_deref()), (1, Some("caller")));
}

#[test]
fn each_method_of_each_callback_counts_its_calls_from_1_without_holes() {
    let mut scene = Scene::new();
    let methods = [method("a", 0), method("b", 0)];
    let (one, other) = (scene.offer(&methods), scene.offer(&methods));
    for (callback, method) in [(&one, "a"), (&one, "b"), (&one, "a"), (&other, "a")] {
        assert!(scene.call(callback, method, "x").is_ok());
    }
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["a x 1", "b x 1", "a x 2", "a x 1"]);
}

#[test]
fn a_call_for_which_a_lane_that_keeps_all_has_no_room_is_refused_and_takes_no_place() {
    let mut scene = Scene::new();
    let options = LaneOptions { bound_messages: Some(2), ..LaneOptions::default() };
    let mut tick = method("tick", 1);
    tick.options = Some(options);
    let callback = scene.offer(&[tick]);
    scene.stage.set_room(scene.owner, 0);
    for (number, expected) in [Ok(()), Ok(()), Err(ErrorCode::Busy)].iter().enumerate() {
        let answer = scene.call(&callback, "tick", &number.to_string()).map(drop);
        assert_eq!(answer, *expected, "{number}");
    }
    scene.stage.say(scene.caller, &call(None, (&callback, "tick"), (None, "2")));
    assert_eq!(
        scene.stage.refused(scene.caller),
        Some(ErrorCode::Busy),
        "without an id it is told too"
    );
    assert_eq!(scene.stage.shard.statistics().calls_refused, 2);
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    assert!(scene.call(&callback, "tick", "next").is_ok());
    let told = told(&scene.stage.frames(scene.owner));
    assert_eq!(told, ["tick 0 1", "tick 1 2", "tick next 3"]);
}

#[test]
fn a_lane_that_drops_the_oldest_makes_room_for_a_call_and_tells_what_went() {
    let mut scene = Scene::new();
    let overflow = Some(Overflow::DropOldest);
    let mut tick = method("tick", 1);
    tick.options =
        Some(LaneOptions { bound_messages: Some(3), overflow, ..LaneOptions::default() });
    let callback = scene.offer(&[tick]);
    scene.stage.set_room(scene.owner, 0);
    for number in 0..5 {
        assert!(scene.call(&callback, "tick", &number.to_string()).is_ok(), "{number}");
    }
    for number in 5..9 {
        let number = number.to_string();
        scene.stage.say(scene.caller, &call(None, (&callback, "tick"), (None, &number)));
    }
    scene.stage.turn();
    assert_eq!(scene.stage.shard.statistics().calls_refused, 0);
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    let told = told(&scene.stage.frames(scene.owner));
    assert_eq!(told, ["gap 7 Dropped", "tick 7 8", "tick 8 9"]);
}

#[test]
fn calls_that_come_together_find_the_room_and_the_count_of_those_that_come_one_by_one() {
    let mut scene = Scene::new();
    let options = LaneOptions { bound_messages: Some(3), ..LaneOptions::default() };
    let methods = ["tick", "tock"].map(|name| {
        let options = Some(options.clone());
        OfferedMethod { options, ..method(name, 1) }
    });
    let callback = scene.offer(&methods);
    scene.stage.set_room(scene.owner, 0);
    for (number, method) in ["tick", "tick", "tock", "tock", "tick"].iter().enumerate() {
        let number = number.to_string();
        let call = call(None, (&callback, method), (None, &number));
        scene.stage.say(scene.caller, &call);
    }
    scene.stage.turn();
    assert_eq!(scene.stage.shard.statistics().calls_refused, 2);
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    for method in ["tick", "tock"] {
        scene.stage.say(scene.caller, &call(None, (&callback, method), (None, "next")));
    }
    scene.stage.turn();
    let told = told(&scene.stage.frames(scene.owner));
    assert_eq!(told, ["tick 0 1", "tick 1 2", "tock 2 1", "tick next 3", "tock next 2"]);
}

#[test]
fn a_lane_that_conflates_keeps_the_newest_call_of_each_key_and_tells_the_others() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[latest("tick", 1)]);
    scene.stage.set_room(scene.owner, 0);
    for (key, value) in [("x", "1"), ("y", "2"), ("x", "3"), ("x", "4")] {
        let tick = call(None, (&callback, "tick"), (Some(key), value));
        scene.stage.say(scene.caller, &tick);
    }
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    let frames = scene.stage.frames(scene.owner);
    let conflated = format!("gap 2 {:?}", GapReason::Conflated);
    assert_eq!(told(&frames), [&*conflated, "tick 4 4", "tick 2 2"]);
    let gap = frames.iter().find_map(|frame| match frame {
        BrokerFrame::Gap(gap) => gap.topic.clone(),
        _ => None,
    });
    assert_eq!(gap, Some(format!("$to.{callback}.tick")));
}

#[test]
fn calls_of_one_key_keep_the_interval_of_their_lane() {
    let mut scene = Scene::new();
    let mut tick = latest("tick", 1);
    tick.options.as_mut().expect("it has some").min_interval = Some(100);
    let callback = scene.offer(&[tick]);
    for value in ["1", "2", "3"] {
        assert!(scene.call(&callback, "tick", value).is_ok());
    }
    assert_eq!(told(&scene.stage.frames(scene.owner)), ["tick 1 1"]);
    scene.stage.pass(Duration::from_millis(100));
    let conflated = format!("gap 1 {:?}", GapReason::Conflated);
    assert_eq!(told(&scene.stage.frames(scene.owner)), [&*conflated, "tick 3 3"]);
}

#[test]
fn calls_wait_for_an_owner_that_is_away_as_its_lanes_say() {
    let mut scene = Scene::with_absence();
    let callback = scene.offer(&[latest("tick", 1), method("done", 0)]);
    scene.stage.lose(scene.owner);
    for value in ["1", "2"] {
        assert!(scene.call(&callback, "tick", value).is_ok());
        assert!(scene.call(&callback, "done", value).is_ok());
    }
    assert_eq!(scene.stage.shard.statistics().callbacks, 1);
}

#[test]
fn who_calls_what_isnt_there_is_told_what_that_is() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 0)]);
    let unknown = "f".repeat(32);
    for (to, method, code) in [
        (&*unknown, "tick", ErrorCode::UnknownCallback),
        ("owner", "tick", ErrorCode::UnknownCallback),
        (&callback, "tock", ErrorCode::UnknownMethod),
        (&callback, &"x".repeat(65), ErrorCode::UnknownMethod),
    ] {
        assert_eq!(scene.call(to, method, "x"), Err(code), "{to} {method}");
        let id = ask(&mut scene, to, method);
        let frames = scene.stage.frames(scene.caller);
        let [BrokerFrame::Rejected(rejected)] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!((rejected.id, rejected.code), (id, code), "{to} {method}");
    }
    scene.release(scene.owner, &callback);
    assert_eq!(scene.call(&callback, "tick", "x"), Err(ErrorCode::UnknownCallback));
}

#[test]
fn a_method_is_asked_and_answers_like_a_service() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("tick", 3)]);
    let id = ask(&mut scene, &callback, "tick");
    let request = asked(&mut scene);
    assert_eq!(request.topic, format!("$to.{callback}.tick"));
    assert_eq!(request.session.as_deref(), Some("0-1-1"), "the session of who asks");
    reply(&mut scene, request.token);
    let frames = scene.stage.frames(scene.caller);
    let [BrokerFrame::Reply(reply)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((reply.id, reply.from.as_deref()), (id, Some("owner")));
}

#[test]
fn what_a_callback_was_asked_fails_when_it_is_released_before_it_answers() {
    let mut scene = Scene::new();
    let (one, other) = (scene.offer(&[method("a", 0)]), scene.offer(&[method("a", 0)]));
    ask(&mut scene, &other, "a");
    let stays = asked(&mut scene);
    ask(&mut scene, &one, "a");
    let fails = asked(&mut scene);
    scene.release(scene.owner, &one);
    assert_eq!(scene.stage.refused(scene.caller), Some(ErrorCode::ProviderGone));
    reply(&mut scene, fails.token);
    assert!(scene.stage.frames(scene.caller).is_empty());
    reply(&mut scene, stays.token);
    assert!(matches!(&scene.stage.frames(scene.caller)[..], [BrokerFrame::Reply(_)]));
}

#[test]
fn requests_of_callbacks_time_out_are_cancelled_and_refused_as_those_of_services() {
    let mut scene = Scene::new();
    let mut tick = method("tick", 1);
    tick.options = Some(LaneOptions { bound_bytes: Some(1), ..LaneOptions::default() });
    let callback = scene.offer(&[tick]);
    ask(&mut scene, &callback, "tick");
    scene.stage.pass(Duration::from_secs(6));
    assert_eq!(scene.stage.refused(scene.caller), Some(ErrorCode::TimedOut));
    let id = ask(&mut scene, &callback, "tick");
    scene.stage.say(scene.caller, &ClientFrame::Cancel(Cancel { id }));
    assert_eq!(scene.stage.refused(scene.caller), Some(ErrorCode::Cancelled));
    let frames = scene.stage.frames(scene.owner);
    let cancelled = frames.iter().filter(|frame| matches!(frame, BrokerFrame::Cancelled(_)));
    assert_eq!(cancelled.count(), 2);
    scene.stage.set_room(scene.owner, 0);
    ask(&mut scene, &callback, "tick");
    ask(&mut scene, &callback, "tick");
    assert_eq!(scene.stage.refused(scene.caller), Some(ErrorCode::Busy));
    scene.stage.lose(scene.owner);
    assert_eq!(scene.stage.refused(scene.caller), Some(ErrorCode::ProviderGone));
}

#[test]
fn a_payload_above_the_limit_is_refused() {
    let mut config = Config::default();
    config.limits.payload_bytes_max = 4;
    let mut scene = Scene::with(config);
    let callback = scene.offer(&[method("tick", 0)]);
    assert!(scene.call(&callback, "tick", "1234").is_ok());
    assert_eq!(scene.call(&callback, "tick", "12345"), Err(ErrorCode::PayloadTooLarge));
}

#[test]
fn calls_of_a_key_are_merged_where_the_lane_merges() {
    let mut scene = Scene::new();
    let mut patch = method("patch", 1);
    patch.options = Some(LaneOptions { keep: Some(Keep::Merge), ..LaneOptions::default() });
    let callback = scene.offer(&[patch]);
    scene.stage.set_room(scene.owner, 0);
    for patch in [r#"{"a":1}"#, r#"{"b":2}"#] {
        let mut frame = call(None, (&callback, "patch"), (None, patch));
        if let ClientFrame::Send(send) = &mut frame {
            send.body.content = Content::Json;
        }
        scene.stage.say(scene.caller, &frame);
    }
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    let told = told(&scene.stage.frames(scene.owner));
    assert_eq!(told, ["gap 1 Merged", r#"patch {"a":1,"b":2} 2"#]);
}

#[test]
fn a_lane_that_resyncs_discards_calls_tells_them_and_goes_on() {
    let mut scene = Scene::new();
    let mut tick = latest("tick", 1);
    let (overflow, bound_messages) = (Some(Overflow::Resync), Some(2));
    let options = tick.options.take().expect("it has some");
    tick.options = Some(LaneOptions { overflow, bound_messages, ..options });
    let callback = scene.offer(&[tick]);
    scene.stage.set_room(scene.owner, 0);
    for number in 0..8 {
        let key = number.to_string();
        let tick = call(None, (&callback, "tick"), (Some(&key), "x"));
        scene.stage.say(scene.caller, &tick);
    }
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    assert!(scene.call(&callback, "tick", "next").is_ok());
    let (mut received, mut lost) = (0, 0);
    for frame in scene.stage.frames(scene.owner) {
        match frame {
            BrokerFrame::Message(_) => received += 1,
            BrokerFrame::Gap(gap) => lost += gap.count,
            _ => {}
        }
    }
    assert!(received > 0 && lost > 0);
    assert_eq!(received + lost, 9);
}

#[test]
fn in_a_lane_calls_keep_their_place_among_all_else_that_comes_in_one_turn() {
    let mut scene = Scene::new();
    let mine = scene.offer(&[method("a", 0)]);
    let other = scene.try_offer(scene.caller, &[method("a", 0)]).expect("it is accepted");
    scene.stage.subscribe(scene.owner, "news");
    scene.stage.frames(scene.owner);
    let topic = format!("$to.{mine}.a");
    let said = |to, payload| call(None, (to, "a"), (None, payload));
    let (caller, id) = (scene.caller, scene.next_id());
    for frame in [
        said(&mine, "1"),
        said(&other, "x"),
        said(&mine, "2"),
        ClientFrame::Request(Request { id, topic: topic.into(), ..Request::default() }),
        said(&other, "y"),
        said(&mine, "3"),
        ClientFrame::Publish(Publish::bytes("news", b"4")),
        said(&other, "z"),
        said(&mine, "5"),
    ] {
        scene.stage.write(caller, &frame);
    }
    scene.stage.turn();
    let frames = scene.stage.frames(scene.owner).into_iter();
    let came = frames.filter_map(|frame| match frame {
        BrokerFrame::Message(message) => {
            Some(String::from_utf8_lossy(&message.body.payload).into_owned())
        }
        BrokerFrame::Request(_) => Some("asked".to_owned()),
        _ => None,
    });
    assert!(came.eq(["1", "2", "asked", "3", "4", "5"]));
    assert_eq!(told(&scene.stage.frames(caller)), ["a x 1", "a y 2", "a z 3"]);
}

/// What the owner is told of three calls, the first and last of which last 100 ms, if it can't be
/// written to for so long.
fn told_of_calls_that_expire(called: &str, waits: Duration) -> Vec<String> {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("said", 1), latest("tick", 2)]);
    scene.stage.frames(scene.owner);
    scene.stage.set_room(scene.owner, 0);
    for (payload, expires_in) in [("one", Some(100)), ("two", None), ("three", Some(100))] {
        let call = call(None, (&callback, called), (Some(payload), payload));
        let ClientFrame::Send(send) = call else { panic!("{call:?}") };
        scene.stage.say(scene.caller, &ClientFrame::Send(Send { expires_in, ..send }));
    }
    scene.stage.pass(waits);
    scene.stage.set_room(scene.owner, usize::MAX);
    scene.stage.turn();
    told(&scene.stage.frames(scene.owner))
}

#[test]
fn a_call_that_waited_as_long_as_it_lasts_is_told_as_expired() {
    let just = Duration::from_millis(100);
    for called in ["said", "tick"] {
        let all = ["one 1", "two 2", "three 3"].map(|call| format!("{called} {call}"));
        let moment = Duration::from_millis(1);
        assert_eq!(told_of_calls_that_expire(called, just - moment), all);
        let rest = ["gap 2 Expired".to_owned(), format!("{called} two 2")];
        assert_eq!(told_of_calls_that_expire(called, just), rest);
    }
}
