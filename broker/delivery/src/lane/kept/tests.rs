use proptest::prelude::*;

use super::super::tests::{Log, Note, SIZE, push};
use super::super::{AsTheyAre, Bound, Item, Keep, LaneOptions, Overflow, Sent};
use super::*;

/// A lane that conflates and has a client that may come back.
fn latest(messages: u32) -> Lane<Note> {
    let bound = Bound { messages, bytes: 1 << 20 };
    let (keep, overflow) = (Keep::Latest(1), Overflow::DropOldest);
    let mut lane = Lane::new(LaneOptions { keep, overflow, bound, ..LaneOptions::default() });
    lane.keep_what_is_sent();
    lane
}

#[test]
fn the_oldest_that_is_kept_is_known_though_a_gap_was_sent_behind_newer_ones() {
    let (mut lane, mut log) = (latest(10), Log::of(2));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in [1, 2, 3, 4] {
        push(&mut lane, &mut log, entry);
    }
    lane.conflate(&mut log);
    // Topic 0 has its turn first, with its newest message; topic 1 follows with an older one.
    for told in [vec![], vec![(0, Gap::of_the_lane(1))]] {
        let sent = Sent { items: 1, told, ..Sent::default() };
        lane.sent(sent, &mut log, &mut AsTheyAre);
    }
    assert_eq!(lane.kept_since(), Some(3), "{:?}", lane.kept_extents().collect::<Vec<_>>());
    // So it is once that is no longer what was sent last.
    lane.sent(
        Sent { told: vec![(0, Gap::of_the_lane(1))], ..Sent::default() },
        &mut log,
        &mut AsTheyAre,
    );
    assert_eq!(lane.kept_since(), Some(3));
}

/// A lane that keeps all, and has been sent these entries one by one.
fn sent_one_by_one(entries: impl Iterator<Item = u64>) -> (Lane<Note>, Log) {
    let (mut lane, mut log) = (Lane::new(LaneOptions::default()), Log::of(1));
    lane.keep_what_is_sent();
    for entry in entries {
        push(&mut lane, &mut log, entry);
        lane.sent(Sent { items: 1, ..Sent::default() }, &mut log, &mut AsTheyAre);
    }
    (lane, log)
}

#[test]
fn what_lies_together_is_far_more_than_may_be_kept_beyond_four_times_as_much() {
    let window = 10 * u64::from(SIZE);
    assert!(!sent_one_by_one(0..40).0.keeps_far_more_than(window));
    let (mut lane, mut log) = sent_one_by_one(0..41);
    assert!(lane.keeps_far_more_than(window));
    lane.keep_at_most(window, &mut log);
    assert_eq!((lane.kept_bytes(), lane.kept_since()), (window, Some(31)));
}

#[test]
fn what_lies_scattered_is_let_go_before_it_takes_more_memory() {
    let window = 10 * u64::from(SIZE);
    let scattered = |messages| sent_one_by_one((0..messages).map(|number| 2 * number));
    // One is what was sent last, the others are a list.
    assert!(!scattered(16).0.keeps_far_more_than(window));
    let (mut lane, mut log) = scattered(17);
    assert!(lane.keeps_far_more_than(window));
    lane.keep_at_most(window, &mut log);
    assert_eq!((lane.kept_bytes(), lane.kept_since()), (window, Some(14)));
    assert!(!scattered(17).0.keeps_far_more_than(17 * u64::from(SIZE)), "that much may be kept");
}

#[test]
fn how_much_is_kept_is_known_without_a_look_at_the_log() {
    let (lane, log) = sent_one_by_one((0..100).map(|number| 2 * number));
    let before = log.asked();
    assert_eq!(lane.kept_bytes(), 100 * u64::from(SIZE));
    assert!(lane.keeps_far_more_than(1) && log.asked() == before);
}

#[test]
fn what_was_dropped_is_told_in_front_of_what_is_newer_when_the_client_comes_back() {
    let (mut lane, mut log) = (latest(4), Log::of(5));
    push(&mut lane, &mut log, 0);
    lane.sent(Sent { items: 1, ..Sent::default() }, &mut log, &mut AsTheyAre);
    push(&mut lane, &mut log, 5);
    lane.block(&mut log);
    // The second message of topic 0 is dropped, and its third waits.
    for entry in [1, 2, 3, 4, 6, 7, 8, 10] {
        push(&mut lane, &mut log, entry);
    }
    assert_eq!(lane.rewind(0, &mut log), Ok(0));
    let items: Vec<_> = lane.items().collect();
    let entries = |item: &Item<_>| item.extents().map(|one| one.start).collect::<Vec<_>>();
    assert_eq!(entries(items[0]), [0], "what was sent");
    assert!(matches!(items[1], Item::Gaps(ledger) if ledger.tells_of_drops()), "{items:?}");
    assert!(items[2..].iter().any(|item| entries(item) == [10]), "{items:?}");
}

#[test]
fn where_messages_are_of_one_size_two_looks_say_where_to_cut() {
    for most in 2..500 {
        for wanted in 1..=most {
            let mut looks = 0;
            let found = least(most, wanted, |number| {
                looks += 1;
                number >= wanted
            });
            assert_eq!(found, wanted);
            assert!(looks <= 2, "{looks} looks for {wanted} of {most}");
        }
    }
}

proptest! {
    #[test]
    fn the_cut_is_found_wherever_it_is_guessed(most in 1u64..10_000, (guess, wanted) in (1u64..10_000, 1u64..10_000)) {
        let (guess, wanted, mut looks) = (guess.min(most), wanted.min(most), 0);
        let found = least(most, guess, |number| {
            looks += 1;
            assert!((1..=most).contains(&number));
            number >= wanted
        });
        prop_assert_eq!(found, wanted);
        prop_assert!(looks <= 2 * (most.ilog2() + 1), "{} looks", looks);
    }
}
