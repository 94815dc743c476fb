use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::tests::{Log, Note, count_gaps, push};
use super::super::{AsTheyAre, Bound, Item, Keep, Key, LaneOptions, Overflow, Pushed, Sent};
use super::*;

const INTERVAL: u64 = 100;

fn paced(keep: Keep, messages: u32) -> Lane<Note> {
    let (min_interval, overflow) = (Duration::from_millis(INTERVAL), Overflow::DropOldest);
    let bound = Bound { messages, bytes: 1 << 20 };
    Lane::new(LaneOptions { keep, overflow, bound, min_interval, ..LaneOptions::default() })
}

fn latest(messages: u32) -> Lane<Note> {
    paced(Keep::Latest(1), messages)
}

fn push_all(lane: &mut Lane<Note>, log: &mut Log, entries: impl IntoIterator<Item = u64>) {
    for entry in entries {
        assert_eq!(push(lane, log, entry), Pushed::Kept);
    }
}

/// Takes all that is due at a time, as the writer of a ready link would. Returns the messages that
/// each entry stands for, and how many were told to be missing.
fn take(lane: &mut Lane<Note>, log: &mut Log, at: u64) -> (Vec<Vec<u64>>, u64) {
    lane.pace(Duration::from_millis(at), log);
    let (mut entries, mut missing) = (Vec::new(), vec![0; 8]);
    let mut sent = Sent::default();
    for item in lane.items() {
        let of_item = item.extents().flat_map(|extent| extent.entries());
        entries.extend(of_item.map(|entry| log.parts(entry)));
        match item {
            Item::Newest(newest) => {
                missing[0] += newest.skipped().iter().map(|(_, told)| told.count).sum::<u64>();
            }
            Item::Gaps(ledger) => count_gaps(ledger, log, &mut missing),
            _ => {}
        }
        sent.items += 1;
    }
    lane.sent(sent, log, &mut AsTheyAre);
    lane.block(log);
    (entries, missing.iter().sum())
}

/// The same for lanes in which an entry stands for itself.
fn take_alone(lane: &mut Lane<Note>, log: &mut Log, at: u64) -> Vec<u64> {
    take(lane, log, at).0.concat()
}

#[test]
fn an_isolated_value_comes_at_once_and_the_last_of_a_burst_when_the_interval_is_over() {
    let (mut lane, mut log) = (latest(10), Log::of(1));
    push_all(&mut lane, &mut log, [0]);
    assert_eq!(take(&mut lane, &mut log, 5), (vec![vec![0]], 0));
    push_all(&mut lane, &mut log, [1, 2, 3]);
    assert_eq!(take(&mut lane, &mut log, 6), (vec![], 0));
    assert!(!lane.is_empty() && !lane.is_due());
    assert_eq!(lane.due(), Some(Duration::from_millis(5 + INTERVAL)));
    assert_eq!(take(&mut lane, &mut log, 4 + INTERVAL), (vec![], 0));
    assert_eq!(take(&mut lane, &mut log, 5 + INTERVAL), (vec![vec![3]], 2));
    assert!(lane.is_empty());
    push_all(&mut lane, &mut log, [4]);
    assert_eq!(take_alone(&mut lane, &mut log, 5 + 2 * INTERVAL), [4], "nothing is remembered");
}

#[test]
fn a_burst_for_a_ready_link_is_one_delivery() {
    let (mut lane, mut log) = (latest(10), Log::of(1));
    push_all(&mut lane, &mut log, [0, 1, 2]);
    assert_eq!(take(&mut lane, &mut log, 0), (vec![vec![2]], 2));
}

#[test]
fn keys_do_not_wait_for_each_other_and_leave_in_the_order_in_which_they_may() {
    let (mut lane, mut log) = (latest(10), Log::of(3));
    for (at, entry) in [(0, 1), (10, 0), (20, 2)] {
        push_all(&mut lane, &mut log, [entry]);
        assert_eq!(take_alone(&mut lane, &mut log, at), [entry]);
    }
    push_all(&mut lane, &mut log, [3, 4, 5]);
    assert_eq!(take_alone(&mut lane, &mut log, 30), [0; 0]);
    assert_eq!(take_alone(&mut lane, &mut log, 10 + INTERVAL), [4, 3]);
    assert_eq!(take_alone(&mut lane, &mut log, 20 + INTERVAL), [5]);
}

