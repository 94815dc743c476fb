use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::tests::{FOLDED, Log, Note, count_gaps, push};
use super::super::{AsTheyAre, Bound, GapReason, LaneOptions, Overflow, Pushed, Sent, Skipped};
use super::*;

fn latest(keep: u32, messages: u32) -> Lane<Note> {
    conflating(Keep::Latest(keep), messages)
}

fn conflating(keep: Keep, messages: u32) -> Lane<Note> {
    let overflow = Overflow::DropOldest;
    let bound = Bound { messages, bytes: 1 << 20 };
    Lane::new(LaneOptions { keep, overflow, bound, ..LaneOptions::default() })
}

/// What waits: the entries of each key that is in place, with how many they replaced.
fn waiting(lane: &mut Lane<Note>, log: &mut Log) -> Vec<(Vec<u64>, u64)> {
    lane.conflate(log);
    let told = |item: &Item<Note>| match item {
        Item::Newest(newest) => Some((
            newest.entries().collect(),
            newest.skipped().iter().map(|(_, told)| told.count).sum(),
        )),
        _ => None,
    };
    lane.items().filter_map(told).collect()
}

#[test]
fn a_lane_that_keeps_up_is_never_conflated() {
    let (mut lane, mut log) = (latest(1, 10), Log::of(1));
    (0..100).for_each(|entry| {
        push(&mut lane, &mut log, entry);
    });
    lane.conflate(&mut log);
    assert_eq!(lane.messages(), 100);
    assert_eq!(lane.items().collect::<Vec<_>>(), [&Item::Run(Extent { start: 0, end: 100 })]);
}

#[test]
fn a_waiting_key_keeps_its_place_and_takes_the_newest_value() {
    let (mut lane, mut log) = (latest(1, 10), Log::of(3));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    // Topics 1, 2, 1, 0, 1.
    for entry in [1, 2, 4, 6, 7] {
        push(&mut lane, &mut log, entry);
    }
    let expected = [(vec![6], 1), (vec![7], 2), (vec![2], 0)];
    assert_eq!(waiting(&mut lane, &mut log), expected);
    assert_eq!((lane.messages(), lane.books().conflated), (3, 3));
}

#[test]
fn keys_of_one_topic_are_told_apart() {
    let (mut lane, mut log) = (latest(1, 10), Log::with_keys(1, 2));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in 1..=4 {
        push(&mut lane, &mut log, entry);
    }
    assert_eq!(waiting(&mut lane, &mut log), [(vec![4], 2), (vec![3], 1)]);
}

#[test]
fn the_newest_few_of_a_key_stand_together_in_its_place() {
    let (mut lane, mut log) = (latest(2, 10), Log::of(2));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in 1..=6 {
        push(&mut lane, &mut log, entry);
    }
    assert_eq!(waiting(&mut lane, &mut log), [(vec![4, 6], 2), (vec![3, 5], 1)]);
}

#[test]
fn nothing_moves_across_a_frame() {
    let (mut lane, mut log) = (latest(1, 10), Log::of(1));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    push(&mut lane, &mut log, 1);
    lane.push_frame(Note(1));
    push(&mut lane, &mut log, 2);
    push(&mut lane, &mut log, 3);
    assert_eq!(waiting(&mut lane, &mut log), [(vec![1], 1), (vec![3], 1)]);
    let place = lane.items().position(|item| matches!(item, Item::Frame(_)));
    assert_eq!(place, Some(1));
}

#[test]
fn what_was_walked_goes_on_being_conflated_with_what_comes() {
    let (mut lane, mut log) = (latest(1, 10), Log::of(2));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    push(&mut lane, &mut log, 1);
    assert_eq!(waiting(&mut lane, &mut log).len(), 2);
    lane.sent(Sent { items: 1, ..Sent::default() }, &mut log, &mut AsTheyAre);
    for entry in [2, 3, 4] {
        push(&mut lane, &mut log, entry);
    }
    assert_eq!(waiting(&mut lane, &mut log), [(vec![3], 1), (vec![4], 1)]);
}

#[test]
fn a_key_whose_turn_has_begun_takes_nothing_in_so_that_the_others_have_theirs() {
    for keep in [Keep::Latest(3), Keep::Merge] {
        let (mut lane, mut log) = (conflating(keep, 20), Log::of(2));
        push(&mut lane, &mut log, 0);
        lane.block(&mut log);
        [1, 2, 4].into_iter().for_each(|entry| {
            push(&mut lane, &mut log, entry);
        });
        // As often as one message of the first topic is sent, another one comes.
        let mut seen = Seen { told: vec![0; 4], ..Seen::default() };
        for turn in 3..10 {
            seen.take(&mut lane, &mut log, 1);
            push(&mut lane, &mut log, 2 * turn);
        }
        assert_eq!(seen.of_key[&key_of(&log, 1)], [1], "{keep:?}");
    }
}

