//! Whatever comes, and however slowly it is taken, the books balance.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::rules::{AtBound, Kept};
use super::*;
use crate::GapReason;

const TOPICS: [&str; 2] = ["a", "b"];
const KEYS: [Option<&str>; 3] = [None, Some("x"), Some("y")];

#[derive(Debug, Clone, Copy)]
enum Step {
    Message { topic: usize, key: usize },
    BrokerGap { topic: usize, count: u64 },
    Barrier,
    Take,
    TakeAll,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let message = |(topic, key)| Step::Message { topic, key };
    let broker_gap = |(topic, count)| Step::BrokerGap { topic, count };
    let step = prop_oneof![
        12 => (0..TOPICS.len(), 0..KEYS.len()).prop_map(message),
        2 => (0..TOPICS.len(), 1..4_u64).prop_map(broker_gap),
        1 => Just(Step::Barrier),
        4 => Just(Step::Take),
        1 => Just(Step::TakeAll),
    ];
    prop::collection::vec(step, 0..200)
}

fn rules() -> impl Strategy<Value = (Bound, Rules)> {
    let newest = (1..4_usize).prop_map(Kept::Newest);
    let kept = prop_oneof![1 => Just(Kept::All), 2 => newest, 2 => Just(Kept::Merged)];
    (kept, 1..20_usize, 300..3000_usize).prop_map(|(kept, messages, bytes)| {
        (Bound { messages, bytes }, Rules { kept, at_bound: AtBound::DropOldest })
    })
}

/// What came and what was taken.
#[derive(Default)]
struct Run {
    came: Vec<Event>,
    taken: Vec<Event>,
}

impl Run {
    fn of(bound: Bound, rules: Rules, steps: &[Step]) -> Self {
        let (inbox, mut run, mut seqs) =
            (Inbox::new(bound, rules), Self::default(), [0; TOPICS.len()]);
        for step in steps {
            let event = match *step {
                Step::Message { topic, key } => {
                    seqs[topic] += 1;
                    of_key(TOPICS[topic], KEYS[key], seqs[topic], patch(seqs[topic]))
                }
                Step::BrokerGap { topic, count } => {
                    let first = seqs[topic] + 1;
                    seqs[topic] += count;
                    let reason = GapCause::Broker(GapReason::Dropped);
                    gap(TOPICS[topic], (first, seqs[topic]), count, reason)
                }
                Step::Barrier => presence("bob"),
                Step::Take => {
                    run.taken.extend(take(&inbox));
                    continue;
                }
                Step::TakeAll => {
                    run.taken.extend(taken(&inbox));
                    continue;
                }
            };
            run.came.push(event.clone());
            // What can't be dropped may be more than the bound: then it ends, which isn't the
            // matter here.
            if push(&inbox, event) == Pushed::Overflowed {
                break;
            }
            let most = if rules.kept == Kept::Merged { bound.twice() } else { bound };
            assert!(inbox.lock().waiting.load().fits(most));
        }
        run.taken.extend(taken(&inbox).into_iter().filter(|one| !matches!(one, Event::Ended(_))));
        assert_eq!(inbox.lock().waiting.load(), Default::default());
        run
    }
}

