//! Lanes that merge what waits.

use std::borrow::Cow;
use std::sync::Arc;

use broker_core::{Config, Folds, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Content, GapReason, Keep, LaneOptions, Publish,
};

use crate::stage::{Stage, Sum, in_lane};

fn merging() -> LaneOptions {
    LaneOptions { keep: Some(Keep::Merge), ..LaneOptions::default() }
}

fn patch<'a>(topic: &'a str, payload: &'a str) -> ClientFrame<'a> {
    let mut publish = Publish::bytes(topic, payload.as_bytes());
    publish.body.content = Content::Json;
    ClientFrame::Publish(publish)
}

/// What a client was told: payloads with their `seq`, and gaps with their count and hull.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Message(u64, String),
    Merged(u64, u64, u64),
}

fn message(seq: u64, payload: &str) -> Told {
    Told::Message(seq, payload.to_owned())
}

fn told(stage: &mut Stage, slot: u32) -> Vec<Told> {
    let told = |frame| match frame {
        BrokerFrame::Message(message) => {
            let payload = String::from_utf8(message.body.payload.into_owned());
            Some(Told::Message(message.seq, payload.expect("it is text")))
        }
        BrokerFrame::Gap(gap) => {
            assert_eq!(gap.reason, GapReason::Merged);
            Some(Told::Merged(gap.count, gap.first_seq?, gap.last_seq?))
        }
        _ => None,
    };
    stage.frames(slot).into_iter().filter_map(told).collect()
}

/// A publisher, and a subscriber of everything whose lane merges.
fn scene(config: Config, codec: Codec) -> (Stage, u32, u32) {
    let mut stage = Stage::with(config, SequencerConfig::default(), codec);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane(">", 1, merging()));
    stage.frames(bob);
    (stage, ann, bob)
}

/// What a client that was behind is told of these payloads of one topic.
fn told_of(config: Config, codec: Codec, payloads: &[&str]) -> Vec<Told> {
    let (mut stage, ann, bob) = scene(config, codec);
    stage.set_room(bob, 0);
    for payload in payloads {
        stage.say(ann, &patch("a", payload));
    }
    stage.set_room(bob, usize::MAX);
    stage.turn();
    told(&mut stage, bob)
}

