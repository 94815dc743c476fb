//! Asking about sessions: who is behind is told by name, with what waits.

use std::borrow::Cow;
use std::time::Duration;

use broker_core::{Config, SequencerConfig};
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Keep, LaneOptions, Outcome, Overflow, Request,
};
use broker_protocol::{Codec, ErrorCode};
use serde_json::{Value, json};

use crate::stage::{Stage, in_lane, request};

pub(crate) fn ask<'a>(id: u64, body: &'a str) -> ClientFrame<'a> {
    let payload = Cow::Borrowed(body.as_bytes());
    let body = Body { payload, ..Body::default() };
    ClientFrame::Request(Request { id, topic: "$broker.sessions".into(), body, timeout: None })
}

/// The answers that a client got, in order.
pub(crate) fn answers(stage: &mut Stage, slot: u32) -> Vec<Value> {
    let frames = stage.frames(slot).into_iter();
    let answers = frames.filter_map(|frame| match frame {
        BrokerFrame::Reply(reply) => {
            let Outcome::Answer(body) = reply.outcome else { panic!("it isn't refused") };
            Some(serde_json::from_slice(&body.payload).expect("it is JSON"))
        }
        _ => None,
    });
    answers.collect()
}

fn answer(stage: &mut Stage, slot: u32, body: &str) -> Value {
    stage.say(slot, &ask(1, body));
    let [answer] = &answers(stage, slot)[..] else { panic!("there is one answer") };
    answer.clone()
}

fn names(answer: &Value) -> Vec<&str> {
    let list = answer["list"].as_array().expect("there is a list");
    list.iter().map(|session| session["name"].as_str().expect("each has a name")).collect()
}

/// Whoever asks; and three who subscribe and take nothing, of which each falls behind a little later
/// and gets one message more than the next.
fn scene() -> (Stage, u32) {
    let mut stage = Stage::new(Config::default());
    let operator = stage.enter("operator");
    let options = LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
    for (name, filter) in [("web.c", "c"), ("web.a", "a"), ("app.b", "b")] {
        let slot = stage.enter(name);
        stage.say(slot, &in_lane(filter, 1, options.clone()));
        stage.set_room(slot, 0);
    }
    for (topic, messages) in [("c", 1), ("a", 3), ("b", 2)] {
        (0..messages).for_each(|_| stage.publish(operator, topic, b"x"));
        stage.pass(Duration::from_millis(100));
    }
    (stage, operator)
}

#[test]
fn who_is_behind_comes_first_with_what_waits_and_for_how_long() {
    let (mut stage, operator) = scene();
    let answer = answer(&mut stage, operator, "");
    assert_eq!(names(&answer), ["web.c", "web.a", "app.b", "operator"]);
    let counts = ["sessions", "connected", "matching", "behind", "shown"].map(|of| &answer[of]);
    assert_eq!(counts, [&json!(4), &json!(4), &json!(4), &json!(3), &json!(4)]);
    let session = &answer["list"][1];
    assert_eq!((&session["messages"], &session["age"]), (&json!(3), &json!(200)));
    assert_eq!((&session["connected"], &session["subscriptions"]), (&json!(true), &json!(1)));
    let lane = &session["lanes"][1];
    assert_eq!((&lane["lane"], &lane["messages"]), (&json!(1), &json!(3)));
    assert_eq!(lane["bytes"], session["bytes"]);
    assert_eq!(
        (&lane["options"]["keep"], &lane["options"]["overflow"]),
        (&json!("all"), &json!("drop-oldest"))
    );
    let idle = &answer["list"][3];
    assert_eq!(
        (&idle["messages"], &idle["age"], &idle["bytes"]),
        (&json!(0), &json!(0), &json!(0))
    );
}