#[test]
fn of_a_lane_that_keeps_three_three_values_come_in_an_interval() {
    let (mut lane, mut log) = (paced(Keep::Latest(3), 10), Log::of(1));
    push_all(&mut lane, &mut log, 0..5);
    assert_eq!(take(&mut lane, &mut log, 0), (vec![vec![2], vec![3], vec![4]], 2));
    push_all(&mut lane, &mut log, 5..10);
    assert_eq!(take(&mut lane, &mut log, 1), (vec![], 0));
    assert_eq!(take(&mut lane, &mut log, INTERVAL), (vec![vec![7], vec![8], vec![9]], 2));
}

#[test]
fn what_is_held_of_a_lane_that_merges_is_folded() {
    let (mut lane, mut log) = (paced(Keep::Merge, 10), Log::of(1));
    push_all(&mut lane, &mut log, [1]);
    take(&mut lane, &mut log, 0);
    for entry in [2, 3, 4] {
        push_all(&mut lane, &mut log, [entry]);
        take(&mut lane, &mut log, 1);
    }
    assert_eq!(lane.messages(), 1);
    assert_eq!(take(&mut lane, &mut log, INTERVAL), (vec![vec![2, 3, 4]], 2));
}

#[test]
fn what_is_held_goes_in_front_of_a_frame_at_once() {
    let (mut lane, mut log) = (latest(10), Log::of(1));
    push_all(&mut lane, &mut log, [0]);
    take(&mut lane, &mut log, 0);
    push_all(&mut lane, &mut log, [1]);
    take(&mut lane, &mut log, 1);
    lane.push_frame(Note(1));
    push_all(&mut lane, &mut log, [2]);
    lane.pace(Duration::from_millis(2), &mut log);
    let items: Vec<_> = lane.items().collect();
    assert!(matches!(items[..], [Item::Newest(_), Item::Frame(_)]), "{items:?}");
    assert_eq!(take_alone(&mut lane, &mut log, 2), [1]);
    assert_eq!(take_alone(&mut lane, &mut log, 2 + INTERVAL), [2]);
}

#[test]
fn beyond_the_bound_the_key_that_may_come_next_is_forgotten_and_counted() {
    for (bound, forgotten) in [(10, 0), (9, 1)] {
        let (mut lane, mut log) = (latest(bound), Log::of(10));
        push_all(&mut lane, &mut log, 0..10);
        assert_eq!(take(&mut lane, &mut log, 0).0.len(), 10);
        assert_eq!(lane.forgotten(), forgotten);
        push_all(&mut lane, &mut log, 10..20);
        let expected: Vec<u64> = (10..10 + forgotten).collect();
        assert_eq!(take_alone(&mut lane, &mut log, 1), expected);
        assert_eq!(lane.messages() as u64, 10 - forgotten);
    }
}

#[test]
fn more_held_keys_than_the_bound_allows_are_dropped_and_told() {
    let (mut lane, mut log) = (latest(20), Log::of(20));
    push_all(&mut lane, &mut log, 0..20);
    take(&mut lane, &mut log, 0);
    push_all(&mut lane, &mut log, 20..40);
    take(&mut lane, &mut log, 1);
    let options = LaneOptions { bound: Bound { messages: 10, bytes: 1 << 20 }, ..*lane.options() };
    lane.set_options(options, &mut log);
    let (entries, missing) = take(&mut lane, &mut log, 1);
    assert_eq!((entries.len(), missing), (0, 0));
    let (entries, missing) = take(&mut lane, &mut log, INTERVAL);
    assert_eq!(entries.len() as u64 + missing, 20);
    assert!(lane.books().dropped >= 10, "{:?}", lane.books());
}

#[test]
fn without_the_interval_what_is_held_leaves_at_once() {
    let (mut lane, mut log) = (latest(10), Log::of(1));
    push_all(&mut lane, &mut log, [0]);
    take(&mut lane, &mut log, 0);
    push_all(&mut lane, &mut log, [1]);
    take(&mut lane, &mut log, 1);
    let options = LaneOptions { min_interval: Duration::ZERO, ..*lane.options() };
    lane.set_options(options, &mut log);
    assert!(lane.is_due() && !lane.is_paced());
    assert_eq!(take_alone(&mut lane, &mut log, 1), [1]);
}

#[derive(Debug, Clone)]
enum Step {
    Push(u8),
    Frame,
    Take,
    Pass(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..4u8).prop_map(Step::Push),
        1 => Just(Step::Frame),
        6 => Just(Step::Take),
        3 => (1..70u8).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..300)
}

