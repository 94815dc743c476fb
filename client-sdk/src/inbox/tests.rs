use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{AtBound, Bound, EVENT_BYTES, Inbox, Pushed};
use crate::{Body, Ended, Event, Gap, GapCause, Granted, LaneOptions, Message};

const BOUND: Bound = Bound { messages: 4, bytes: 10_000 };

fn message(topic: &str, seq: u64) -> Event {
    sized(topic, seq, 0)
}

fn sized(topic: &str, seq: u64, bytes: usize) -> Event {
    let (topic, body) = (Arc::from(topic), Body::bytes(vec![0; bytes]));
    Event::Message(Message { topic, seq, epoch: 1, time: 0, from: None, body })
}

fn subscribed() -> Event {
    Event::Subscribed(Granted { subscription: 1, lane: 0, options: LaneOptions::default() })
}

fn dropped(topic: &str, first: u64, last: u64, count: u64) -> Event {
    Event::Gap(Gap {
        topic: Some(Arc::from(topic)),
        epoch: Some(1),
        first_seq: Some(first),
        last_seq: Some(last),
        count,
        reason: GapCause::SlowSubscriber,
    })
}

/// Everything that can be taken now.
fn taken(inbox: &Inbox) -> Vec<Event> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut events = Vec::new();
    while let Poll::Ready(Some(event)) = inbox.poll_next(&mut cx) {
        events.push(event);
    }
    events
}

#[test]
fn at_the_bound_the_subscription_ends_behind_what_waits() {
    let inbox = Inbox::new(BOUND, AtBound::End);
    for seq in 1..=4 {
        assert_eq!(inbox.push(message("t", seq)), Pushed::Done);
    }
    assert_eq!(inbox.push(message("t", 5)), Pushed::Overflowed);
    assert_eq!(inbox.push(message("t", 6)), Pushed::Done);
    let mut expected: Vec<_> = (1..=4).map(|seq| message("t", seq)).collect();
    expected.push(Event::Ended(Ended::TooSlow { messages: 4, bytes: 4 * (EVENT_BYTES + 1) }));
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn with_drop_oldest_the_loss_is_told_exactly_and_in_its_place() {
    let inbox = Inbox::new(BOUND, AtBound::DropOldest);
    inbox.push(subscribed());
    for seq in 1..=5 {
        inbox.push(message("a", seq));
        inbox.push(message("b", seq));
    }
    let expected = [
        subscribed(),
        dropped("a", 1, 4, 4),
        dropped("b", 1, 3, 3),
        message("b", 4),
        message("a", 5),
        message("b", 5),
    ];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn losses_in_many_topics_fold_into_one_gap_without_losing_count() {
    let inbox = Inbox::new(BOUND, AtBound::DropOldest);
    for number in 0..1000 {
        inbox.push(message(&number.to_string(), 1));
    }
    let counted = |event: Event| match event {
        Event::Gap(gap) => gap.count,
        _ => 1,
    };
    let events = taken(&inbox);
    assert!(events.len() < 100, "{}", events.len());
    assert_eq!(events.into_iter().map(counted).sum::<u64>(), 1000);
}

#[test]
fn a_message_above_the_bound_goes_into_an_empty_inbox_alone() {
    let bound = Bound { messages: 4, bytes: 500 };
    let inbox = Inbox::new(bound, AtBound::End);
    assert_eq!(inbox.push(sized("t", 1, 501)), Pushed::Done);
    assert_eq!(inbox.push(message("t", 2)), Pushed::Overflowed);
}

#[test]
fn the_bound_in_bytes_is_strict() {
    let room = 500 - 2 * (EVENT_BYTES + 1);
    for (bytes, expected) in [(room, Pushed::Done), (room + 1, Pushed::Overflowed)] {
        let inbox = Inbox::new(Bound { messages: 4, bytes: 500 }, AtBound::End);
        inbox.push(message("t", 1));
        assert_eq!(inbox.push(sized("t", 2, bytes)), expected, "{bytes}");
    }
}

#[test]
fn what_is_no_message_cannot_be_dropped_and_ends_the_subscription() {
    let inbox = Inbox::new(BOUND, AtBound::DropOldest);
    let told: Vec<_> = (0..5).map(|_| inbox.push(dropped("t", 1, 1, 1))).collect();
    assert_eq!(told[3..], [Pushed::Done, Pushed::Overflowed]);
}

#[test]
fn an_end_at_once_leaves_only_the_end() {
    let inbox = Inbox::new(BOUND, AtBound::DropOldest);
    for seq in 1..=9 {
        inbox.push(message("t", seq));
    }
    inbox.end_now(Ended::Unsubscribed);
    inbox.push(message("t", 10));
    assert_eq!(taken(&inbox), [Event::Ended(Ended::Unsubscribed)]);
}

#[test]
fn the_end_comes_once_and_the_first_reason_stays() {
    let inbox = Inbox::new(BOUND, AtBound::End);
    for seq in 1..=5 {
        inbox.push(message("t", seq));
    }
    inbox.end_now(Ended::Unsubscribed);
    inbox.end(Ended::Unsubscribed);
    let events = taken(&inbox);
    assert!(matches!(events[..], [Event::Ended(Ended::TooSlow { .. })]), "{events:?}");
    inbox.end_now(Ended::Unsubscribed);
    assert_eq!(taken(&inbox), []);
}