#[test]
fn a_client_that_was_behind_gets_one_patch_that_does_what_all_do() {
    for codec in [Codec::Bincode, Codec::Json] {
        let payloads = [r#"{"b":1,"a":1}"#, r#"{"c":1.50}"#, r#"{"a":null}"#];
        let expected = [Told::Merged(2, 1, 2), message(3, r#"{"b":1,"a":null,"c":1.50}"#)];
        assert_eq!(told_of(Config::default(), codec, &payloads), expected);
    }
}

#[test]
fn a_client_that_keeps_up_gets_every_patch() {
    let (mut stage, ann, bob) = scene(Config::default(), Codec::Bincode);
    for payload in ["{}", "{}"] {
        stage.write(ann, &patch("a", payload));
    }
    stage.turn();
    assert_eq!(told(&mut stage, bob), [message(1, "{}"), message(2, "{}")]);
}

#[test]
fn patches_that_do_not_compose_come_one_after_the_other() {
    let payloads = [r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":{"x":1}}"#, r#"{"a":{"y":2}}"#];
    let expected =
        [Told::Merged(2, 1, 3), message(2, r#"{"a":null}"#), message(4, r#"{"a":{"x":1,"y":2}}"#)];
    assert_eq!(told_of(Config::default(), Codec::Bincode, &payloads), expected);
}

#[test]
fn what_is_not_json_ends_folding_and_so_does_what_does_not_say_that_it_is() {
    let (mut stage, ann, bob) = scene(Config::default(), Codec::Bincode);
    stage.set_room(bob, 0);
    stage.say(ann, &patch("a", "{}"));
    stage.say(ann, &patch("a", "{"));
    stage.say(ann, &patch("a", r#"{"x":1}"#));
    stage.say(ann, &patch("a", r#"{"y":1}"#));
    stage.publish(ann, "a", b"{}");
    stage.publish(ann, "a", b"{}");
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let expected = [
        message(1, "{}"),
        message(2, "{"),
        Told::Merged(1, 3, 3),
        message(4, r#"{"x":1,"y":1}"#),
        message(5, "{}"),
        message(6, "{}"),
    ];
    assert_eq!(told(&mut stage, bob), expected);
}

#[test]
fn nothing_is_folded_into_more_than_a_payload_may_have() {
    let payloads = [r#"{"a":1}"#, r#"{"b":1}"#];
    for (payload_bytes_max, messages) in [(13, 1), (12, 2)] {
        let mut config = Config::default();
        config.limits.payload_bytes_max = payload_bytes_max;
        let told = told_of(config, Codec::Bincode, &payloads);
        let count = told.iter().filter(|one| matches!(one, Told::Message(..))).count();
        assert_eq!(count, messages, "{payload_bytes_max} bytes");
    }
}

#[test]
fn what_several_clients_wait_for_is_folded_once() {
    let (mut stage, ann, bob) = scene(Config::default(), Codec::Bincode);
    let others = ["carl", "dora"].map(|name| stage.enter(name));
    for other in others {
        stage.say(other, &in_lane("a", 1, merging()));
    }
    let all = [bob, others[0], others[1]];
    for round in 0..2 {
        all.iter().for_each(|slot| drop(stage.frames(*slot)));
        all.iter().for_each(|slot| stage.set_room(*slot, 0));
        for payload in [r#"{"a":1}"#, r#"{"b":1}"#] {
            stage.say(ann, &patch("a", payload));
        }
        all.iter().for_each(|slot| stage.set_room(*slot, usize::MAX));
        stage.turn();
        assert_eq!(stage.shard.statistics().log.folded, round + 1);
        let seq = 2 * round + 2;
        for slot in all {
            let expected = [Told::Merged(1, seq - 1, seq - 1), message(seq, r#"{"a":1,"b":1}"#)];
            assert_eq!(told(&mut stage, slot), expected);
        }
    }
    assert_eq!(stage.shard.log_bytes(), 0, "nothing is held once all was sent");
}

#[test]
fn a_client_behind_for_long_holds_what_it_wants_and_no_more_however_much_came() {
    let (mut stage, ann, bob) = scene(Config::default(), Codec::Bincode);
    stage.set_room(bob, 0);
    let filling = "x".repeat(200);
    for number in 0..20_000 {
        stage
            .say(ann, &patch("a", &format!(r#"{{"n{}":{number},"f":"{filling}"}}"#, number % 100)));
    }
    let held = stage.shard.log_bytes();
    assert!(held < 4 << 20, "{held} bytes are held for a document of 2 KB");
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let [Told::Merged(19_999, 1, 19_999), Told::Message(20_000, document)] =
        &told(&mut stage, bob)[..]
    else {
        panic!("one gap and one message");
    };
    assert!(document.contains(r#""n0":19900,"#) && document.contains(r#""n99":19999}"#));
}

#[test]
fn a_rule_of_the_program_folds_the_topics_that_it_is_for_whatever_their_content() {
    let mut folds = Folds::default();
    folds.add("counts.>", Arc::new(Sum));
    let (mut stage, ann, bob) = scene(Config { folds, ..Config::default() }, Codec::Bincode);
    stage.set_room(bob, 0);
    for payload in [b"1", b"2", b"3"] {
        stage.publish(ann, "counts.x", payload);
    }
    for payload in ["{}", r#"{"a":1}"#] {
        stage.say(ann, &patch("documents", payload));
    }
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let expected =
        [Told::Merged(2, 1, 2), Told::Merged(1, 1, 1), message(3, "6"), message(2, r#"{"a":1}"#)];
    assert_eq!(told(&mut stage, bob), expected);
}

#[test]
fn the_folded_message_is_the_newest_but_for_its_payload() {
    let (mut stage, ann, bob) = scene(Config::default(), Codec::Bincode);
    let carl = stage.enter("carl");
    stage.set_room(bob, 0);
    stage.say(ann, &patch("a", "{}"));
    let mut publish = Publish::bytes("a", b"{}");
    publish.body.content = Content::Json;
    publish.body.key = Some(Cow::Borrowed("a"));
    publish.body.headers = vec![(Cow::Borrowed("name"), Cow::Borrowed("value"))];
    stage.say(carl, &ClientFrame::Publish(publish.clone()));
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let [message] = &stage.messages(bob)[..] else { panic!("one message") };
    assert_eq!(message.from.as_deref(), Some("carl"));
    assert_eq!((message.seq, &message.body), (2, &publish.body));
}

#[test]
fn what_is_not_folded_is_counted() {
    for (content, unfolded) in [(Content::Json, 0), (Content::Text, 2), (Content::Bytes, 2)] {
        let (mut stage, ann, bob) = scene(Config::default(), Codec::Bincode);
        stage.set_room(bob, 0);
        for payload in [&b"{}"[..], b"{}", b"{}"] {
            let mut publish = Publish::bytes("a", payload);
            publish.body.content = content;
            stage.say(ann, &ClientFrame::Publish(publish));
        }
        stage.set_room(bob, usize::MAX);
        stage.turn();
        assert_eq!(stage.shard.statistics().log.unfolded, unfolded, "{content:?}");
    }
}

#[test]
fn lanes_that_stopped_at_different_places_fold_within_the_bound_of_the_log() {
    let log_bytes_max = 100_000;
    let config = Config { log_bytes_max, ..Config::default() };
    let mut stage = Stage::with(config, SequencerConfig::default(), Codec::Bincode);
    let ann = stage.enter("ann");
    let options = LaneOptions { bound_bytes: Some(20_000), ..merging() };
    let payload = |number: usize| format!("{{\"{}\":\"{}\"}}", number % 7, "x".repeat(200));
    let (mut laggards, mut most) = (Vec::new(), 0);
    for number in 0..6_000 {
        if number % 20 == 0 && laggards.len() < 100 {
            let laggard = stage.enter(&format!("laggard-{number}"));
            stage.say(laggard, &in_lane(">", 1, options.clone()));
            stage.frames(laggard);
            stage.set_room(laggard, 0);
            laggards.push(laggard);
        }
        stage.say(ann, &patch(&format!("t.{}", number % 10), &payload(number)));
        most = most.max(stage.shard.log_bytes());
    }
    // What may be folded, what is written of results and messages between two looks, and the front that
    // is kept for half of what is in it.
    let allowed = 3 * log_bytes_max + (512 << 10);
    assert!(most <= allowed, "{most} bytes were held; {allowed} are allowed");
    let mut counted = [0, 0];
    for slot in laggards {
        stage.set_room(slot, usize::MAX);
        stage.turn();
        for frame in stage.frames(slot) {
            match frame {
                BrokerFrame::Gap(gap) if gap.reason == GapReason::Merged => counted[0] += gap.count,
                BrokerFrame::Gap(gap) => counted[1] += gap.count,
                _ => {}
            }
        }
    }
    let [merged, dropped] = counted;
    assert!(merged > 0, "what there is room for is folded");
    assert!(dropped > 0, "what isn't folded is dropped, and told");
}