#[test]
fn sessions_are_chosen_by_order_number_and_name() {
    let (mut stage, operator) = scene();
    let mut told = |body| {
        let answer = answer(&mut stage, operator, body);
        let names: Vec<_> = names(&answer).into_iter().map(str::to_owned).collect();
        (names.join(" "), answer["matching"].as_u64())
    };
    let queue = ("web.a app.b web.c operator".to_owned(), Some(4));
    assert_eq!(told(r#"{"sort":"queue"}"#), queue);
    assert_eq!(told(r#"{"sort":"name"}"#), ("app.b operator web.a web.c".to_owned(), Some(4)));
    assert_eq!(told(r#"{"sort":"queue","limit":2}"#), ("web.a app.b".to_owned(), Some(4)));
    assert_eq!(told(r#"{"name":"web."}"#), ("web.c web.a".to_owned(), Some(2)));
    assert_eq!(told(r#"{"name":"nobody"}"#), (String::new(), Some(0)));
}

#[test]
fn who_is_away_is_behind_only_if_something_waits() {
    let (config, sequencer) = (Config::default(), SequencerConfig::default());
    let mut stage = Stage::with_absence(config, sequencer, Codec::Bincode);
    let (operator, gone) = (stage.enter("operator"), stage.enter("gone"));
    stage.say(gone, &in_lane("t", 1, LaneOptions::default()));
    stage.lose(gone);
    let away = answer(&mut stage, operator, "");
    assert_eq!((&away["connected"], &away["behind"]), (&json!(1), &json!(0)), "{away}");
    stage.publish(operator, "t", b"x");
    let late = answer(&mut stage, operator, "");
    assert_eq!((&late["connected"], &late["behind"]), (&json!(1), &json!(1)), "{late}");
}

#[test]
fn keys_that_were_forgotten_before_their_interval_was_over_are_told() {
    for (bound, forgotten) in [(3, 0), (2, 1)] {
        let mut stage = Stage::new(Config::default());
        let (operator, paced) = (stage.enter("operator"), stage.enter("paced"));
        let options = LaneOptions {
            keep: Some(Keep::Latest(1)),
            min_interval: Some(1000),
            bound_messages: Some(bound),
            ..LaneOptions::default()
        };
        stage.say(paced, &in_lane("*", 1, options));
        ["a", "b", "c"].iter().for_each(|topic| stage.publish(operator, topic, b"x"));
        stage.turn();
        let answer = answer(&mut stage, operator, r#"{"name":"paced"}"#);
        let lane = &answer["list"][0]["lanes"][1];
        assert_eq!((&lane["received"], &lane["forgotten"]), (&json!(3), &json!(forgotten)));
    }
}

#[test]
fn the_books_of_lanes_are_told_and_totals_count_those_of_live_lanes() {
    let mut stage = Stage::new(Config::default());
    let (operator, slow) = (stage.enter("operator"), stage.enter("slow"));
    let latest = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
    let dropping = LaneOptions {
        overflow: Some(Overflow::DropOldest),
        bound_messages: Some(4),
        ..LaneOptions::default()
    };
    stage.say(slow, &in_lane("t", 1, latest));
    stage.say(slow, &in_lane("t", 2, dropping));
    stage.set_room(slow, 0);
    (0..10).for_each(|_| stage.publish(operator, "t", b"x"));
    stage.set_room(slow, 2);
    stage.turn();
    let answer = answer(&mut stage, operator, r#"{"name":"slow"}"#);
    let session = &answer["list"][0];
    let lanes: Vec<_> = [1, 2].map(|lane| &session["lanes"][lane]).into();
    let sum =
        |of: &str| lanes.iter().map(|lane| lane[of].as_u64().unwrap_or_default()).sum::<u64>();
    for of in ["messages", "received", "conflated", "dropped", "gaps"] {
        assert_eq!(session[of], sum(of), "{of}");
    }
    assert_eq!(sum("received") + sum("conflated") + sum("dropped") + sum("messages"), 20);
    assert!(sum("conflated") > 0 && sum("dropped") > 0 && sum("received") > 0, "{answer}");
    stage.say(operator, &request(2, "$broker.stats"));
    let [totals] = &answers(&mut stage, operator)[..] else { panic!("there is one answer") };
    assert_eq!((&totals["published"], &totals["sessions"]), (&json!(10), &json!(2)));
    assert_eq!(totals["conflated"], sum("conflated"));
    stage.lose(slow);
    stage.say(operator, &request(3, "$broker.stats"));
    let [later] = &answers(&mut stage, operator)[..] else { panic!("there is one answer") };
    assert_eq!(
        (&later["conflated"], &later["dropped"]),
        (&totals["conflated"], &totals["dropped"])
    );
    assert_eq!(later["sessions"], 1);
}

#[test]
fn a_broker_that_is_told_to_keep_silent_refuses_and_other_topics_stay_reserved() {
    let mut stage = Stage::new(Config { inspection: false, ..Config::default() });
    let ann = stage.enter("ann");
    for (topic, code) in [
        ("$broker.sessions", ErrorCode::NotAllowed),
        ("$broker.stats", ErrorCode::NotAllowed),
        ("$broker.other", ErrorCode::ReservedTopic),
    ] {
        stage.say(ann, &request(1, topic));
        assert_eq!(stage.refused(ann), Some(code), "{topic}");
    }
}

#[test]
fn a_question_that_makes_no_sense_is_refused_and_its_id_is_free_again() {
    let mut stage = Stage::new(Config::default());
    let ann = stage.enter("ann");
    for body in [r#"{"limit":1001}"#, r#"{"sort":"size"}"#, "?"] {
        stage.say(ann, &ask(1, body));
        assert_eq!(stage.refused(ann), Some(ErrorCode::InvalidField), "{body}");
    }
    assert_eq!(names(&answer(&mut stage, ann, r#"{"limit":1000}"#)), ["ann"]);
}

#[test]
fn the_twenty_first_question_in_a_second_is_refused_as_busy() {
    let mut stage = Stage::new(Config::default());
    let ann = stage.enter("ann");
    stage.pass(Duration::from_secs(5));
    (1..=20).for_each(|id| stage.say(ann, &ask(id, "")));
    assert_eq!(answers(&mut stage, ann).len(), 20);
    stage.say(ann, &ask(21, ""));
    assert_eq!(stage.refused(ann), Some(ErrorCode::Busy));
    stage.pass(Duration::from_secs(1));
    stage.say(ann, &ask(22, ""));
    assert_eq!(answers(&mut stage, ann).len(), 1);
}

#[test]
fn whoever_gives_up_gets_no_answer_and_the_next_of_the_same_id_its_own() {
    let mut stage = Stage::new(Config::default());
    let ann = stage.enter("ann");
    stage.write(ann, &ask(1, r#"{"sort":"queue"}"#));
    stage.write(ann, &ClientFrame::Cancel(broker_protocol::frame::Cancel { id: 1 }));
    stage.write(ann, &ask(1, r#"{"sort":"name"}"#));
    stage.turn();
    stage.turn();
    assert_eq!(answers(&mut stage, ann).len(), 1);
}

#[test]
fn very_many_sessions_are_looked_at_over_several_turns() {
    let mut stage = Stage::new(Config::default());
    let ann = stage.enter("ann");
    for _ in 0..45_000 {
        stage.attach();
    }
    stage.write(ann, &ask(1, ""));
    let (mut turns, mut answered) = (0, Vec::new());
    while answered.is_empty() {
        stage.single_turn();
        turns += 1;
        assert!(turns < 20, "it ends");
        answered = answers(&mut stage, ann);
    }
    assert!(turns > 3, "{turns} turns");
    assert_eq!(answered[0]["sessions"], 1);
}

#[test]
fn an_answer_is_never_larger_than_a_payload_may_be() {
    let limits = broker_core::Limits { payload_bytes_max: 4096, ..Default::default() };
    let mut stage = Stage::new(Config { limits, ..Config::default() });
    let ann = stage.enter("ann");
    for number in 0..100 {
        stage.enter(&format!("client.{number}"));
    }
    stage.say(ann, &ask(1, r#"{"limit":1000}"#));
    let frames = stage.frames(ann);
    let Some(BrokerFrame::Reply(reply)) = frames.into_iter().next() else {
        panic!("it is answered")
    };
    let Outcome::Answer(body) = reply.outcome else { panic!("it isn't refused") };
    assert!(body.payload.len() <= 4096 && body.payload.len() > 2048, "{}", body.payload.len());
    let answer: Value = serde_json::from_slice(&body.payload).expect("it is whole");
    assert_eq!(answer["matching"], 101);
    assert_eq!(answer["shown"], names(&answer).len());
}

#[test]
fn a_session_whose_client_is_away_is_told_as_such_with_what_waits_for_it() {
    let (config, sequencer) = (Config::default(), SequencerConfig::default());
    let mut stage = Stage::with_absence(config, sequencer, Codec::Bincode);
    let (operator, away) = (stage.enter("operator"), stage.enter("away"));
    stage.subscribe(away, "t");
    stage.pass(Duration::from_millis(300));
    stage.lose(away);
    (0..5).for_each(|_| stage.publish(operator, "t", b"x"));
    stage.pass(Duration::from_millis(200));
    let answer = answer(&mut stage, operator, "");
    assert_eq!((&answer["sessions"], &answer["connected"]), (&json!(2), &json!(1)));
    let session = &answer["list"][0];
    assert_eq!((&session["name"], &session["connected"]), (&json!("away"), &json!(false)));
    assert_eq!((&session["messages"], &session["since"]), (&json!(5), &json!(300)));
    assert_eq!((&session["transport"], &session["peer"]), (&Value::Null, &Value::Null));
}
