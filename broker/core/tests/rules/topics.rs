//! Asking about topics: what is published where, and to how many; and how many a pattern allows.

use std::borrow::Cow;
use std::time::Duration;

use broker_core::{Config, Pattern, Policies, SequencerConfig};
use broker_protocol::frame::{Body, BrokerFrame, ClientFrame, Publish, Request};
use broker_protocol::{Codec, ErrorCode};
use serde_json::{Value, json};

use crate::inspection::answers;
use crate::stage::{Stage, in_group, in_lane, request, send};

fn ask<'a>(id: u64, body: &'a str) -> ClientFrame<'a> {
    let body = Body { payload: Cow::Borrowed(body.as_bytes()), ..Body::default() };
    ClientFrame::Request(Request { id, topic: "$broker.topics".into(), body, timeout: None })
}

fn answer(stage: &mut Stage, slot: u32, id: u64, body: &str) -> Value {
    stage.say(slot, &ask(id, body));
    for _ in 0..100 {
        if let [answer] = &answers(stage, slot)[..] {
            return answer.clone();
        }
        stage.turn();
    }
    panic!("there is an answer");
}

fn topics(answer: &Value) -> Vec<&str> {
    let list = answer["list"].as_array().expect("there is a list");
    list.iter().map(|topic| topic["topic"].as_str().expect("each has a name")).collect()
}

fn with_patterns(patterns: Vec<Pattern>) -> Stage {
    let policies = Policies::new(patterns);
    let sequencer = SequencerConfig { policies: policies.clone(), ..SequencerConfig::default() };
    Stage::with(Config { policies, ..Config::default() }, sequencer, Codec::Bincode)
}

fn pattern(filter: &str) -> Pattern {
    Pattern { filter: filter.to_owned(), ..Pattern::default() }
}

/// Three topics: `a` goes to three lanes, `b` to one, `c` to nobody.
fn scene() -> (Stage, u32) {
    let mut stage = with_patterns(vec![pattern("a"), pattern("*"), pattern("none.*")]);
    let operator = stage.enter("operator");
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(ann, "a");
    stage.say(ann, &in_lane("a", 1, Default::default()));
    stage.subscribe(bob, "*");
    for (topic, count) in [("a", 2), ("b", 3), ("c.d", 4)] {
        (0..count).for_each(|_| stage.publish(operator, topic, b"12345"));
    }
    (stage, operator)
}

