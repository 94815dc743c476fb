use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::tests::{Log, push};
use super::super::{AsTheyAre, Bound, Keep, LaneOptions, Overflow, Sent};
use super::*;

const SOON: Duration = Duration::from_secs(1);
const FAR: u64 = 1 << 20;

/// A frame, and when it expires.
#[derive(Debug, PartialEq, Eq)]
struct Word(Option<Duration>);

impl Frame for Word {
    fn size(&self) -> u64 {
        3
    }

    fn has_expired(&self, now: Duration) -> bool {
        self.0.is_some_and(|expires| expires <= now)
    }
}

fn lane(keep: Keep) -> Lane<Word> {
    bounded(keep, 1000)
}

fn bounded(keep: Keep, messages: u32) -> Lane<Word> {
    let bound = Bound { messages, bytes: FAR };
    let overflow = Overflow::DropOldest;
    Lane::new(LaneOptions { keep, overflow, bound, ..LaneOptions::default() })
}

/// A lane that waits with these entries, of which some expire.
fn waiting(keep: Keep, log: &mut Log, entries: std::ops::Range<u64>, expire: &[u64]) -> Lane<Word> {
    let mut lane = lane(keep);
    log.expires.extend(expire.iter().map(|entry| (*entry, SOON)));
    for entry in entries {
        push(&mut lane, log, entry);
        lane.block(log);
    }
    lane
}

/// What is to be sent: entries, and the counts of gaps that tell what has expired, or what else.
fn to_send(lane: &Lane<Word>) -> Vec<Result<u64, u64>> {
    let mut told = Vec::new();
    for item in lane.items() {
        told.extend(item.extents().flat_map(|extent| extent.entries()).map(Ok));
        match item {
            Item::Gaps(ledger) => told.extend(ledger.gaps().iter().map(|gap| Err(gap.count))),
            Item::Newest(newest) => {
                let expired = newest.skipped().iter().filter(|(why, _)| *why == GapReason::Expired);
                told.extend(expired.map(|(_, skipped)| Err(skipped.count)));
            }
            _ => {}
        }
    }
    told
}

#[test]
fn what_has_expired_is_told_where_it_stood_and_the_rest_stays() {
    let mut log = Log::of(1);
    let mut lane = waiting(Keep::All, &mut log, 0..8, &[0, 1, 4, 5, 7]);
    lane.expire(SOON - Duration::from_millis(1), FAR, &mut log);
    assert_eq!(to_send(&lane).len(), 8, "a moment before all are there");
    lane.expire(SOON, FAR, &mut log);
    assert_eq!(to_send(&lane), [Err(2), Ok(2), Ok(3), Err(2), Ok(6), Err(1)]);
    assert_eq!((lane.messages(), lane.books().expired), (3, 5));
}

#[test]
fn only_what_would_be_sent_next_is_looked_at() {
    let mut log = Log::of(1);
    let mut lane = waiting(Keep::All, &mut log, 0..100, &(0..100).step_by(2).collect::<Vec<_>>());
    lane.expire(SOON, 50, &mut log);
    assert!((5..=6).contains(&lane.books().expired), "{:?}", lane.books());
}

#[test]
fn of_a_key_the_values_that_have_expired_are_left_out() {
    let mut log = Log::of(2);
    let mut lane = waiting(Keep::Latest(2), &mut log, 0..6, &[2, 3, 5]);
    lane.conflate(&mut log);
    lane.expire(SOON, FAR, &mut log);
    // Of the second key both are gone; what they replaced is told with them.
    assert_eq!(to_send(&lane), [Ok(4), Err(1), Err(1), Err(2)]);
    push(&mut lane, &mut log, 7);
    push(&mut lane, &mut log, 8);
    lane.conflate(&mut log);
    assert_eq!(to_send(&lane), [Ok(4), Ok(8), Err(1), Err(1), Err(2), Ok(7)]);
}

#[test]
fn what_one_subscription_misses_is_told_to_it_alone() {
    let (mut lane, mut log) = (lane(Keep::All), Log::of(1));
    log.expires.insert(1, SOON);
    for entry in 0..3 {
        *log.wanted.entry(entry).or_default() += 1;
        lane.push_addressed(entry, 10, 7, &mut log);
    }
    lane.expire(SOON, FAR, &mut log);
    let gap = lane.items().find_map(|item| match item {
        Item::Gaps(ledger) => Some(ledger.gaps()[0].clone()),
        _ => None,
    });
    assert_eq!(gap.map(|gap| (gap.addressee, gap.count)), Some((Some(7), 1)));
}

#[test]
fn a_frame_that_has_expired_goes_without_a_word_and_keys_keep_their_places() {
    let mut log = Log::of(2);
    let mut lane = waiting(Keep::Latest(1), &mut log, 0..2, &[]);
    lane.push_frame(Word(Some(SOON)));
    lane.push_frame(Word(None));
    for entry in 2..4 {
        push(&mut lane, &mut log, entry);
    }
    lane.conflate(&mut log);
    assert_eq!(lane.expire(SOON - Duration::from_millis(1), FAR, &mut log), 0);
    assert_eq!((lane.expire(SOON, FAR, &mut log), frames(&lane)), (1, 1));
    // What comes of both keys takes the places that they have behind the frame.
    for entry in 4..6 {
        push(&mut lane, &mut log, entry);
    }
    lane.conflate(&mut log);
    assert_eq!(to_send(&lane), [Ok(0), Ok(1), Ok(4), Ok(5)]);
    assert_eq!((lane.books().expired, lane.books().conflated), (0, 2));
}