/// What a client got of a key: when, and which messages.
#[derive(Debug, Default)]
struct Got {
    at: Vec<u64>,
    messages: Vec<u64>,
}

proptest! {
    #[test]
    fn each_key_comes_once_in_an_interval_and_its_last_value_no_later_than_that(
        steps in steps(),
        merges: bool,
        keys in 0..3usize,
        frames: bool,
    ) {
        let keep = if merges { Keep::Merge } else { Keep::Latest(1) };
        let (mut lane, mut log) = (paced(keep, 1000), Log::with_keys(2, keys));
        let (mut now, mut next, mut missing) = (0, 0, 0);
        let mut got = BTreeMap::<_, Got>::new();
        let mut pushed = BTreeMap::<_, Vec<u64>>::new();
        let key_of = |log: &Log, entry| {
            let key = log.key(entry);
            (key.topic, key.key.map(str::to_owned))
        };
        for step in steps.into_iter().chain([Step::Take, Step::Pass(INTERVAL as u8), Step::Take]) {
            match step {
                Step::Push(stride) => {
                    push(&mut lane, &mut log, next);
                    pushed.entry(key_of(&log, next)).or_default().push(next);
                    next += u64::from(stride);
                }
                Step::Frame if frames => lane.push_frame(Note(3)),
                Step::Frame => {}
                Step::Take => {
                    let (entries, told) = take(&mut lane, &mut log, now);
                    missing += told;
                    for parts in entries {
                        let got = got.entry(key_of(&log, parts[0])).or_default();
                        got.at.push(now);
                        got.messages.extend(parts);
                    }
                    prop_assert!(lane.due().is_none_or(|due| due > Duration::from_millis(now)));
                }
                Step::Pass(time) => now += u64::from(time),
            }
        }
        prop_assert!(lane.is_empty() && lane.bytes() == 0 && lane.messages() == 0);
        prop_assert!(log.wanted.values().all(|wanted| *wanted == 0));
        let books = *lane.books();
        let count = pushed.values().map(Vec::len).sum::<usize>() as u64;
        prop_assert_eq!(books.received + missing, count);
        prop_assert_eq!(books.conflated + books.merged, missing);
        for (key, pushed) in pushed {
            let got = &got[&key];
            prop_assert!(got.messages.is_sorted_by(|one, two| one < two));
            prop_assert_eq!(got.messages.last(), pushed.last());
            if merges {
                prop_assert_eq!(&got.messages, &pushed);
            } else if !frames {
                let apart = |times: &[u64]| times[1] - times[0] >= INTERVAL;
                prop_assert!(got.at.windows(2).all(apart), "{:?}", got.at);
            }
        }
    }
}

/// One key of a topic that is forgotten behind its second message.
struct Forgetful(Log);

impl Entries for Forgetful {
    fn topic(&self, entry: u64) -> (&Arc<str>, u64) {
        (self.0.topic(entry).0, 1 + u64::from(entry > 1))
    }
    fn seq(&self, entry: u64) -> u64 {
        if entry > 1 { entry - 1 } else { entry + 1 }
    }
    fn key(&self, entry: u64) -> Key<'_> {
        Key { topic: u64::from(entry > 1), key: None }
    }
    fn thing(&mut self, entry: u64) -> u64 {
        u64::from(entry > 1)
    }
    fn size(&self, entry: u64) -> u32 {
        self.0.size(entry)
    }
    fn let_go(&mut self, extent: Extent) {
        self.0.let_go(extent);
    }
}

#[test]
fn what_is_held_of_a_topic_that_was_forgotten_comes_in_front_of_what_comes_of_it_anew() {
    let (mut lane, mut log) = (latest(10), Forgetful(Log::of(1)));
    let mut deliver = |entry: u64, at: u64| {
        lane.push(Extent::one(entry), u64::from(log.size(entry)), &mut log);
        lane.pace(Duration::from_millis(at), &mut log);
        let sent = Sent { items: lane.items().count(), ..Sent::default() };
        let extents = lane.items().flat_map(Item::extents);
        let entries: Vec<u64> = extents.flat_map(|extent| extent.entries()).collect();
        lane.sent(sent, &mut log, &mut AsTheyAre);
        entries
    };
    assert_eq!(deliver(0, 0), [0]);
    assert_eq!(deliver(1, 1), [0; 0], "it is held");
    assert_eq!(deliver(2, 2), [1, 2], "in the order of their epochs");
    assert_eq!(deliver(3, 3), [0; 0], "the interval goes on");
}
