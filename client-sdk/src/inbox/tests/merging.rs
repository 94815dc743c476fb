use broker_delivery::fold::Fold;

use super::super::Folding;
use super::super::rules::{AtBound, Kept};
use super::*;

const MERGED: Rules = Rules { kept: Kept::Merged, at_bound: AtBound::DropOldest };

fn patch(topic: &str, seq: u64, payload: &str) -> Event {
    of_key(topic, None, seq, Body::json(payload))
}

fn merged(topic: &str, first: u64, last: u64, count: u64) -> Event {
    gap(topic, (first, last), count, GapCause::Merged)
}

/// An inbox whose subscriber is busy with a first message.
fn busy(inbox: Inbox) -> Inbox {
    push(&inbox, message("first", 1));
    assert_eq!(take(&inbox), Some(message("first", 1)));
    inbox
}

#[test]
fn what_waits_of_a_key_is_folded_in_its_place_and_told_in_front() {
    let inbox = busy(Inbox::new(BOUND, MERGED));
    for event in [
        patch("a", 1, r#"{"x":1}"#),
        patch("b", 1, "{}"),
        patch("a", 2, r#"{"y":1}"#),
        patch("a", 3, r#"{"x":null}"#),
    ] {
        push(&inbox, event);
    }
    let expected =
        [merged("a", 1, 2, 2), patch("a", 3, r#"{"x":null,"y":1}"#), patch("b", 1, "{}")];
    assert_eq!(taken(&inbox), expected);
}

#[test]
fn what_does_not_compose_is_delivered_in_order() {
    let inbox = busy(Inbox::new(BOUND, MERGED));
    let events = [
        patch("a", 1, r#"{"x":1}"#),
        patch("a", 2, r#"{"x":{}}"#),
        of_key("a", None, 3, "{}".into()),
    ];
    events.iter().for_each(|event| assert_eq!(push(&inbox, event.clone()), Pushed::Done));
    assert_eq!(taken(&inbox), events);
}

#[test]
fn at_twice_the_bound_what_waits_is_folded_before_anything_goes() {
    let inbox = busy(Inbox::new(BOUND, MERGED));
    for seq in 1..=1000 {
        assert_eq!(push(&inbox, patch("a", seq, r#"{"x":1}"#)), Pushed::Done);
    }
    assert_eq!(taken(&inbox), [merged("a", 1, 999, 999), patch("a", 1000, r#"{"x":1}"#)]);
}

/// Adds numbers.
struct Sum;

impl Fold for Sum {
    fn fold(&self, earlier: &[u8], later: &[u8]) -> Option<Vec<u8>> {
        let number = |payload| std::str::from_utf8(payload).ok()?.parse::<u64>().ok();
        Some((number(earlier)? + number(later)?).to_string().into_bytes())
    }
}

#[test]
fn a_rule_of_the_program_folds_any_content() {
    let inbox = Inbox::new(BOUND, MERGED).with_folding(Folding::by(Arc::new(Sum)));
    let inbox = busy(inbox);
    for (seq, number) in [(1, "1"), (2, "2"), (3, "4")] {
        push(&inbox, of_key("a", None, seq, number.into()));
    }
    let sum = of_key("a", None, 3, Body { payload: "7".into(), ..Body::from("") });
    assert_eq!(taken(&inbox), [merged("a", 1, 2, 2), sum]);
}
