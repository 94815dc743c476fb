//! Whoever applies what it gets has the documents in the end, whenever it joined and however often it
//! was behind.

use std::collections::BTreeMap;

use broker_protocol::frame::{
    ClientFrame, Content, Keep, LaneOptions, Overflow, Publish, Subscribe,
};
use proptest::prelude::*;

use super::super::two_shards::TwoShards;
use super::super::{replayed, retained};
use super::reader::{Reader, change, values};
use super::sequencer;

const KEYS: usize = 8;

/// Three of them fill a page.
const LARGE_BYTES: usize = 24 << 10;

/// Patches of which many don't compose, and what is none.
const PATCHES: [&str; 11] = [
    r#"{"a":1}"#,
    r#"{"a":null}"#,
    r#"{"a":{"x":1}}"#,
    r#"{"a":{"x":null,"y":{"z":2}}}"#,
    r#"{"b":{"c":null}}"#,
    r#"{"b":[1,null],"d":"text"}"#,
    r#"{"d":null,"e":{}}"#,
    "{}",
    "5",
    "{",
    r#"{"large":null}"#,
];

#[derive(Debug, Clone)]
enum Step {
    /// A document changes by one of the patches, or becomes large.
    Patch(usize, usize),
    Large(usize),
    Clear(usize),
    /// It is given whole, by what isn't said to be JSON.
    Whole(usize),
    /// The sequencer hears what a shard has to say.
    Submit(usize),
    /// The subscriber's shard hears of so many items.
    Apply(usize),
    /// The subscriber takes so many packets.
    Take(usize),
    Begin,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..KEYS;
    let step = prop_oneof![
        10 => (key(), 0..PATCHES.len()).prop_map(|(key, patch)| Step::Patch(key, patch)),
        2 => key().prop_map(Step::Large),
        1 => key().prop_map(Step::Clear),
        1 => key().prop_map(Step::Whole),
        8 => (0usize..2).prop_map(Step::Submit),
        8 => (0usize..6).prop_map(Step::Apply),
        6 => (0usize..3).prop_map(Step::Take),
        2 => Just(Step::Begin),
    ];
    prop::collection::vec(step, 1..200)
}

fn rules() -> impl Strategy<Value = LaneOptions> {
    let rule = prop_oneof![
        Just((Keep::All, Overflow::DropOldest, 4096)),
        Just((Keep::Merge, Overflow::DropOldest, 4096)),
        (1u32..6).prop_map(|bound| (Keep::All, Overflow::Resync, bound)),
        (1u32..6).prop_map(|bound| (Keep::Merge, Overflow::Resync, bound)),
    ];
    let min_interval = prop_oneof![Just(0), Just(100)];
    (rule, min_interval).prop_map(|((keep, overflow, bound), interval)| LaneOptions {
        min_interval: Some(if keep == Keep::Merge { interval } else { 0 }),
        keep: Some(keep),
        overflow: Some(overflow),
        bound_messages: Some(bound),
        ..LaneOptions::default()
    })
}

struct World {
    shards: TwoShards,
    reader: Reader,
    /// The documents as they should be.
    documents: BTreeMap<String, Vec<u8>>,
    begun: bool,
}

impl World {
    fn publish(&mut self, key: usize, content: Content, payload: &[u8]) {
        let key = format!("k{key}");
        let ClientFrame::Publish(mut publish) = retained("t", Some(&key), payload) else {
            unreachable!("it is one")
        };
        publish.body.content = content;
        self.shards.say(0, &ClientFrame::Publish(Publish { ..publish }));
        let document = change(self.documents.remove(&key), content, payload);
        self.documents.extend(document.map(|document| (key, document)));
    }

    fn step(&mut self, step: Step, options: &LaneOptions) {
        match step {
            Step::Patch(key, patch) => self.publish(key, Content::Json, PATCHES[patch].as_bytes()),
            Step::Large(key) => {
                let large = format!(r#"{{"large":"{}"}}"#, "x".repeat(LARGE_BYTES));
                self.publish(key, Content::Json, large.as_bytes());
            }
            Step::Clear(key) => self.publish(key, Content::Bytes, b""),
            Step::Whole(key) => self.publish(key, Content::Bytes, br#"{"whole":{"a":1}}"#),
            Step::Submit(place) => self.shards.submit(place),
            Step::Apply(items) => self.shards.apply(1, items),
            Step::Take(packets) => self.shards.flush(1, packets),
            Step::Begin if self.begun => {}
            Step::Begin => {
                let (lane, options) = (Some(1), Some(options.clone()));
                let subscribe = Subscribe { lane, options, ..replayed("t") };
                self.shards.say(1, &ClientFrame::Subscribe(subscribe));
                self.begun = true;
            }
        }
        self.reader.read(self.shards.take_frames());
    }
}

proptest! {
    #[test]
    fn who_applies_what_it_gets_has_the_documents_in_the_end(
        steps in steps(),
        options in rules(),
    ) {
        let mut world = World {
            shards: TwoShards::new(sequencer()),
            reader: Reader::default(),
            documents: BTreeMap::new(),
            begun: false,
        };
        for step in steps {
            world.step(step, &options);
        }
        world.step(Step::Begin, &options);
        for _ in 0..60 {
            world.shards.settle_once();
        }
        world.shards.pass(std::time::Duration::from_secs(1));
        (0..5).for_each(|_| world.shards.settle_once());
        world.reader.read(world.shards.take_frames());
        prop_assert!(world.reader.is_caught_up);
        prop_assert_eq!(world.reader.held(), values(&world.documents));
    }
}
