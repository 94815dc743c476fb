use super::super::rules::{AtBound, Kept};
use super::*;
use crate::{GapReason, Keep, Overflow};

const ROOM: Bound = Bound { messages: 1000, bytes: 1 << 20 };

fn latest(newest: usize) -> Rules {
    Rules { kept: Kept::Newest(newest), at_bound: AtBound::DropOldest }
}

fn keyed(key: &str, seq: u64) -> Event {
    of_key("t", Some(key), seq, Body::default())
}

fn conflated(topic: &str, first: u64, last: u64, count: u64) -> Event {
    gap(topic, (first, last), count, GapCause::Conflated)
}

/// An inbox whose subscriber is busy with a first message.
fn busy(bound: Bound, rules: Rules) -> Inbox {
    let inbox = Inbox::new(bound, rules);
    push(&inbox, message("first", 1));
    assert_eq!(take(&inbox), Some(message("first", 1)));
    inbox
}

fn push_all(inbox: &Inbox, events: impl IntoIterator<Item = Event>) {
    for event in events {
        assert_eq!(push(inbox, event), Pushed::Done);
    }
}

#[test]
fn a_key_that_waits_keeps_its_place_and_takes_the_newest_value() {
    let inbox = busy(ROOM, latest(1));
    push_all(&inbox, [keyed("a", 1), keyed("b", 2), keyed("a", 3), keyed("c", 4), keyed("a", 5)]);
    let expected = [conflated("t", 1, 3, 2), keyed("a", 5), keyed("b", 2), keyed("c", 4)];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn the_newest_few_of_a_key_wait_at_its_place_in_order() {
    let inbox = busy(ROOM, latest(2));
    push_all(&inbox, [keyed("a", 1), keyed("b", 2)]);
    push_all(&inbox, (3..=6).map(|seq| keyed("a", seq)));
    let expected = [conflated("t", 1, 4, 3), keyed("a", 5), keyed("a", 6), keyed("b", 2)];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn without_a_key_the_topic_is_the_key_and_topics_are_apart() {
    let inbox = busy(ROOM, latest(1));
    push_all(&inbox, [message("a", 1), message("b", 1), message("a", 2)]);
    push_all(&inbox, [of_key("b", Some("a"), 2, Body::default()), message("b", 3)]);
    push_all(&inbox, [of_key("a", Some("a"), 3, Body::default())]);
    let expected = [
        conflated("a", 1, 2, 2),
        of_key("a", Some("a"), 3, Body::default()),
        conflated("b", 1, 1, 1),
        message("b", 3),
        of_key("b", Some("a"), 2, Body::default()),
    ];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn a_subscriber_that_waits_gets_all_that_comes_before_it_does() {
    let inbox = Inbox::new(ROOM, latest(1));
    for _ in 0..2 {
        push_all(&inbox, (1..=100).map(|seq| message("t", seq)));
        let expected: Vec<_> = (1..=100).map(|seq| message("t", seq)).collect();
        assert_eq!(taken(&inbox), expected);
    }
}

#[test]
fn a_subscriber_that_keeps_up_costs_no_allocation_even_if_it_was_behind_before() {
    let inbox = busy(ROOM, latest(1));
    push_all(&inbox, (1..=100).map(|seq| message("t", seq)));
    assert_eq!(taken(&inbox).len(), 2);
    let mut woken = Woken::default();
    let mut events: Vec<_> = (1..=100).map(|seq| message("t", seq)).collect();
    let mut round = || {
        events.drain(..).for_each(|event| assert_eq!(inbox.push(event, &mut woken), Pushed::Done));
        woken.wake();
        events.extend(std::iter::from_fn(|| take(&inbox)));
        events.len()
    };
    assert_eq!(round(), 100);
    let measured = allocation_counter::measure(|| assert_eq!(round(), 100));
    assert_eq!(measured.count_total, 0);
}

#[test]
fn what_came_before_it_was_busy_is_conflated_with_what_comes_then() {
    let inbox = Inbox::new(ROOM, latest(1));
    push_all(&inbox, (1..=3).map(|seq| message("t", seq)));
    assert_eq!(take(&inbox), Some(message("t", 1)));
    push_all(&inbox, [message("t", 4)]);
    assert_eq!(taken(&inbox), [conflated("t", 2, 3, 2), message("t", 4)]);
}

#[test]
fn nothing_moves_across_an_event_that_is_no_message_and_no_gap() {
    let inbox = busy(ROOM, latest(1));
    push_all(&inbox, [message("t", 1), message("t", 2), presence("bob"), message("t", 3)]);
    push_all(&inbox, [subscribed(), message("t", 4), message("t", 5)]);
    let expected = [
        conflated("t", 1, 1, 1),
        message("t", 2),
        presence("bob"),
        message("t", 3),
        subscribed(),
        conflated("t", 4, 4, 1),
        message("t", 5),
    ];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn a_gap_of_the_broker_keeps_its_place_and_counts_what_later_ones_tell() {
    let told =
        |first, last, count| gap("t", (first, last), count, GapCause::Broker(GapReason::Conflated));
    let inbox = busy(ROOM, latest(1));
    push_all(&inbox, [keyed("a", 1), told(2, 4, 3), keyed("b", 5), keyed("a", 6), told(7, 9, 2)]);
    let expected = [conflated("t", 1, 1, 1), keyed("a", 6), told(2, 9, 5), keyed("b", 5)];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn a_key_of_which_something_was_taken_goes_on_with_its_newest() {
    let inbox = busy(ROOM, latest(2));
    push_all(&inbox, (1..=3).map(|seq| message("t", seq)));
    assert_eq!(take(&inbox), Some(conflated("t", 1, 1, 1)));
    push_all(&inbox, [message("t", 4)]);
    assert_eq!(take(&inbox), Some(conflated("t", 2, 2, 1)));
    assert_eq!(take(&inbox), Some(message("t", 3)));
    push_all(&inbox, [message("t", 5)]);
    assert_eq!(taken(&inbox), [message("t", 4), message("t", 5)]);
}

#[test]
fn another_epoch_is_another_place() {
    let inbox = busy(ROOM, latest(1));
    let Event::Message(mut anew) = message("t", 1) else { unreachable!() };
    anew.epoch = 2;
    push_all(&inbox, [message("t", 7), Event::Message(anew.clone()), message("t", 8)]);
    let expected = [conflated("t", 7, 7, 1), message("t", 8), Event::Message(anew)];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn at_the_bound_the_oldest_key_goes_and_both_losses_are_told_in_its_place() {
    let inbox = busy(BOUND, latest(1));
    push_all(&inbox, [keyed("a", 1), keyed("b", 2), keyed("a", 3), keyed("c", 4), keyed("d", 5)]);
    push_all(&inbox, [keyed("c", 6), keyed("e", 7), keyed("f", 8), keyed("a", 9)]);
    let expected = [
        conflated("t", 1, 4, 2),
        dropped("t", 2, 6, 3),
        keyed("d", 5),
        keyed("e", 7),
        keyed("f", 8),
        keyed("a", 9),
    ];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn at_the_bound_what_waits_for_a_ready_subscriber_is_conflated_before_anything_goes() {
    let inbox = Inbox::new(BOUND, latest(1));
    push_all(&inbox, (1..=9).map(|seq| message("t", seq)));
    push_all(&inbox, [message("u", 1)]);
    assert_eq!(taken(&inbox), [conflated("t", 1, 8, 8), message("t", 9), message("u", 1)]);
}

#[test]
fn a_larger_value_of_a_key_makes_room_for_itself() {
    let inbox = busy(Bound { messages: 4, bytes: 500 }, latest(1));
    push_all(&inbox, [message("a", 1), message("b", 1), sized("b", 2, 400)]);
    let expected = [dropped("a", 1, 1, 1), conflated("b", 1, 1, 1), sized("b", 2, 400)];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn a_granted_disconnect_ends_a_subscription_that_has_too_many_keys() {
    let inbox = busy(BOUND, Rules { kept: Kept::Newest(1), at_bound: AtBound::End });
    push_all(&inbox, (1..=100).map(|seq| keyed(["a", "b", "c", "d"][seq as usize % 4], seq)));
    assert_eq!(push(&inbox, keyed("e", 101)), Pushed::Overflowed);
    let events = taken(&inbox);
    assert!(matches!(events.last(), Some(Event::Ended(Ended::TooSlow { messages: 5, .. }))));
}

#[test]
fn the_rules_are_those_that_were_granted() {
    let granted =
        |keep, overflow| Rules::granted(&LaneOptions { keep, overflow, ..LaneOptions::default() });
    assert_eq!(granted(None, None), Rules::ALL);
    assert_eq!(granted(Some(Keep::All), Some(Overflow::Disconnect)), Rules::ALL);
    assert_eq!(granted(Some(Keep::All), Some(Overflow::DropOldest)), Rules::NEWEST_OF_ALL);
    assert_eq!(granted(Some(Keep::All), Some(Overflow::Resync)), Rules::NEWEST_OF_ALL);
    assert_eq!(granted(Some(Keep::Latest(1)), Some(Overflow::Resync)), latest(1));
    assert_eq!(granted(Some(Keep::Latest(2)), None), latest(2));
    assert_eq!(granted(Some(Keep::Latest(1)), Some(Overflow::DropOldest)), latest(1));
    let merged = Rules { kept: Kept::Merged, at_bound: AtBound::DropOldest };
    assert_eq!(granted(Some(Keep::Merge), None), merged);
    let ends = Rules { kept: Kept::Newest(1), at_bound: AtBound::End };
    assert_eq!(granted(Some(Keep::Latest(1)), Some(Overflow::Disconnect)), ends);
}
