//! What events owe is given back once, whatever becomes of them.

use std::task::Waker;
use std::time::Instant;

use broker_protocol::frame::Consumed;
use proptest::prelude::*;

use super::super::Held;
use super::super::rules::{AtBound, Kept};
use super::*;
use crate::credit::Credit;

const NEWEST: Rules = Rules { kept: Kept::Newest(1), at_bound: AtBound::DropOldest };

#[derive(Debug, Clone, Copy)]
enum Step {
    Message { key: usize, bytes: usize },
    Take,
    TakeAll,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4_usize, 1..200_usize).prop_map(|(key, bytes)| Step::Message { key, bytes }),
        2 => Just(Step::Take),
        1 => Just(Step::TakeAll),
    ];
    prop::collection::vec(step, 0..200)
}

/// What the broker would be told now: lanes, and bytes.
fn told(credit: &Credit) -> Vec<(u8, u64)> {
    let mut told = Vec::new();
    let cx = Context::from_waker(Waker::noop());
    credit.poll_due(&cx, |Consumed { lane, bytes, .. }| told.push((lane, bytes)));
    told
}

fn finished(credit: &Credit) -> u64 {
    told(credit).last().map_or(0, |(_, bytes)| *bytes)
}

proptest! {
    #[test]
    fn what_is_owed_is_given_back_once(
        steps in steps(),
        kept in prop_oneof![
            Just(Kept::All),
            (1..4_usize).prop_map(Kept::Newest),
            Just(Kept::Merged),
        ],
        owed_max in prop_oneof![Just(u64::MAX), 0..1000_u64],
    ) {
        let credit = Arc::new(Credit::new());
        credit.connected(Some(4));
        let rules = Rules { kept, at_bound: AtBound::DropOldest };
        let inbox = Inbox::new(BOUND, rules);
        let (mut owed, mut told, mut seq) = (0, 0, 0);
        for step in steps {
            match step {
                Step::Message { key, bytes } => {
                    owed += bytes as u64;
                    seq += 1;
                    let event = of_key("t", Some(&key.to_string()), seq, Body::default());
                    let owed = Some(credit.received(0, bytes));
                    let held = Held { event, owed, since: Instant::now() };
                    inbox.push_in(0, owed_max, held, &mut Woken::default());
                }
                Step::Take => drop(take(&inbox)),
                Step::TakeAll => drop(taken(&inbox)),
            }
            told = finished(&credit).max(told);
            prop_assert!(told <= owed);
        }
        taken(&inbox);
        told = finished(&credit).max(told);
        prop_assert_eq!(told, owed);
        prop_assert_eq!(inbox.waiting().messages, 0);
    }
}

#[test]
fn what_holds_credit_takes_nothing_of_the_bound() {
    let credit = Arc::new(Credit::new());
    credit.connected(Some(1000));
    let inbox = Inbox::new(BOUND, Rules::ALL);
    for seq in 1..=100 {
        let owed = Some(credit.received(0, 10));
        let held = Held { event: message("t", seq), owed, since: Instant::now() };
        assert_eq!(inbox.push(held, &mut Woken::default()), Pushed::Done);
    }
    for seq in 101..=104 {
        assert_eq!(push(&inbox, message("t", seq)), Pushed::Done);
    }
    assert_eq!(push(&inbox, message("t", 105)), Pushed::Overflowed);
    assert_eq!(taken(&inbox).len(), 105, "and the end");
}

#[test]
fn the_oldest_of_its_own_list_go_and_not_what_holds_credit() {
    let credit = Arc::new(Credit::new());
    credit.connected(Some(1000));
    let inbox = Inbox::new(BOUND, Rules::NEWEST_OF_ALL);
    for seq in 1..=10 {
        let owed = Some(credit.received(0, 10));
        let held = Held { event: message("t", seq), owed, since: Instant::now() };
        inbox.push_in(0, 50, held, &mut Woken::default());
    }
    let mut expected: Vec<_> = (1..=5).map(|seq| message("t", seq)).collect();
    expected.push(dropped("t", 6, 6, 1));
    expected.extend((7..=10).map(|seq| message("t", seq)));
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn what_came_in_one_lane_gives_back_nothing_of_another() {
    for kept in [Kept::Newest(1), Kept::Newest(2), Kept::Merged] {
        let credit = Arc::new(Credit::new());
        credit.connected(Some(4));
        let inbox = Inbox::new(BOUND, Rules { kept, at_bound: AtBound::DropOldest });
        // The subscriber is busy.
        assert!(inbox.try_next().is_none());
        for (seq, lane, bytes) in [(1, 0, 10), (2, 0, 10), (3, 1, 100), (4, 1, 100)] {
            let event = of_key("t", Some("k"), seq, Body::default());
            let owed = Some(credit.received(lane, bytes));
            inbox.push(Held { event, owed, since: Instant::now() }, &mut Woken::default());
        }
        assert_eq!(told(&credit), [], "all of it waits");
        let mut given_back = Vec::new();
        while let Some(event) = take(&inbox) {
            drop(event);
            given_back.extend(told(&credit));
        }
        assert_eq!(given_back, [(0, 20), (1, 200)], "{kept:?}");
    }
}

#[test]
fn of_a_lane_that_conflates_a_large_message_holds_no_credit_beside_others() {
    for (rules, given_back) in [(NEWEST, vec![(0, 500)]), (Rules::ALL, vec![])] {
        let credit = Arc::new(Credit::new());
        credit.connected(Some(4));
        let inbox = Inbox::new(BOUND, rules);
        let owed = Some(credit.received(0, 500));
        let held = Held { event: message("t", 1), owed, since: Instant::now() };
        inbox.push_in(0, 400, held, &mut Woken::default());
        assert_eq!(told(&credit), given_back);
    }
}

#[test]
fn who_has_to_share_gives_back_what_waits_and_keeps_its_newest() {
    let credit = Arc::new(Credit::new());
    credit.connected(Some(4));
    let inbox = Inbox::new(BOUND, NEWEST);
    for seq in 1..=100 {
        let event = of_key("t", Some(&(seq % 3).to_string()), seq, Body::default());
        let owed = Some(credit.received(0, 10));
        inbox.push(Held { event, owed, since: Instant::now() }, &mut Woken::default());
    }
    assert_eq!(inbox.disown(1000), Pushed::Done);
    assert_eq!(told(&credit), [], "it is no more than it may hold");
    assert_eq!(inbox.disown(999), Pushed::Done);
    assert_eq!(told(&credit), [(0, 1000)]);
    // And goes on.
    let event = of_key("t", Some("0"), 101, Body::default());
    inbox.push_in(
        0,
        5,
        Held { owed: Some(credit.received(0, 10)), ..event.into() },
        &mut Woken::default(),
    );
    assert_eq!(told(&credit), [(0, 1010)]);
    let events = taken(&inbox);
    let newest = events.iter().filter_map(|event| match event {
        Event::Message(message) => Some(message.seq),
        _ => None,
    });
    assert_eq!(newest.collect::<Vec<_>>(), [100, 98, 99, 101]);
}
