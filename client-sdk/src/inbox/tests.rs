mod books;
mod conflation;
mod credit;
mod merging;
mod runs;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::load::EVENT_BYTES;
use super::{Bound, Held, Inbox, Pushed, Reader, Rules, Woken};
use crate::{Body, Ended, Event, Gap, GapCause, Granted, LaneOptions, Message, Presence};

const BOUND: Bound = Bound { messages: 4, bytes: 10_000 };

fn message(topic: &str, seq: u64) -> Event {
    sized(topic, seq, 0)
}

fn sized(topic: &str, seq: u64, bytes: usize) -> Event {
    of_key(topic, None, seq, Body::bytes(vec![0; bytes]))
}

fn of_key(topic: &str, key: Option<&str>, seq: u64, body: Body) -> Event {
    let body = Body { key: key.map(Box::from), ..body };
    Event::Message(Message {
        topic: Arc::from(topic),
        seq,
        epoch: 1,
        time: 0,
        from: None,
        body,
        replayed: false,
    })
}

fn subscribed() -> Event {
    Event::Subscribed(Granted { subscription: 1, lane: 0, options: LaneOptions::default() })
}

fn presence(name: &str) -> Event {
    Event::Presence(Presence { joined: vec![name.to_owned()], left: Vec::new() })
}

fn gap(topic: &str, (first, last): (u64, u64), count: u64, reason: GapCause) -> Event {
    let (first_seq, last_seq) = (Some(first), Some(last));
    Event::Gap(Gap {
        topic: Some(Arc::from(topic)),
        epoch: Some(1),
        first_seq,
        last_seq,
        count,
        reason,
    })
}

fn dropped(topic: &str, first: u64, last: u64, count: u64) -> Event {
    gap(topic, (first, last), count, GapCause::SlowSubscriber)
}

impl Inbox {
    /// Takes the next event, if there is one, and no run.
    fn try_next(&self) -> Option<Held> {
        let mut state = self.lock();
        state.reader = Reader::Busy;
        state.waiting.pop()
    }
}

fn push(inbox: &Inbox, event: Event) -> Pushed {
    inbox.push(event, &mut Woken::default())
}

/// What can be taken now, one event.
fn take(inbox: &Inbox) -> Option<Event> {
    match inbox.poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(held) => held.map(|held| held.event),
        Poll::Pending => None,
    }
}

/// Everything that can be taken now. Whoever took it waits for more.
fn taken(inbox: &Inbox) -> Vec<Event> {
    std::iter::from_fn(|| take(inbox)).collect()
}

#[test]
fn at_the_bound_the_subscription_ends_behind_what_waits() {
    let inbox = Inbox::new(BOUND, Rules::ALL);
    for seq in 1..=4 {
        assert_eq!(push(&inbox, message("t", seq)), Pushed::Done);
    }
    assert_eq!(push(&inbox, message("t", 5)), Pushed::Overflowed);
    assert_eq!(push(&inbox, message("t", 6)), Pushed::Done);
    let mut expected: Vec<_> = (1..=4).map(|seq| message("t", seq)).collect();
    expected.push(Event::Ended(Ended::TooSlow { messages: 4, bytes: 4 * (EVENT_BYTES + 1) }));
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn with_drop_oldest_the_loss_is_told_exactly_and_in_its_place() {
    let inbox = Inbox::new(BOUND, Rules::NEWEST_OF_ALL);
    push(&inbox, subscribed());
    for seq in 1..=5 {
        push(&inbox, message("a", seq));
        push(&inbox, message("b", seq));
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
    let inbox = Inbox::new(BOUND, Rules::NEWEST_OF_ALL);
    for number in 0..1000 {
        push(&inbox, message(&number.to_string(), 1));
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
    let inbox = Inbox::new(bound, Rules::ALL);
    assert_eq!(push(&inbox, sized("t", 1, 501)), Pushed::Done);
    assert_eq!(push(&inbox, message("t", 2)), Pushed::Overflowed);
}

#[test]
fn the_bound_in_bytes_is_strict() {
    let room = 500 - 2 * (EVENT_BYTES + 1);
    for (bytes, expected) in [(room, Pushed::Done), (room + 1, Pushed::Overflowed)] {
        let inbox = Inbox::new(Bound { messages: 4, bytes: 500 }, Rules::ALL);
        push(&inbox, message("t", 1));
        assert_eq!(push(&inbox, sized("t", 2, bytes)), expected, "{bytes}");
    }
}

#[test]
fn what_is_no_message_cannot_be_dropped_and_ends_the_subscription() {
    let inbox = Inbox::new(BOUND, Rules::NEWEST_OF_ALL);
    let told: Vec<_> = (0..5).map(|_| push(&inbox, presence("bob"))).collect();
    assert_eq!(told[3..], [Pushed::Done, Pushed::Overflowed]);
}

#[test]
fn a_loss_is_told_where_it_happened_between_what_may_not_be_passed() {
    let inbox = Inbox::new(BOUND, Rules::NEWEST_OF_ALL);
    let events = [message("t", 1), presence("bob"), message("t", 2), presence("eve")];
    events.into_iter().chain((3..=5).map(|seq| message("t", seq))).for_each(|event| {
        push(&inbox, event);
    });
    let expected = [
        dropped("t", 1, 1, 1),
        presence("bob"),
        dropped("t", 2, 2, 1),
        presence("eve"),
        dropped("t", 3, 3, 1),
        message("t", 4),
        message("t", 5),
    ];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn gaps_of_the_broker_that_are_too_many_fold_and_end_nothing() {
    let inbox = Inbox::new(BOUND, Rules::NEWEST_OF_ALL);
    for seq in 1..=100 {
        assert_eq!(push(&inbox, gap("t", (seq, seq), 1, GapCause::Interrupted)), Pushed::Done);
    }
    let told = taken(&inbox).into_iter().map(|event| match event {
        Event::Gap(gap) => gap.count,
        other => panic!("{other:?}"),
    });
    assert_eq!(told.collect::<Vec<_>>(), [96, 1, 1, 1, 1]);
}

struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_reader_is_woken_once_and_when_all_that_came_together_is_there() {
    let inbox = Inbox::new(BOUND, Rules::ALL);
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    assert!(inbox.poll_next(&mut Context::from_waker(&waker)).is_pending());
    let mut woken = Woken::default();
    inbox.push(message("t", 1), &mut woken);
    inbox.push(message("t", 2), &mut woken);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
    drop(woken);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(taken(&inbox), [message("t", 1), message("t", 2)]);
}

#[test]
fn an_end_at_once_leaves_only_the_end() {
    let inbox = Inbox::new(BOUND, Rules::NEWEST_OF_ALL);
    for seq in 1..=9 {
        push(&inbox, message("t", seq));
    }
    inbox.end_now(Ended::Unsubscribed);
    push(&inbox, message("t", 10));
    assert_eq!(taken(&inbox), [Event::Ended(Ended::Unsubscribed)]);
}

#[test]
fn the_end_comes_once_and_the_first_reason_stays() {
    let inbox = Inbox::new(BOUND, Rules::ALL);
    for seq in 1..=5 {
        push(&inbox, message("t", seq));
    }
    inbox.end_now(Ended::Unsubscribed);
    inbox.end(Ended::Unsubscribed);
    let events = taken(&inbox);
    assert!(matches!(events[..], [Event::Ended(Ended::TooSlow { .. })]), "{events:?}");
    inbox.end_now(Ended::Unsubscribed);
    assert_eq!(taken(&inbox), []);
}
