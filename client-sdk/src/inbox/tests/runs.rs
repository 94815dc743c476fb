//! A run is what its messages are: whatever comes and is taken meanwhile, what is delivered, told and
//! given back is the same as if each had come by itself.

use std::time::Instant;

use broker_protocol::frame::Consumed;
use proptest::prelude::*;

use super::super::rules::{AtBound, Kept};
use super::super::{Arrived, Held, Mark, Parts, Run, Shared};
use super::*;
use crate::credit::Credit;

#[derive(Debug, Clone)]
enum Step {
    /// Messages of so many bytes, with the key of that number, if it isn't 0.
    Come(Vec<(usize, usize)>),
    /// Something of another kind, that a run doesn't take.
    Presence,
    Take(usize),
    TakeAll,
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => prop::collection::vec((1..200_usize, 0..4_usize), 2..6).prop_map(Step::Come),
        1 => Just(Step::Presence),
        6 => (1..6_usize).prop_map(Step::Take),
        1 => Just(Step::TakeAll),
    ];
    let last = prop_oneof![3 => Just(Step::TakeAll), 1 => Just(Step::End)];
    (prop::collection::vec(step, 0..100), last).prop_map(|(mut steps, last)| {
        steps.push(last);
        steps
    })
}

fn key_of(number: usize) -> Option<String> {
    (number > 0).then(|| number.to_string())
}

/// An inbox, what was taken out of it, and the credit that what waits there holds.
struct Side {
    credit: Arc<Credit>,
    owes: bool,
    owed_max: u64,
    inbox: Inbox,
    run: Option<Arc<Run>>,
    taken: Vec<Event>,
}

impl Side {
    fn new(rules: Rules, owes: bool, owed_max: u64) -> Self {
        let credit = Arc::new(Credit::new());
        credit.connected(Some(4));
        let inbox = Inbox::new(BOUND, rules);
        Self { credit, owes, owed_max, inbox, run: None, taken: Vec::new() }
    }

    fn come_one_by_one(&self, first: u64, come: &[(usize, usize)]) {
        for (seq, (bytes, key)) in (first..).zip(come) {
            let owed = self.owes.then(|| self.credit.received(0, *bytes));
            let (key, body) = (key_of(*key), Body::bytes(vec![0; *bytes]));
            let event = of_key("t", key.as_deref(), seq, body);
            let held = Held { event, owed, since: Instant::now() };
            self.inbox.push_in(0, self.owed_max, held, &mut Woken::default());
        }
    }

    fn come_together(&self, first: u64, come: &[(usize, usize)]) {
        let (mut parts, mut account, mut owed_end) = (Parts::default(), None, 0);
        let Parts { marks, keys, payloads } = &mut parts;
        for (seq, (bytes, key)) in (first..).zip(come) {
            if self.owes {
                let mut owed = self.credit.received(0, *bytes);
                account = Some(owed.account().clone());
                owed_end += owed.take();
            }
            let key = key_of(*key);
            keys.push_str(key.as_deref().unwrap_or_default());
            payloads.extend(vec![0; *bytes]);
            let (key_end, payload_end) = (keys.len(), payloads.len());
            let mark = Mark {
                seq,
                has_key: key.is_some(),
                key_end,
                payload_end,
                owed_end,
                ..Mark::default()
            };
            marks.push(mark);
        }
        let (topic, since) = (Arc::from("t"), Instant::now());
        let shared = Shared { topic, from: None, epoch: 1, since };
        let run = Run::new(shared, &parts, account);
        self.inbox.push_run_in(0, self.owed_max, run, &mut Woken::default());
    }

    /// Takes one event by itself. Returns whether there was one.
    fn take(&mut self) -> bool {
        let Some(Held { event, .. }) = self.inbox.try_next() else { return false };
        self.taken.push(event);
        true
    }

    /// Takes one event, of the run that was begun if there is more of it.
    fn take_of_run(&mut self) -> bool {
        loop {
            if let Some(run) = &self.run
                && let Some(begun) = run.begin()
            {
                self.taken.push(Event::Message(begun.message()));
                return true;
            }
            self.run = None;
            match self.inbox.try_take() {
                Some(Arrived::Run(run)) => self.run = Some(run),
                Some(Arrived::Event(Held { event, .. })) => {
                    self.taken.push(event);
                    return true;
                }
                None => return false,
            }
        }
    }

    /// Waits for more.
    fn wait(&mut self) {
        self.run = None;
        let polled = self.inbox.poll_take(&mut Context::from_waker(Waker::noop()));
        assert!(!matches!(polled, Poll::Ready(Some(_))), "nothing waits");
    }

    /// What the broker knows of what was done with.
    fn finished(&self) -> u64 {
        let mut finished = 0;
        let cx = Context::from_waker(Waker::noop());
        self.credit.poll_due(&cx, |Consumed { bytes, .. }| finished = bytes);
        finished
    }