#[test]
fn frames_that_were_passed_expire_too() {
    let mut log = Log::of(1);
    let mut lane = bounded(Keep::All, 2);
    let passing = Word(Some(SOON));
    push(&mut lane, &mut log, 0);
    [passing, Word(None)].into_iter().for_each(|frame| lane.push_frame(frame));
    for entry in 1..4 {
        push(&mut lane, &mut log, entry);
    }
    lane.block(&mut log);
    assert_eq!((lane.books().dropped, frames(&lane)), (3, 2));
    assert_eq!((lane.expire(SOON, FAR, &mut log), frames(&lane)), (1, 1));
    assert_eq!(to_send(&lane), [Err(1), Err(2), Ok(3)], "what is missing stands where it stood");
}

#[test]
fn a_lane_in_which_every_frame_has_expired_waits_no_longer() {
    let (mut lane, mut log) = (lane(Keep::Latest(1)), Log::of(1));
    (0..3).for_each(|_| lane.push_frame(Word(Some(SOON))));
    lane.block(&mut log);
    lane.conflate(&mut log);
    assert_eq!(lane.expire(SOON, FAR, &mut log), 3);
    assert!(lane.is_empty() && !lane.is_waiting(), "{lane:?}");
    assert_eq!((lane.messages(), lane.bytes(), lane.frames()), (0, 0, 0));
}

fn frames(lane: &Lane<Word>) -> usize {
    lane.items().filter(|item| matches!(item, Item::Frame(_))).count()
}

#[derive(Debug, Clone)]
enum Step {
    Push(Option<u8>),
    Frame(Option<u8>),
    Send(u8),
    Block,
    Pass,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => proptest::option::of(1..6u8).prop_map(Step::Push),
        2 => proptest::option::of(1..6u8).prop_map(Step::Frame),
        3 => (1..6u8).prop_map(Step::Send),
        2 => Just(Step::Block),
        2 => Just(Step::Pass),
    ];
    proptest::collection::vec(step, 1..200)
}

type Order = BTreeMap<(usize, Option<String>), u64>;

/// Takes up to `count` messages with all that stands in front, as a writer would. Returns whether all
/// was in order, and nothing came after its time.
fn take(
    lane: &mut Lane<Word>,
    log: &mut Log,
    count: usize,
    now: Duration,
    order: &mut Order,
) -> bool {
    let (mut sent, mut left, mut fine) = (Sent::default(), count, true);
    for item in lane.items() {
        let entries: Vec<u64> = item.extents().flat_map(|extent| extent.entries()).collect();
        fine &= !(lane.is_waiting() && item.is_expired_frame(now));
        let taken = entries.len().min(left);
        for entry in &entries[..taken] {
            fine &= !lane.is_waiting() || !log.has_expired(*entry, now);
            let key = (log.topic_index(*entry), log.key(*entry).key.map(str::to_owned));
            fine &= order.insert(key, log.seq(*entry)) < Some(log.seq(*entry));
        }
        left -= taken;
        if taken < entries.len() {
            sent.of_next = taken as u32;
            break;
        }
        sent.items += 1;
    }
    lane.sent(sent, log, &mut AsTheyAre);
    fine
}

proptest! {
    #[test]
    fn the_books_balance_and_nothing_comes_after_its_time_to_who_waits(
        steps in steps(),
        keep in prop_oneof![Just(Keep::All), (1..3u32).prop_map(Keep::Latest), Just(Keep::Merge)],
        room in 10..200u64,
    ) {
        let (mut lane, mut log) = (lane(keep), Log::with_keys(2, 2));
        let (mut next, mut now, mut order) = (0, Duration::ZERO, BTreeMap::new());
        for step in steps.into_iter().chain([Step::Block, Step::Pass]) {
            match step {
                Step::Push(expires) => {
                    push(&mut lane, &mut log, next);
                    let at = expires.map(|steps| now + SOON * u32::from(steps));
                    log.expires.extend(at.map(|at| (next, at)));
                    next += 1;
                }
                Step::Frame(expires) => {
                    lane.push_frame(Word(expires.map(|steps| now + SOON * u32::from(steps))));
                }
                Step::Block => {
                    lane.block(&mut log);
                }
                Step::Pass => now += SOON,
                Step::Send(count) => {
                    lane.conflate(&mut log);
                    if lane.is_waiting() {
                        lane.expire(now, room, &mut log);
                    }
                    // Each frame and gap takes some of it, too.
                    let others = lane.items().filter(|item| !item.is_messages()).count();
                    let room = (room as usize).saturating_sub(others);
                    let count = usize::from(count).min(room / 10);
                    prop_assert!(take(&mut lane, &mut log, count, now, &mut order));
                }
            }
        }
        while !lane.is_empty() {
            lane.conflate(&mut log);
            lane.expire(now, FAR, &mut log);
            prop_assert!(take(&mut lane, &mut log, 1000, now, &mut order));
        }
        let books = *lane.books();
        let told = books.received + books.conflated + books.merged + books.expired;
        prop_assert_eq!(told, next);
        prop_assert_eq!((lane.messages(), lane.bytes()), (0, 0));
        prop_assert!(log.wanted.values().all(|wanted| *wanted == 0));
    }
}