#[test]
fn what_is_wanted_since_an_entry_is_all_of_that_however_it_was_conflated() {
    let (mut lane, mut log) = (latest(1, 10), Log::of(3));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in [1, 2, 4] {
        push(&mut lane, &mut log, entry);
    }
    lane.conflate(&mut log);
    push(&mut lane, &mut log, 6);
    let since = |first| {
        let mut entries = Vec::new();
        lane.visit_since(first, |extent| entries.push(extent.start));
        entries.sort_unstable();
        entries
    };
    assert_eq!(since(0), [0, 2, 4, 6]);
    // Of what was walked all is listed or nothing.
    assert_eq!(since(4), [0, 2, 4, 6]);
    assert_eq!(since(5), [6]);
    assert_eq!(since(7), [0; 0]);
}

#[test]
fn keys_within_the_bound_are_never_dropped_however_often_they_change() {
    let (mut lane, mut log) = (latest(1, 50), Log::of(50));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in 1..10_000 {
        assert!(matches!(push(&mut lane, &mut log, entry), Pushed::Kept | Pushed::Due));
        assert!(lane.messages() <= 100, "twice the bound waits before it is walked");
    }
    assert_eq!(waiting(&mut lane, &mut log).len(), 50);
    assert_eq!((lane.books().dropped, lane.books().conflated), (0, 9_950));
}

/// Pushes until a walk is said to be due. Returns what was pushed last.
fn push_until_due(lane: &mut Lane<Note>, log: &mut Log, entries: std::ops::Range<u64>) -> u64 {
    let mut entries = entries.into_iter();
    let due = entries.find(|entry| push(lane, log, *entry) == Pushed::Due);
    due.expect("a walk becomes due")
}

#[test]
fn half_way_to_twice_its_bound_a_lane_says_once_that_a_walk_is_due() {
    let (mut lane, mut log) = (latest(1, 50), Log::of(20));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    assert_eq!(push_until_due(&mut lane, &mut log, 1..100), 49);
    (50..99).for_each(|entry| assert_eq!(push(&mut lane, &mut log, entry), Pushed::Kept));
    assert_eq!((lane.messages(), lane.books().conflated), (99, 0), "it isn't walked by itself");
    assert_eq!(lane.walk_early(&mut log), 99);
    assert_eq!((lane.messages(), lane.books().conflated), (20, 79));
    assert_eq!(push_until_due(&mut lane, &mut log, 99..200), 138, "half way from 20 to 100");
    assert_eq!(lane.walk_early(&mut log), 40, "nothing is walked twice");
}

#[test]
fn the_walk_of_a_message_that_is_to_be_folded_is_eight_steps() {
    let steps = |keep| {
        let (mut lane, mut log) = (conflating(keep, 50), Log::of(20));
        push(&mut lane, &mut log, 0);
        lane.block(&mut log);
        push_until_due(&mut lane, &mut log, 1..100);
        assert_eq!(lane.messages(), 50);
        lane.walk_early(&mut log)
    };
    assert_eq!([steps(Keep::Latest(1)), steps(Keep::Merge)], [50, 8 * 50]);
}

#[test]
fn an_early_walk_drops_nothing_and_the_bound_holds_at_twice_as_much_as_ever() {
    let (mut lane, mut log) = (latest(1, 50), Log::of(1000));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    push_until_due(&mut lane, &mut log, 1..100);
    (50..60).for_each(|entry| assert_eq!(push(&mut lane, &mut log, entry), Pushed::Kept));
    lane.walk_early(&mut log);
    assert_eq!((lane.messages(), lane.books().dropped), (60, 0));
    (60..99).for_each(|entry| assert_eq!(push(&mut lane, &mut log, entry), Pushed::Kept));
    assert_eq!((lane.messages(), lane.books().dropped), (99, 0));
    push(&mut lane, &mut log, 99);
    assert!(lane.messages() < 50 && lane.books().dropped > 50, "{lane:?}");
}

#[test]
fn a_lane_that_is_up_to_date_again_has_nothing_to_walk() {
    let (mut lane, mut log) = (latest(1, 50), Log::of(20));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    push_until_due(&mut lane, &mut log, 1..100);
    lane.conflate(&mut log);
    let sent = Sent { items: lane.items().count(), ..Sent::default() };
    lane.sent(sent, &mut log, &mut AsTheyAre);
    assert_eq!(lane.walk_early(&mut log), 0);
    (50..200).for_each(|entry| assert_eq!(push(&mut lane, &mut log, entry), Pushed::Kept));
}

