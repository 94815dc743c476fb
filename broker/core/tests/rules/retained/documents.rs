//! Topics of which the broker keeps the document that their messages, which are patches, make.

mod delayed;
mod limits;
mod reader;

use std::sync::Arc;

use broker_core::{Config, Folds, Pattern, Policies, Retention, SequencerConfig};
use broker_protocol::frame::{BrokerFrame, ClientFrame, Content, Message, Publish};
use broker_protocol::{Codec, ErrorCode};

use super::{begin, retained};
use crate::stage::{Stage, Sum};

fn pattern(filter: &str, retain: Retention) -> Pattern {
    Pattern { filter: filter.to_owned(), retain: Some(retain), ..Pattern::default() }
}

/// A sequencer that keeps documents of all topics but those below `plain`, and nothing of those below
/// `nothing`.
fn sequencer() -> SequencerConfig {
    let policies = Policies::new(vec![
        pattern("plain.>", Retention::Last),
        pattern("nothing.>", Retention::Nothing),
        pattern(">", Retention::Merged),
    ]);
    SequencerConfig { policies, ..SequencerConfig::default() }
}

/// A patch that is to be retained.
fn patch<'a>(topic: &'a str, key: Option<&'a str>, payload: &'a str) -> ClientFrame<'a> {
    let ClientFrame::Publish(mut publish) = retained(topic, key, payload.as_bytes()) else {
        unreachable!("it is one")
    };
    publish.body.content = Content::Json;
    ClientFrame::Publish(publish)
}

/// What comes to who subscribes now.
fn joined(stage: &mut Stage, filter: &str) -> Vec<Message<'static>> {
    let slot = stage.enter("joining");
    begin(stage, slot, filter);
    let messages = stage.messages(slot);
    stage.lose(slot);
    messages
}

fn text(message: &Message<'_>) -> String {
    String::from_utf8(message.body.payload.to_vec()).expect("it is text")
}

fn document(stage: &mut Stage, topic: &str) -> String {
    let [message] = &joined(stage, topic)[..] else { panic!("there is one") };
    text(message)
}

#[test]
fn who_joins_gets_the_document_as_the_last_patch_left_it() {
    for codec in [Codec::Bincode, Codec::Json] {
        let mut stage = Stage::with(Config::default(), sequencer(), codec);
        let (ann, bob, eve) = (stage.enter("ann"), stage.enter("bob"), stage.enter("eve"));
        stage.subscribe(eve, "a");
        stage.packets(eve);
        let patches = [r#"{"x":1,"y":{"z":1.50},"n":null}"#, r#"{"x":null}"#, r#"{"y":{"w":2}}"#];
        stage.say(ann, &patch("a", None, patches[0]));
        stage.say(ann, &patch("a", Some("k"), patches[0]));
        stage.say(ann, &patch("a", None, patches[1]));
        stage.say(bob, &patch("a", None, patches[2]));
        let told: Vec<_> = stage.messages(eve).iter().map(text).collect();
        assert_eq!(
            told,
            [patches[0], patches[0], patches[1], patches[2]],
            "as they were published"
        );
        let [whole, other] = &joined(&mut stage, "a")[..] else { panic!("there are two") };
        assert_eq!((whole.seq, text(whole).as_str()), (4, r#"{"y":{"z":1.50,"w":2}}"#));
        assert_eq!((whole.from.as_deref(), whole.body.content), (Some("bob"), Content::Json));
        assert_eq!((other.seq, text(other).as_str()), (2, r#"{"x":1,"y":{"z":1.50}}"#));
    }
}

#[test]
fn what_is_no_patch_takes_the_place_of_the_document_and_an_empty_payload_clears_it() {
    let mut stage = Stage::with(Config::default(), sequencer(), Codec::Bincode);
    let ann = stage.enter("ann");
    stage.say(ann, &patch("a", None, r#"{"x":1}"#));
    for (payload, expected) in [("{", "{"), (r#"{"y":1}"#, r#"{"y":1}"#), ("7", "7"), ("{}", "{}")]
    {
        stage.say(ann, &patch("a", None, payload));
        assert_eq!(document(&mut stage, "a"), expected);
    }
    stage.say(ann, &retained("a", None, br#"{"z":1}"#));
    assert_eq!(document(&mut stage, "a"), r#"{"z":1}"#);
    stage.say(ann, &patch("a", None, r#"{"y":1}"#));
    assert_eq!(document(&mut stage, "a"), r#"{"z":1,"y":1}"#);
    stage.say(ann, &patch("a", None, r#"{"y":2}"#));
    stage.say(ann, &retained("a", None, b""));
    assert!(joined(&mut stage, ">").is_empty());
    assert_eq!(stage.sequencer.statistics().retained_bytes, 0);
}

#[test]
fn other_topics_keep_their_last_value_whatever_it_says() {
    let mut stage = Stage::with(Config::default(), sequencer(), Codec::Bincode);
    let ann = stage.enter("ann");
    for payload in [r#"{"x":1}"#, r#"{"y":null}"#] {
        stage.say(ann, &patch("plain.a", None, payload));
    }
    assert_eq!(document(&mut stage, "plain.a"), r#"{"y":null}"#);
}

#[test]
fn where_nothing_is_kept_who_wants_it_kept_is_refused_and_others_are_served() {
    let mut stage = Stage::with(Config::default(), sequencer(), Codec::Bincode);
    let (ann, eve) = (stage.enter("ann"), stage.enter("eve"));
    stage.subscribe(eve, "nothing.>");
    stage.packets(eve);
    stage.say(ann, &retained("nothing.a", None, b"x"));
    let frames = stage.frames(ann);
    let [BrokerFrame::Rejected(rejected)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(rejected.code, ErrorCode::NotAllowed);
    assert!(rejected.message.contains("nothing.>"), "{}", rejected.message);
    stage.say(ann, &retained("nothing.a", None, b""));
    stage.publish(ann, "nothing.a", b"y");
    assert_eq!(stage.refused(ann), None);
    assert_eq!(stage.messages(eve).iter().map(text).collect::<Vec<_>>(), ["", "y"]);
    assert!(joined(&mut stage, ">").is_empty());
}

#[test]
fn a_document_does_not_expire_with_the_last_patch() {
    let mut stage = Stage::with(Config::default(), sequencer(), Codec::Bincode);
    let ann = stage.enter("ann");
    for payload in [r#"{"x":1}"#, r#"{"y":1}"#] {
        let ClientFrame::Publish(publish) = patch("a", None, payload) else { unreachable!() };
        stage.say(ann, &ClientFrame::Publish(Publish { expires_in: Some(1), ..publish }));
    }
    stage.pass(std::time::Duration::from_secs(1));
    assert_eq!(document(&mut stage, "a"), r#"{"x":1,"y":1}"#);
}

#[test]
fn a_rule_of_the_program_makes_the_documents_of_the_topics_that_it_is_for() {
    let mut folds = Folds::default();
    folds.add("counts.>", Arc::new(Sum));
    let sequencer = SequencerConfig { folds, ..sequencer() };
    let mut stage = Stage::with(Config::default(), sequencer, Codec::Bincode);
    let ann = stage.enter("ann");
    for payload in [b"98", b" 1", b"-x", b"10", b"90"] {
        let payload = payload.trim_ascii_start();
        stage.say(ann, &retained("counts.a", None, payload));
    }
    assert_eq!(document(&mut stage, "counts.a"), "100");
}
