//! Replays while values change all the time, with stalls: any order of things.

use std::collections::BTreeMap;

use broker_core::Config;
use broker_delivery::lane::{Bound, LaneOptions};
use broker_protocol::frame::{self, BrokerFrame, ClientFrame, Keep, Overflow, Pong};
use proptest::prelude::*;

use super::viewer::Viewer;
use super::{begin_in_lane, retained};
use crate::stage::Stage;

const KEYS: usize = 12;

/// Three of them fill a page.
const PAYLOAD_BYTES: usize = 25 << 10;

#[derive(Debug, Clone)]
enum Step {
    /// Changes a key, or clears it.
    Change(usize, bool),
    /// Is read by the broker, with what came before.
    Turn,
    /// The subscriber takes so many more packets.
    Take(usize),
    /// The subscriber begins.
    Begin,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0..KEYS, prop::bool::weighted(0.15)).prop_map(|(key, clear)| Step::Change(key, clear)),
        6 => Just(Step::Turn),
        3 => (0usize..3).prop_map(Step::Take),
        1 => Just(Step::Begin),
    ];
    prop::collection::vec(step, 1..160)
}

fn rules() -> impl Strategy<Value = (Option<Keep>, Overflow, u32)> {
    prop_oneof![
        Just((None, Overflow::Disconnect, 4096)),
        Just((Some(Keep::Latest(1)), Overflow::DropOldest, 4096)),
        (1u32..6).prop_map(|bound| (None, Overflow::Resync, bound)),
        (1u32..6).prop_map(|bound| (Some(Keep::Latest(1)), Overflow::Resync, bound)),
    ]
}

/// Two topics, each with keys of its own.
fn about(key: usize) -> (&'static str, String) {
    (["t.a", "t.b"][key % 2], format!("k{key}"))
}

struct Scene {
    stage: Stage,
    ann: u32,
    bob: u32,
    viewer: Viewer,
    /// The `seq` of each topic and the last value of each key.
    seqs: [u64; 2],
    last: BTreeMap<(String, Option<String>), u64>,
    /// What was published since the subscription began.
    published: u64,
    begun: bool,
}

impl Scene {
    fn new(resyncs: bool) -> Self {
        let bound = Bound { messages: 4096, bytes: 64 << 20 };
        let lane = LaneOptions { bound, ..LaneOptions::default() };
        let mut stage = Stage::new(Config { lane, ..Config::default() });
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        let viewer = Viewer { resyncs, ..Viewer::default() };
        let (seqs, last, published, begun) = ([0; 2], BTreeMap::new(), 0, false);
        Self { stage, ann, bob, viewer, seqs, last, published, begun }
    }

    fn change(&mut self, key: usize, clear: bool) {
        let (topic, name) = about(key);
        let payload: &[u8] = if clear { &[] } else { &[7; PAYLOAD_BYTES] };
        self.stage.write(self.ann, &retained(topic, Some(&name), payload));
        self.seqs[key % 2] += 1;
        self.published += u64::from(self.begun);
        let about = (topic.to_owned(), Some(name));
        match clear {
            true => drop(self.last.remove(&about)),
            false => drop(self.last.insert(about, self.seqs[key % 2])),
        }
    }

    fn begin(&mut self, options: frame::LaneOptions) {
        if !self.begun {
            self.stage.turn();
            begin_in_lane(&mut self.stage, self.bob, "t.*", 1, options);
            self.begun = true;
        }
    }

    fn read(&mut self) {
        let frames = self.stage.frames(self.bob);
        for frame in &frames {
            if let BrokerFrame::Ping(ping) = frame {
                let pong = Pong { mark: ping.mark, lag: Vec::new() };
                self.stage.write(self.bob, &ClientFrame::Pong(pong));
            }
        }
        self.viewer.read(frames);
    }
}

proptest! {
    #[test]
    fn who_begins_while_values_change_ends_with_the_last_of_every_key(
        steps in steps(),
        (keep, overflow, bound) in rules(),
    ) {
        let mut scene = Scene::new(overflow == Overflow::Resync);
        let (overflow, bound_messages) = (Some(overflow), Some(bound));
        let options = frame::LaneOptions { keep, overflow, bound_messages, ..Default::default() };
        for step in steps {
            match step {
                Step::Change(key, clear) => scene.change(key, clear),
                Step::Turn => scene.stage.turn(),
                Step::Take(packets) => {
                    scene.stage.set_room(scene.bob, packets);
                    scene.stage.turn();
                    scene.read();
                }
                Step::Begin => scene.begin(options.clone()),
            }
        }
        scene.begin(options);
        scene.stage.set_room(scene.bob, usize::MAX);
        // Each time the lane has room again for what was consumed.
        for _ in 0..40 {
            scene.stage.turn();
            scene.read();
        }
        prop_assert_eq!(scene.viewer.held(), scene.last);
        prop_assert_eq!(scene.viewer.accounted(), scene.published);
        prop_assert_eq!(scene.viewer.caught_up.last(), Some(&1));
    }
}