#[test]
fn at_the_bound_the_key_in_front_goes_and_what_it_replaced_is_told_apart() {
    let (mut lane, mut log) = (latest(1, 4), Log::of(100));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in (1..4).chain([100, 4, 5, 6]) {
        push(&mut lane, &mut log, entry);
    }
    lane.conflate(&mut log);
    let Some(Item::Gaps(ledger)) = lane.items().next() else { panic!("no gap in front") };
    let told: Vec<_> =
        ledger.gaps().iter().map(|gap| (gap.first_seq, gap.count, gap.reason)).collect();
    // The ledger folds at once under so small a bound: counts alone are left.
    let of = |reason| told.iter().filter(|gap| gap.2 == reason).map(|gap| gap.1).sum::<u64>();
    assert_eq!(of(GapReason::Conflated), 1);
    assert_eq!(of(GapReason::Dropped) + u64::from(lane.messages()), 7);
    assert_eq!(lane.books().dropped, of(GapReason::Dropped));
}

#[test]
fn a_message_asks_the_log_as_much_as_the_walk_of_one_message_needs_however_many_wait() {
    let (mut lane, mut log) = (latest(1, 1000), Log::of(1000));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in 1..1000 {
        push(&mut lane, &mut log, entry);
    }
    let before = log.asked();
    for entry in 1000..101_000 {
        push(&mut lane, &mut log, entry);
    }
    let asked = log.asked() - before;
    // Its own key, that of the one in its place, and three of what is replaced.
    assert!(asked <= 6 * 100_000, "{asked} questions for 100,000 messages");
}

#[test]
fn what_waits_of_a_key_is_folded_in_its_place_and_told_as_merged() {
    let (mut lane, mut log) = (conflating(Keep::Merge, 10), Log::of(2));
    push(&mut lane, &mut log, 1);
    lane.block(&mut log);
    for entry in [2, 3, 4, 7] {
        push(&mut lane, &mut log, entry);
    }
    let waiting = waiting(&mut lane, &mut log);
    let parts: Vec<_> = waiting.iter().map(|(entries, _)| log.parts(entries[0])).collect();
    assert_eq!(parts, [vec![1, 3, 7], vec![2, 4]]);
    assert_eq!(waiting.iter().map(|(_, told)| *told).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((lane.messages(), lane.bytes(), lane.books().merged), (2, 20, 3));
    let reasons = lane.items().map(|item| match item {
        Item::Newest(newest) => newest.skipped()[0].0,
        item => panic!("{item:?}"),
    });
    assert!(reasons.into_iter().all(|reason| reason == GapReason::Merged));
}

#[test]
fn what_does_not_compose_waits_in_order_behind_what_was_folded() {
    let (mut lane, mut log) = (conflating(Keep::Merge, 10), Log::of(1));
    push(&mut lane, &mut log, 1);
    lane.block(&mut log);
    for entry in [2, 5, 6] {
        push(&mut lane, &mut log, entry);
    }
    lane.conflate(&mut log);
    push(&mut lane, &mut log, 7);
    push(&mut lane, &mut log, 10);
    let waiting = waiting(&mut lane, &mut log);
    let [(entries, told)] = &waiting[..] else { panic!("{waiting:?}") };
    let parts: Vec<_> = entries.iter().map(|entry| log.parts(*entry)).collect();
    assert_eq!(parts, [vec![1, 2], vec![5, 6, 7], vec![10]]);
    assert_eq!((*told, lane.messages()), (3, 3));
}

#[test]
fn a_folded_value_is_wanted_of_the_log() {
    let (mut lane, mut log) = (conflating(Keep::Merge, 10), Log::of(1));
    push(&mut lane, &mut log, 1);
    lane.block(&mut log);
    // The newest doesn't compose: the one in front of it is of a later number.
    for entry in [2, 5] {
        push(&mut lane, &mut log, entry);
    }
    lane.conflate(&mut log);
    let mut since = Vec::new();
    lane.visit_since(6, |extent| since.push(extent.start));
    assert_eq!(since, [FOLDED, 5]);
    assert_eq!(lane.oldest(), Some(5));
    lane.clear(&mut log);
    assert!(log.wanted.values().all(|wanted| *wanted == 0));
}

#[derive(Debug, Clone)]
enum Step {
    Push(u8),
    Frame,
    Send(u8),
    Block,
    Early,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..4u8).prop_map(Step::Push),
        1 => Just(Step::Frame),
        2 => (1..6u8).prop_map(Step::Send),
        2 => Just(Step::Block),
        1 => Just(Step::Early),
    ];
    proptest::collection::vec(step, 1..300)
}

