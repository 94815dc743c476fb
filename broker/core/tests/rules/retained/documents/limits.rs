//! How large documents are, how many there are, and what they cost.

use broker_core::{Config, Pattern, Policies, RetainedConfig, Retention, SequencerConfig};
use broker_protocol::frame::ClientFrame;
use broker_protocol::{Codec, ErrorCode};

use super::{document, joined, patch, pattern, retained, sequencer};
use crate::stage::Stage;

fn stage(sequencer: SequencerConfig) -> Stage {
    Stage::with(Config::default(), sequencer, Codec::Bincode)
}

fn outcome(stage: &mut Stage, slot: u32, publish: &ClientFrame<'_>) -> Option<ErrorCode> {
    stage.say(slot, publish);
    stage.refused(slot)
}

#[test]
fn a_document_is_no_larger_than_a_payload_may_be_and_stays_as_it_was() {
    let mut stage = stage(SequencerConfig { payload_bytes_max: 20, ..sequencer() });
    let (ann, eve) = (stage.enter("ann"), stage.enter("eve"));
    stage.subscribe(eve, "a");
    stage.packets(eve);
    for (payload, expected) in [
        (r#"{"a":1,"b":2}"#, None),
        (r#"{"c":345}"#, Some(ErrorCode::PayloadTooLarge)),
        (r#"{"c":34}"#, None),
        (r#"{"d":4}"#, Some(ErrorCode::PayloadTooLarge)),
        (r#"{"a":null}"#, None),
        (r#"{"d":4}"#, None),
    ] {
        assert_eq!(outcome(&mut stage, ann, &patch("a", None, payload)), expected, "{payload}");
    }
    assert_eq!(stage.messages(eve).len(), 4, "what is refused is delivered to nobody");
    assert_eq!(document(&mut stage, "a"), r#"{"b":2,"c":34,"d":4}"#);
}

#[test]
fn patches_that_are_yet_to_be_applied_never_make_what_is_retained_larger_than_it_may_be() {
    let bytes_max = 2 << 10;
    let retained = RetainedConfig { bytes_max, ..RetainedConfig::default() };
    let mut stage = stage(SequencerConfig { retained, ..sequencer() });
    let ann = stage.enter("ann");
    for number in 0..500 {
        let payload = format!(r#"{{"n":{number}}}"#);
        assert_eq!(outcome(&mut stage, ann, &patch("a", None, &payload)), None);
        assert!(stage.sequencer.statistics().retained_bytes <= bytes_max as u64);
    }
    let large = format!(r#"{{"large":"{}"}}"#, "x".repeat(bytes_max));
    let full = Some(ErrorCode::TooManyKeys);
    assert_eq!(outcome(&mut stage, ann, &patch("a", None, &large)), full);
    assert_eq!(outcome(&mut stage, ann, &patch("b", None, &large)), full);
    assert_eq!(document(&mut stage, "a"), r#"{"n":499}"#);
}

#[test]
fn a_large_document_is_made_anew_once_for_as_many_bytes_of_patches() {
    let mut stage = stage(sequencer());
    let ann = stage.enter("ann");
    let large = format!(r#"{{"large":"{}"}}"#, "x".repeat(10 << 10));
    stage.say(ann, &patch("a", None, &large));
    for number in 0..1000 {
        stage.say(ann, &patch("a", None, &format!(r#"{{"n":{number}}}"#)));
    }
    let made = stage.sequencer.statistics().documents_made;
    assert!((5..=15).contains(&made), "{made}");
    let bytes = stage.sequencer.statistics().retained_bytes;
    assert!(bytes < 22 << 10, "{bytes}");
    for _ in 0..2 {
        // It is made for the first who joins.
        assert!(document(&mut stage, "a").ends_with(r#""n":999}"#));
        assert_eq!(stage.sequencer.statistics().documents_made, made + 1);
    }
}

#[test]
fn a_topic_has_as_many_keys_as_every_pattern_allows_and_the_strictest_is_named() {
    let keys =
        |filter: &str, most| Pattern { keys_max: Some(most), ..pattern(filter, Retention::Last) };
    let policies = Policies::new(vec![keys("a.*", 3), keys("a.b", 2), keys("*.c", 5)]);
    let retained_config = RetainedConfig { keys_max: 4, ..RetainedConfig::default() };
    let retained_in =
        SequencerConfig { policies, retained: retained_config, ..SequencerConfig::default() };
    let mut stage = stage(retained_in);
    let ann = stage.enter("ann");
    for (topic, most, named) in
        [("a.b", 2, "\"a.b\""), ("a.d", 3, "\"a.*\""), ("d.c", 4, "retained.keys_max")]
    {
        for key in 0..most {
            let key = format!("k{key}");
            assert_eq!(outcome(&mut stage, ann, &retained(topic, Some(&key), b"x")), None);
        }
        stage.say(ann, &retained(topic, Some("one more"), b"x"));
        let frames = stage.frames(ann);
        let [broker_protocol::frame::BrokerFrame::Rejected(told)] = &frames[..] else {
            panic!("{frames:?}")
        };
        assert_eq!(told.code, ErrorCode::TooManyKeys);
        assert!(told.message.contains(named), "{}", told.message);
        assert_eq!(joined(&mut stage, topic).len(), most);
    }
}

/// What a patch of 17 bytes costs, from the client's bytes to the answer, of documents of several sizes:
/// `cargo test --release -p broker-core --test rules -- --ignored --nocapture what_a_patch_costs`.
#[test]
#[ignore = "it measures"]
fn what_a_patch_costs() {
    for kilobytes in [0, 1, 10, 100, 500] {
        for (retained_as, pattern) in [("last", "plain.a"), ("merged", "a")] {
            let mut stage = stage(sequencer());
            let ann = stage.enter("ann");
            let members = |number| format!(r#""member{number}":"{}""#, "x".repeat(84));
            let all: Vec<String> = (0..kilobytes * 10).map(members).collect();
            stage.say(ann, &patch(pattern, None, &format!("{{{}}}", all.join(","))));
            let (count, mut slowest) = (20_000, std::time::Duration::ZERO);
            let begun = std::time::Instant::now();
            for number in 0..count {
                let one = std::time::Instant::now();
                stage.say(ann, &patch(pattern, None, &format!(r#"{{"member3":{number:05}}}"#)));
                slowest = slowest.max(one.elapsed());
            }
            let each = begun.elapsed() / count;
            let made = stage.sequencer.statistics().documents_made;
            println!("{kilobytes} KB {retained_as}: {each:?}, at most {slowest:?}, {made} made");
        }
    }
}