#[test]
fn a_topic_is_told_with_what_was_published_and_what_went_into_lanes() {
    let (mut stage, operator) = scene();
    stage.pass(Duration::from_millis(70));
    let answer = answer(&mut stage, operator, 1, r#"{"sort":"deliveries","limit":2}"#);
    assert_eq!(topics(&answer), ["a", "b"]);
    let told = ["topics", "matching", "shown", "time"].map(|member| &answer[member]);
    assert_eq!(told, [&json!(3), &json!(3), &json!(2), &json!(70)]);
    let topic = &answer["list"][0];
    let counts = ["published", "deliveries", "subscribers", "groups", "retained", "idle"];
    let told = counts.map(|member| topic[member].as_u64().expect("it is a number"));
    assert_eq!(told, [2, 6, 3, 0, 0, 70]);
    let bytes = topic["bytes"].as_u64().expect("it is a number");
    assert!(bytes > 2 * 5 && bytes < 2 * 50, "{bytes}");
}

#[test]
fn topics_come_in_the_order_that_is_asked_for_and_begin_as_they_are_to() {
    let (mut stage, operator) = scene();
    stage.pass(Duration::from_millis(5));
    stage.publish(operator, "a", b"x");
    let mut retained = Publish::bytes("b", b"x");
    retained.retain = true;
    stage.say(operator, &ClientFrame::Publish(retained));
    let orders = [
        ("published", ["b", "c.d", "a"]),
        ("bytes", ["c.d", "b", "a"]),
        ("deliveries", ["a", "b", "c.d"]),
        ("retained", ["b", "a", "c.d"]),
        ("idle", ["c.d", "a", "b"]),
        ("name", ["a", "b", "c.d"]),
    ];
    for (id, (sort, order)) in (1..).zip(orders) {
        let answer = answer(&mut stage, operator, id, &json!({ "sort": sort }).to_string());
        assert_eq!(topics(&answer), order, "{sort}");
    }
    let answer = answer(&mut stage, operator, 9, r#"{"name":"c."}"#);
    assert_eq!((topics(&answer), &answer["matching"]), (vec!["c.d"], &json!(1)));
}

#[test]
fn members_of_groups_and_messages_to_one_client_count_for_one_lane() {
    let mut stage = with_patterns(Vec::new());
    let (operator, ann, bob) = (stage.enter("operator"), stage.enter("ann"), stage.enter("bob"));
    stage.say(ann, &in_group("job", "crew"));
    stage.say(bob, &in_group("job", "crew"));
    (0..5).for_each(|_| stage.publish(operator, "job", b"x"));
    stage.say(operator, &send(1, "ann", b"x"));
    stage.frames(operator);
    let answer = answer(&mut stage, operator, 2, r#"{"sort":"name"}"#);
    assert_eq!(topics(&answer), ["$to.ann", "job"]);
    let of = |place: usize, member: &str| answer["list"][place][member].as_u64();
    assert_eq!((of(0, "deliveries"), of(1, "deliveries")), (Some(1), Some(5)));
    assert_eq!((of(1, "groups"), of(1, "subscribers")), (Some(1), Some(0)));
}

#[test]
fn very_many_topics_are_looked_at_page_by_page_and_each_once() {
    let mut stage = with_patterns(Vec::new());
    let operator = stage.enter("operator");
    for topic in 0..3000 {
        stage.write(operator, &ClientFrame::Publish(Publish::bytes(&format!("t.{topic}"), b"x")));
    }
    stage.turn();
    for (id, sort) in [(1, "name"), (2, "deliveries")] {
        let question = json!({ "sort": sort, "limit": 1000 }).to_string();
        let answer = answer(&mut stage, operator, id, &question);
        assert_eq!((&answer["topics"], &answer["matching"]), (&json!(3000), &json!(3000)));
        let mut listed = topics(&answer);
        assert_eq!(listed.len(), 1000, "{sort}");
        listed.dedup();
        assert_eq!(listed.len(), 1000, "{sort}");
    }
}

#[test]
fn a_look_at_topics_ends_however_many_are_made_meanwhile() {
    let mut stage = with_patterns(Vec::new());
    let operator = stage.enter("operator");
    let mut made = 0;
    let mut make = |stage: &mut Stage, count| {
        for topic in made..made + count {
            let name = format!("t.{topic}");
            stage.write(operator, &ClientFrame::Publish(Publish::bytes(&name, b"x")));
        }
        made += count;
    };
    make(&mut stage, 1000);
    stage.turn();
    stage.write(operator, &ask(1, ""));
    stage.single_turn();
    // More than are looked at in the same time.
    for _ in 0..20 {
        make(&mut stage, 1000);
        stage.single_turn();
    }
    let [answer] = &answers(&mut stage, operator)[..] else { panic!("it is answered") };
    assert_eq!(answer["matching"], json!(1000), "what is made meanwhile isn't there");
}

#[test]
fn whoever_gives_up_is_not_answered_and_leaves_nothing_to_do() {
    let mut stage = with_patterns(Vec::new());
    let operator = stage.enter("operator");
    for topic in 0..3000 {
        stage.write(operator, &ClientFrame::Publish(Publish::bytes(&format!("t.{topic}"), b"x")));
    }
    stage.turn();
    stage.write(operator, &ask(1, r#"{"sort":"deliveries"}"#));
    stage.single_turn();
    stage.say(operator, &ClientFrame::Cancel(broker_protocol::frame::Cancel { id: 1 }));
    (0..10).for_each(|_| stage.turn());
    assert!(answers(&mut stage, operator).is_empty());
    assert!(!stage.shard.has_batch(), "nobody asks for more");
    assert_eq!(topics(&answer(&mut stage, operator, 2, r#"{"limit":3}"#)).len(), 3);
}

#[test]
fn topics_are_looked_at_for_one_client_at_a_time() {
    let mut stage = with_patterns(Vec::new());
    let (operator, other) = (stage.enter("operator"), stage.enter("other"));
    for topic in 0..3000 {
        stage.write(operator, &ClientFrame::Publish(Publish::bytes(&format!("t.{topic}"), b"x")));
    }
    stage.turn();
    stage.write(operator, &ask(1, ""));
    stage.single_turn();
    stage.write(other, &ask(1, ""));
    stage.single_turn();
    stage.single_turn();
    assert_eq!(stage.refused(other), Some(ErrorCode::Busy));
    assert_eq!(topics(&answer(&mut stage, operator, 2, "")).len(), 20);
    assert_eq!(topics(&answer(&mut stage, other, 2, "")).len(), 20);
}

#[test]
fn what_makes_no_sense_is_refused_and_where_the_broker_keeps_silent_everything() {
    let mut stage = Stage::new(Config::default());
    let ann = stage.enter("ann");
    for body in [r#"{"sort":"age"}"#, r#"{"limit":0}"#, r#"{"limit":1001}"#, "["] {
        stage.say(ann, &ask(1, body));
        assert_eq!(stage.refused(ann), Some(ErrorCode::InvalidField), "{body}");
    }
    let mut stage = Stage::new(Config { inspection: false, ..Config::default() });
    let ann = stage.enter("ann");
    stage.say(ann, &ask(1, ""));
    assert_eq!(stage.refused(ann), Some(ErrorCode::NotAllowed));
}

#[test]
fn an_answer_about_topics_is_never_larger_than_a_payload_may_be() {
    let limits = broker_core::Limits { payload_bytes_max: 4096, ..Default::default() };
    let mut stage = Stage::new(Config { limits, ..Config::default() });
    let ann = stage.enter("ann");
    (0..100).for_each(|topic| stage.publish(ann, &format!("topic.{topic}"), b"x"));
    let answer = answer(&mut stage, ann, 1, r#"{"limit":1000}"#);
    let shown = topics(&answer).len();
    assert!(shown > 10 && shown < 60, "{shown}");
    assert_eq!((&answer["shown"], &answer["matching"]), (&json!(shown), &json!(100)));
}

#[test]
fn sums_of_patterns_outlive_their_topics() {
    let (mut stage, operator) = scene();
    stage.pass(SequencerConfig::default().forget_after);
    (0..3).for_each(|_| stage.publish(operator, "z", b"x"));
    stage.pass(Duration::from_millis(200));
    assert_eq!(stage.sequencer.topics(), 1);
    stage.say(operator, &request(1, "$broker.stats"));
    let answers = answers(&mut stage, operator);
    let patterns = &answers[0]["patterns"];
    let of = |place: usize| {
        let told = &patterns[place];
        let name = told["pattern"].as_str().expect("it is named").to_owned();
        let members = ["topics", "published", "deliveries", "refused"];
        (name, members.map(|member| told[member].as_u64().expect("it is a number")))
    };
    assert_eq!(of(0), ("a".to_owned(), [0, 2, 6, 0]));
    assert_eq!(of(1), ("*".to_owned(), [1, 8, 12, 0]));
    assert_eq!(of(2), ("none.*".to_owned(), [0, 0, 0, 0]));
}

#[test]
fn every_pattern_that_matches_bounds_the_topics_and_says_so_by_name() {
    let allows = |filter, topics| Pattern { topics_max: Some(topics), ..pattern(filter) };
    let mut stage = with_patterns(vec![allows("a.>", 2), allows("*.x", 1), pattern("a.*")]);
    let ann = stage.enter("ann");
    let publish = |stage: &mut Stage, topic: &str| {
        stage.publish(ann, topic, b"x");
        stage.frames(ann).into_iter().find_map(|frame| match frame {
            BrokerFrame::Rejected(rejected) => Some((rejected.code, rejected.message)),
            _ => None,
        })
    };
    assert_eq!(publish(&mut stage, "a.x"), None);
    let (code, message) = publish(&mut stage, "b.x").expect("one is all");
    assert_eq!(code, ErrorCode::TooManyTopics);
    assert!(message.contains("\"*.x\"") && message.contains("topics_max"), "{message}");
    assert_eq!(publish(&mut stage, "a.y"), None);
    let (_, message) = publish(&mut stage, "a.z").expect("two are all");
    assert!(message.contains("\"a.>\""), "{message}");
    assert_eq!(publish(&mut stage, "a.y"), None, "known ones go on");
    assert_eq!(publish(&mut stage, "c"), None, "and so do others");
    stage.pass(SequencerConfig::default().forget_after);
    publish(&mut stage, "c");
    stage.pass(Duration::from_millis(200));
    assert_eq!(publish(&mut stage, "a.z"), None, "the idle ones were forgotten");
    stage.say(ann, &request(1, "$broker.stats"));
    let told = answers(&mut stage, ann).remove(0);
    let refused = [0, 1, 2].map(|place: usize| told["patterns"][place]["refused"].clone());
    assert_eq!(refused, [json!(1), json!(1), json!(0)]);
}