/// What a subscriber has seen of a lane.
#[derive(Default)]
struct Seen {
    /// Per topic, what was received or told to be missing.
    told: Vec<u64>,
    /// The messages of each key that entries stood for.
    of_key: BTreeMap<(u64, Option<String>), Vec<u64>>,
}

fn key_of(log: &Log, entry: u64) -> (u64, Option<String>) {
    let key = log.key(entry);
    (key.topic, key.key.map(str::to_owned))
}

impl Seen {
    fn see(&mut self, log: &Log, entry: u64) {
        self.told[log.topic_index(entry)] += 1;
        let seen = self.of_key.entry(key_of(log, entry)).or_default();
        for part in log.parts(entry) {
            assert!(seen.last() < Some(&part), "{part} comes after {seen:?} of its key");
            seen.push(part);
        }
    }

    /// Takes up to `count` messages with all that stands in front, as a writer would.
    fn take(&mut self, lane: &mut Lane<Note>, log: &mut Log, count: u8) {
        lane.conflate(log);
        let (mut sent, mut left) = (Sent::default(), usize::from(count));
        for item in lane.items() {
            let entries: Vec<u64> = item.extents().flat_map(|extent| extent.entries()).collect();
            let taken = entries.len().min(left);
            entries[..taken].iter().for_each(|entry| self.see(log, *entry));
            match item {
                Item::Newest(newest) if taken > 0 => {
                    let is_told = |one: &Skipped| {
                        let mut places = entries[..taken].iter().enumerate();
                        places.any(|(at, entry)| {
                            newest.stands_in_front_of(one, (at, log.seq(*entry)))
                        })
                    };
                    let told = newest.skipped().iter().filter(|(_, one)| is_told(one));
                    let skipped: u64 = told.map(|(_, told)| told.count).sum();
                    self.told[log.topic_index(newest.last())] += skipped;
                }
                Item::Gaps(ledger) => count_gaps(ledger, log, &mut self.told),
                _ => {}
            }
            left -= taken;
            if taken < entries.len() {
                sent.of_next = taken as u32;
                break;
            }
            sent.items += 1;
        }
        lane.sent(sent, log, &mut AsTheyAre);
    }
}

/// Whether what was seen of a key is what is to be seen of what was pushed.
fn is_all_there(keep: Keep, seen: &[u64], pushed: &[u64]) -> bool {
    match keep {
        Keep::Merge => seen == pushed,
        _ => seen.last() == pushed.last(),
    }
}

proptest! {
    #[test]
    fn the_books_balance_and_every_key_ends_with_its_newest(
        steps in steps(),
        keep in prop_oneof![(1..4u32).prop_map(Keep::Latest), Just(Keep::Merge)],
        bound in 20..60u32,
        keys in 0..4usize,
    ) {
        let (mut lane, mut log) = (conflating(keep, bound), Log::with_keys(3, keys));
        let mut seen = Seen { told: vec![0; 4], ..Seen::default() };
        let (mut next, mut pushed) = (0u64, BTreeMap::<_, Vec<u64>>::new());
        for step in steps {
            match step {
                Step::Push(stride) => {
                    push(&mut lane, &mut log, next);
                    pushed.entry(key_of(&log, next)).or_default().push(next);
                    next += u64::from(stride);
                }
                Step::Frame => lane.push_frame(Note(3)),
                Step::Send(count) => seen.take(&mut lane, &mut log, count),
                Step::Block => {
                    lane.block(&mut log);
                }
                Step::Early => {
                    lane.walk_early(&mut log);
                }
            }
            if lane.is_waiting() {
                prop_assert!(lane.messages() <= 2 * bound);
            }
        }
        while !lane.is_empty() {
            seen.take(&mut lane, &mut log, 5);
        }
        let books = *lane.books();
        let count = pushed.values().map(Vec::len).sum::<usize>() as u64;
        prop_assert_eq!(seen.told.iter().sum::<u64>(), count);
        prop_assert_eq!(books.received + books.conflated + books.merged + books.dropped, count);
        prop_assert_eq!((lane.messages(), lane.bytes()), (0, 0));
        prop_assert!(log.wanted.values().all(|wanted| *wanted == 0));
        if books.dropped == 0 {
            for (key, pushed) in &pushed {
                let seen = seen.of_key.get(key).map_or(&[][..], Vec::as_slice);
                prop_assert!(is_all_there(keep, seen, pushed), "{seen:?} of {pushed:?}");
            }
        }
    }
}
