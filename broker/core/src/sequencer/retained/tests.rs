use std::time::Duration;

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_delivery::filter_matches;
use broker_protocol::frame::Body;
use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::replay::{Cursor, Outstanding};

const TOPICS: [&str; 5] = ["a", "a.b", "a.bc", "a.b.c", "b"];
const FILTERS: [&str; 6] = ["a", "a.*", "a.>", ">", "*.b", "a.b.c"];

/// A topic's number and a key's.
type At = (usize, usize);

#[derive(Debug, Clone)]
enum Step {
    Keep(At),
    Clear(At),
    Pass(At),
    /// One replay begins, or another, or goes on.
    Replay(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let about = || (0..TOPICS.len(), 0usize..4);
    let step = prop_oneof![
        6 => about().prop_map(Step::Keep),
        2 => about().prop_map(Step::Clear),
        1 => about().prop_map(Step::Pass),
        4 => (0..FILTERS.len()).prop_map(Step::Replay),
    ];
    prop::collection::vec(step, 1..200)
}

/// A message of three to a page. Key 0 is the topic itself.
fn publication((topic, key): (usize, usize), seq: u64) -> Publication {
    let name = TOPICS[topic];
    let key = (key > 0).then(|| format!("k{key}").into());
    let body = Body { key, payload: vec![0; 30 << 10].into(), ..Body::default() };
    let mut parts = BytesMut::new();
    message::write_parts(name, Some("ann"), &body, &mut parts);
    let (topic, topic_id, parts) = (Arc::from(name), TopicId(topic as u64), parts.freeze());
    Publication { topic, topic_id, seq, epoch: 1, time: 0, expires: None, parts }
}

fn about(publication: &Publication) -> At {
    let key = message::key(&publication.parts).expect("it was written here");
    let key = key.map_or(0, |key| key[1..].parse().expect("k and a number"));
    (publication.topic_id.0 as usize, key)
}

/// What should be kept, and what a replay under way should still bring.
#[derive(Default)]
struct Model {
    kept: BTreeMap<At, u64>,
    replays: BTreeMap<usize, (Outstanding, BTreeMap<At, u64>)>,
}

impl Model {
    fn changed(&mut self, about: At) {
        for (_, expected) in self.replays.values_mut() {
            expected.remove(&about);
        }
    }

    fn begin(
        &self,
        filter: usize,
        point: NonZero<u64>,
        cursor: Cursor,
    ) -> (Outstanding, BTreeMap<At, u64>) {
        let (subscription, until) = (filter as u64, Some(point));
        let filter: Arc<str> = Arc::from(FILTERS[filter]);
        let kept = self.kept.iter().map(|(about, seq)| (*about, *seq));
        let expected = kept.filter(|(about, _)| filter_matches(&filter, TOPICS[about.0])).collect();
        (Outstanding { subscription, filter, until, cursor }, expected)
    }
}

proptest! {
    #[test]
    fn what_is_kept_and_replayed_is_what_a_table_would_hold(steps in steps()) {
        let mut retained = Retained::new(&SequencerConfig::default());
        let mut model = Model::default();
        for (step, seq) in steps.into_iter().zip(1u64..) {
            match step {
                Step::Keep(at) => {
                    let is_new = model.kept.insert(at, seq).is_none();
                    prop_assert_eq!(retained.keep(&publication(at, seq)), is_new);
                    model.changed(at);
                }
                Step::Clear(at) => {
                    let was_there = model.kept.remove(&at).is_some();
                    let cleared = publication(at, seq);
                    let about = About::of(cleared.topic_id, &cleared.topic, &cleared.parts);
                    prop_assert_eq!(retained.clear(about), was_there);
                    model.changed(at);
                }
                Step::Pass(at) => {
                    let passed = publication(at, seq);
                    retained.pass(About::of(passed.topic_id, &passed.topic, &passed.parts));
                    model.changed(at);
                }
                Step::Replay(filter) => {
                    let begun = model.begin(filter, retained.point(), Cursor::default());
                    let (outstanding, mut expected) =
                        model.replays.remove(&filter).unwrap_or(begun);
                    let page = retained.pages(std::slice::from_ref(&outstanding), Duration::ZERO, &mut Looks(1024)).remove(0);
                    for value in &page.values {
                        prop_assert_eq!(expected.remove(&about(value)), Some(value.seq));
                    }
                    match page.next {
                        Some(cursor) => {
                            // Every other one begins anew, from where it stands.
                            let next = match seq % 2 {
                                0 => (Outstanding { cursor, ..outstanding }, expected),
                                _ => model.begin(filter, retained.point(), cursor.again()),
                            };
                            model.replays.insert(filter, next);
                        }
                        None => prop_assert!(expected.is_empty(), "{expected:?} never came"),
                    }
                }
            }
        }
        let bytes: usize = model.kept.iter().map(|(at, seq)| publication(*at, *seq).parts.len()).sum();
        prop_assert_eq!(retained.bytes(), bytes + model.kept.len() * VALUE_BYTES);
        for at in model.kept.into_keys() {
            let kept = publication(at, 1);
            retained.clear(About::of(kept.topic_id, &kept.topic, &kept.parts));
        }
        let Retained { values, by_key, by_place, expiring, bytes, .. } = retained;
        let left = [values.len(), by_key.len(), by_place.len(), expiring.len(), bytes];
        prop_assert_eq!(left, [0; 5]);
    }
}

#[test]
fn a_value_pins_nothing_of_what_was_published_beside_it() {
    let mut retained = Retained::new(&SequencerConfig::default());
    let arena = publication((0, 0), 1).parts;
    let published = Publication { parts: arena.clone(), ..publication((0, 0), 1) };
    retained.keep(&published);
    drop(published);
    assert!(arena.try_into_mut().is_ok(), "the arena is shared");
}