    fn waiting(&self) -> (u64, u64) {
        let waits = self.inbox.waiting();
        (waits.messages, waits.bytes)
    }
}

fn both(sides: &mut [Side; 2], step: Step, seq: &mut u64) {
    let [single, run] = sides;
    match step {
        Step::Come(come) => {
            single.come_one_by_one(*seq, &come);
            run.come_together(*seq, &come);
            *seq += come.len() as u64;
        }
        Step::Presence => sides.iter().for_each(|side| _ = push(&side.inbox, presence("bob"))),
        Step::Take(times) => {
            for _ in 0..times {
                assert_eq!(single.take(), run.take_of_run());
            }
        }
        Step::TakeAll => {
            while single.take() {}
            while run.take_of_run() {}
            sides.iter_mut().for_each(Side::wait);
        }
        Step::End => {
            single.inbox.end_now(Ended::Unsubscribed);
            run.inbox.end_now(Ended::Unsubscribed);
            while single.take() {}
            while run.take_of_run() {}
        }
    }
}

proptest! {
    #[test]
    fn a_run_is_delivered_conflated_dropped_and_given_back_as_its_messages_are(
        steps in steps(),
        kept in prop_oneof![Just(Kept::All), (1..4_usize).prop_map(Kept::Newest)],
        at_bound in prop_oneof![Just(AtBound::DropOldest), Just(AtBound::End)],
        owes in any::<bool>(),
        owed_max in prop_oneof![Just(u64::MAX), 0..1000_u64],
    ) {
        let rules = Rules { kept, at_bound };
        let mut sides = [(); 2].map(|()| Side::new(rules, owes, owed_max));
        let mut seq = 1;
        for step in steps {
            both(&mut sides, step, &mut seq);
            let [single, run] = &sides;
            prop_assert_eq!(&single.taken, &run.taken);
            prop_assert_eq!(single.waiting(), run.waiting());
            prop_assert_eq!(single.finished(), run.finished());
        }
    }
}

#[test]
fn what_is_left_of_a_run_goes_when_the_subscription_does() {
    let mut side = Side::new(Rules::ALL, true, u64::MAX);
    side.come_together(1, &[(1, 0); 5]);
    side.take_of_run();
    side.inbox.end_now(Ended::Unsubscribed);
    assert_eq!(side.finished(), 5);
    while side.take_of_run() {}
    assert_eq!(side.taken, [sized("t", 1, 1), Event::Ended(Ended::Unsubscribed)]);
}

#[test]
fn what_came_while_a_call_of_a_run_is_made_replaces_what_is_left_of_it() {
    let rules = Rules { kept: Kept::Newest(1), at_bound: AtBound::DropOldest };
    let mut side = Side::new(rules, true, u64::MAX);
    side.come_together(1, &[(1, 0); 5]);
    side.take_of_run();
    side.come_together(6, &[(1, 0); 2]);
    while side.take_of_run() {}
    let conflated = gap("t", (2, 6), 5, GapCause::Conflated);
    assert_eq!(side.taken, [sized("t", 1, 1), conflated, sized("t", 7, 1)]);
}

#[test]
fn what_is_claimed_while_a_lane_falls_behind_is_in_front_of_all_that_waits() {
    let rules = Rules { kept: Kept::Newest(1000), at_bound: AtBound::DropOldest };
    for _ in 0..200 {
        let mut side = Side::new(rules, true, u64::MAX);
        side.come_together(1, &[(1, 0); 64]);
        let Some(Arrived::Run(run)) = side.inbox.try_take() else { panic!("a run") };
        let claimed = std::thread::scope(|scope| {
            let claiming = scope.spawn(|| std::iter::from_fn(|| run.claim()).collect::<Vec<_>>());
            side.come_one_by_one(65, &[(1, 0)]);
            claiming.join().expect("it claims")
        });
        run.finish(0..claimed.len());
        assert!(claimed.iter().copied().eq(0..claimed.len()), "{claimed:?}");
        while side.take_of_run() {}
        let first = claimed.len() as u64 + 1;
        let left: Vec<_> = (first..=65).map(|seq| sized("t", seq, 1)).collect();
        assert_eq!(side.taken, left);
        assert_eq!(side.finished(), 65);
    }
}

#[test]
fn each_message_of_a_run_is_claimed_once_whoever_claims_at_the_same_time() {
    for _ in 0..200 {
        let side = Side::new(Rules::ALL, true, u64::MAX);
        side.come_together(1, &[(1, 0); 64]);
        let Some(Arrived::Run(run)) = side.inbox.try_take() else { panic!("a run") };
        let claimed = std::thread::scope(|scope| {
            let claiming = scope.spawn(|| std::iter::from_fn(|| run.claim()).count());
            side.inbox.end_now(Ended::Unsubscribed);
            claiming.join().expect("it counts")
        });
        assert_eq!(side.finished() + claimed as u64, 64);
    }
}
