//! The same with two shards that are behind each other: what is published while a shard has yet to
//! hear of it, and while its question is under way.

use std::collections::BTreeMap;

use broker_core::SequencerConfig;
use broker_protocol::frame::{
    ClientFrame, Keep, LaneOptions, Overflow, Publish, Subscribe, Unsubscribe,
};
use proptest::prelude::*;

use super::two_shards::TwoShards;
use super::viewer::Viewer;
use super::{replayed, retained};

const KEYS: usize = 8;

/// Four of them fill a page.
const PAYLOAD_BYTES: usize = 20 << 10;

#[derive(Debug, Clone)]
enum Step {
    /// A key changes, or is cleared, or a message of it comes that isn't to be retained.
    Change(usize, Kind),
    /// The sequencer hears what a shard has to say.
    Submit(usize),
    /// The subscriber's shard hears of so many items.
    Apply(usize),
    /// The subscriber takes so many packets.
    Take(usize),
    /// The subscriber begins.
    Begin,
    /// Another subscription in the same lane begins, and ends.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Keep,
    Clear,
    Pass,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![6 => Just(Kind::Keep), 1 => Just(Kind::Clear), 1 => Just(Kind::Pass)];
    let step = prop_oneof![
        10 => (0..KEYS, kind).prop_map(|(key, kind)| Step::Change(key, kind)),
        8 => (0usize..2).prop_map(Step::Submit),
        8 => (0usize..6).prop_map(Step::Apply),
        6 => (0usize..3).prop_map(Step::Take),
        2 => Just(Step::Begin),
        1 => Just(Step::Other),
    ];
    prop::collection::vec(step, 1..200)
}

fn rules() -> impl Strategy<Value = (Option<Keep>, Overflow, u32)> {
    prop_oneof![
        Just((None, Overflow::DropOldest, 4096)),
        Just((Some(Keep::Latest(1)), Overflow::DropOldest, 4096)),
        (1u32..6).prop_map(|bound| (None, Overflow::Resync, bound)),
        (1u32..6).prop_map(|bound| (Some(Keep::Latest(1)), Overflow::Resync, bound)),
    ]
}

/// A publisher in shard 0, and a subscriber in shard 1.
struct World {
    shards: TwoShards,
    viewer: Viewer,
    seq: u64,
    last: BTreeMap<(String, Option<String>), u64>,
    begun: bool,
    /// How many were published when it began.
    point: Option<u64>,
    /// How many subscriptions there were, and whether the other one is there.
    subscriptions: u64,
    other: bool,
}

impl World {
    fn new(resyncs: bool) -> Self {
        Self {
            shards: TwoShards::new(SequencerConfig::default()),
            viewer: Viewer { resyncs, ..Viewer::default() },
            seq: 0,
            last: BTreeMap::new(),
            begun: false,
            point: None,
            subscriptions: 0,
            other: false,
        }
    }

    fn submit(&mut self, place: usize) {
        if place == 1 && self.begun {
            let published = self.shards.sequencer.statistics().published;
            self.point.get_or_insert(published);
        }
        self.shards.submit(place);
    }

    fn change(&mut self, key: usize, kind: Kind) {
        // Where everything is sent again, a value may be older than a message that passed it.
        let kind = if kind == Kind::Pass && self.viewer.resyncs { Kind::Keep } else { kind };
        let name = format!("k{key}");
        let payload: &[u8] = if kind == Kind::Clear { &[] } else { &[7; PAYLOAD_BYTES] };
        let about = ("t".to_owned(), Some(name.clone()));
        self.seq += 1;
        let mut publish = retained("t", Some(&name), payload);
        match kind {
            Kind::Keep => drop(self.last.insert(about, self.seq)),
            Kind::Clear => drop(self.last.remove(&about)),
            Kind::Pass => {
                let ClientFrame::Publish(passing) = &publish else { unreachable!("it is one") };
                publish = ClientFrame::Publish(Publish { retain: false, ..passing.clone() });
            }
        }
        self.shards.say(0, &publish);
    }

    fn begin(&mut self, filter: &str, options: &LaneOptions) {
        self.subscriptions += 1;
        let (lane, options) = (Some(1), Some(options.clone()));
        let id = self.subscriptions;
        let subscribe = Subscribe { id, lane, options, ..replayed(filter) };
        self.shards.say(1, &ClientFrame::Subscribe(subscribe));
    }

    fn other(&mut self, options: &LaneOptions) {
        if !self.begun {
            return;
        }
        self.other = !self.other;
        match self.other {
            true => self.begin("t.none.>", options),
            false => {
                let unsubscribe = Unsubscribe { id: 1000, subscription: self.subscriptions };
                self.shards.say(1, &ClientFrame::Unsubscribe(unsubscribe));
            }
        }
    }

    /// Everything that is under way comes to its end.
    fn settle(&mut self) {
        [0, 1].into_iter().for_each(|place| self.submit(place));
        (0..60).for_each(|_| self.shards.settle_once());
        self.viewer.read(self.shards.take_frames());
    }

    fn step(&mut self, step: Step, options: &LaneOptions) {
        match step {
            Step::Change(key, kind) => self.change(key, kind),
            Step::Submit(place) => self.submit(place),
            Step::Apply(items) => self.shards.apply(1, items),
            Step::Take(packets) => self.shards.flush(1, packets),
            Step::Other => self.other(options),
            Step::Begin if self.begun => {}
            Step::Begin => {
                // So that it begins with the next batch.
                self.submit(1);
                self.begin("t", options);
                self.begun = true;
            }
        }
        self.viewer.read(self.shards.take_frames());
    }
}

proptest! {
    #[test]
    fn shards_that_are_behind_each_other_tell_every_key_to_the_last(
        steps in steps(),
        (keep, overflow, bound_messages) in rules(),
    ) {
        let resyncs = overflow == Overflow::Resync;
        let mut world = World::new(resyncs);
        let (overflow, bound_messages) = (Some(overflow), Some(bound_messages));
        let options = LaneOptions { keep, overflow, bound_messages, ..LaneOptions::default() };
        for step in steps {
            world.step(step, &options);
        }
        world.step(Step::Begin, &options);
        world.settle();
        let held = world.viewer.held();
        if resyncs {
            prop_assert_eq!(&held, &world.last);
        }
        for (about, seq) in &world.last {
            prop_assert!(held.get(about).is_some_and(|held| held >= seq), "{about:?}: {held:?}");
        }
        let published = world.shards.sequencer.statistics().published;
        prop_assert_eq!(Some(world.viewer.accounted()), world.point.map(|point| published - point));
        prop_assert!(world.viewer.caught_up.contains(&1));
    }
}