/// A patch that sets a member of its own; every fifth can't be folded into what came before.
fn patch(seq: u64) -> Body {
    match seq % 5 {
        0 => Body::json(format!(r#"{{"{seq}":1,"deep":{{}}}}"#)),
        _ => Body::json(format!(r#"{{"{seq}":1,"deep":null}}"#)),
    }
}

/// The members that are set, all but the one that they have in common.
fn members(event: &Event) -> Vec<u64> {
    let Event::Message(message) = event else { return Vec::new() };
    let text = message.text().expect("it is text");
    text.split('"').filter_map(|piece| piece.parse().ok()).collect()
}

/// Between barriers: what messages and gaps account for, by topic.
fn books(events: &[Event]) -> Vec<BTreeMap<Arc<str>, u64>> {
    let mut sections = vec![BTreeMap::new()];
    for event in events {
        let (topic, count) = match event {
            Event::Message(message) => (&message.topic, 1),
            Event::Gap(gap) => (gap.topic.as_ref().expect("there are few topics"), gap.count),
            _ => {
                sections.push(BTreeMap::new());
                continue;
            }
        };
        *sections.last_mut().unwrap().entry(Arc::clone(topic)).or_default() += count;
    }
    sections
}

type Key = (Arc<str>, Option<Box<str>>);

/// The numbers of each key's messages.
fn by_key(events: &[Event]) -> BTreeMap<Key, Vec<u64>> {
    let mut keys = BTreeMap::<Key, Vec<u64>>::new();
    for event in events {
        if let Event::Message(message) = event {
            let key = (Arc::clone(&message.topic), message.body.key.clone());
            keys.entry(key).or_default().push(message.seq);
        }
    }
    keys
}

fn told(events: &[Event], reason: GapCause) -> u64 {
    let count = |event: &Event| match event {
        Event::Gap(gap) if gap.reason == reason => gap.count,
        _ => 0,
    };
    events.iter().map(count).sum()
}

/// Whether a message was delivered or stands within the hull of a gap that the inbox told.
fn is_accounted_for(one: &Message, taken: &[Event]) -> bool {
    taken.iter().any(|event| match event {
        Event::Message(message) => message.topic == one.topic && message.seq == one.seq,
        Event::Gap(gap) => {
            gap.topic.as_ref() == Some(&one.topic)
                && gap.first_seq <= Some(one.seq)
                && Some(one.seq) <= gap.last_seq
        }
        _ => false,
    })
}

proptest! {
    #[test]
    fn between_any_two_barriers_what_is_delivered_and_told_is_what_came(
        (bound, rules) in rules(), steps in steps(),
    ) {
        let Run { came, taken } = Run::of(bound, rules, &steps);
        prop_assert_eq!(books(&taken), books(&came));
        for event in &came {
            if let Event::Message(message) = event {
                prop_assert!(is_accounted_for(message, &taken), "{:?}", message);
            }
        }
    }

    #[test]
    fn each_key_comes_in_order_and_ends_with_its_newest_unless_that_was_dropped(
        (bound, rules) in rules(), steps in steps(),
    ) {
        let Run { came, taken } = Run::of(bound, rules, &steps);
        let delivered = by_key(&taken);
        for (key, seqs) in &delivered {
            prop_assert!(seqs.is_sorted_by(|one, next| one < next), "{:?}: {:?}", key, seqs);
        }
        if told(&taken, GapCause::SlowSubscriber) == 0 {
            for (key, seqs) in by_key(&came) {
                prop_assert_eq!(delivered.get(&key).and_then(|seqs| seqs.last()), seqs.last());
            }
        }
        if !matches!(rules.kept, Kept::Newest(_)) {
            prop_assert_eq!(told(&taken, GapCause::Conflated), 0);
        }
    }
}

proptest! {
    #[test]
    fn what_is_merged_says_all_that_was_said_unless_some_of_it_was_dropped(
        (bound, rules) in rules(), steps in steps(),
    ) {
        let rules = Rules { kept: Kept::Merged, ..rules };
        let Run { came, taken } = Run::of(bound, rules, &steps);
        if told(&taken, GapCause::SlowSubscriber) == 0 {
            let said = |events: &[Event]| -> std::collections::BTreeSet<u64> {
                events.iter().flat_map(members).collect()
            };
            prop_assert_eq!(said(&taken), said(&came));
        }
    }
}

#[test]
fn under_permanent_overload_every_key_gets_its_turn_and_conflation_is_most_of_it() {
    let rules = Rules { kept: Kept::Newest(1), at_bound: AtBound::DropOldest };
    let round =
        (0..TOPICS.len()).flat_map(|topic| (0..3).map(move |key| Step::Message { topic, key }));
    let steps: Vec<_> =
        (0..1000).flat_map(|_| round.clone().chain([Step::Take, Step::Take])).collect();
    let Run { came, taken } = Run::of(Bound { messages: 10, bytes: 10_000 }, rules, &steps);
    assert_eq!(books(&taken), books(&came));
    assert_eq!(told(&taken, GapCause::SlowSubscriber), 0);
    let delivered: Vec<_> = by_key(&taken).into_values().map(|seqs| seqs.len()).collect();
    assert_eq!(delivered.len(), 6);
    let (least, most) = (delivered.iter().min().unwrap(), delivered.iter().max().unwrap());
    assert!(most - least <= 1, "{delivered:?}");
    assert!(told(&taken, GapCause::Conflated) > 4000);
}
