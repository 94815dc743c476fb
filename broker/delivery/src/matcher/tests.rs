//! The trie against the definition, and what it gives back.

use proptest::prelude::*;

use super::*;
use crate::filter_matches;

fn matches<V: Copy>(matcher: &Matcher<V>, topic: &str) -> Vec<V> {
    let mut found = Vec::new();
    matcher.for_each_match(topic, |value| found.push(*value));
    found
}

#[test]
fn literal_comes_before_star_and_star_before_tail_and_values_as_inserted() {
    let mut matcher = Matcher::new();
    for (filter, value) in
        [(">", 7), ("a.>", 5), ("*.b", 6), ("a.*", 3), ("a.b", 2), ("a.b", 1), ("a.*", 4)]
    {
        matcher.insert(filter, value);
    }
    assert_eq!(matches(&matcher, "a.b"), [2, 1, 3, 4, 5, 6, 7]);
}

#[test]
fn a_tail_needs_one_token_and_a_star_exactly_one() {
    let mut matcher = Matcher::new();
    matcher.insert("a.>", 'T');
    matcher.insert("a.*", '1');
    assert_eq!(matches(&matcher, "a"), []);
    assert_eq!(matches(&matcher, "a.b"), ['1', 'T']);
    assert_eq!(matches(&matcher, "a.b.c"), ['T']);
}

#[test]
fn a_wildcard_in_front_never_finds_what_belongs_to_the_broker() {
    let mut matcher = Matcher::new();
    for filter in [">", "*.bob", "$to.*", "$to.>"] {
        matcher.insert(filter, filter);
    }
    assert_eq!(matches(&matcher, "$to.bob"), ["$to.*", "$to.>"]);
    assert_eq!(matches(&matcher, "to.bob"), ["*.bob", ">"]);
}

#[test]
fn of_equal_values_one_removal_takes_one() {
    let mut matcher = Matcher::new();
    matcher.insert("a", 1);
    matcher.insert("a", 2);
    matcher.insert("a", 1);
    assert!(matcher.remove("a", &1));
    assert_eq!(matches(&matcher, "a"), [2, 1]);
    assert!(matcher.remove("a", &1) && !matcher.remove("a", &1));
    assert_eq!((matches(&matcher, "a"), matcher.len()), (vec![2], 1));
}

#[test]
fn the_generation_changes_with_every_change_and_with_nothing_else() {
    let mut matcher = Matcher::new();
    matcher.insert("a", 1);
    let before = matcher.generation();
    assert!(!matcher.remove("a", &2) && !matcher.remove("a.b", &1) && !matcher.remove("*", &1));
    matches(&matcher, "a");
    assert_eq!(matcher.generation(), before);
    assert!(matcher.remove("a", &1));
    assert_ne!(matcher.generation(), before);
}

#[test]
fn the_last_removal_leaves_nothing_behind() {
    let mut matcher = Matcher::new();
    let filters: Vec<_> = (0..5000).map(|n| format!("a.{}.*.{n}.>", n % 7)).collect();
    for (value, filter) in filters.iter().enumerate() {
        matcher.insert(filter, value);
    }
    for (value, filter) in filters.iter().enumerate() {
        assert!(matcher.remove(filter, &value), "{filter}");
    }
    assert!(matcher.is_empty());
    assert_eq!((matcher.trie.len(), matcher.vocabulary.len()), (1, 0));
    assert!(matcher.trie.places() < 2000, "{} places kept", matcher.trie.places());
}

#[test]
fn what_is_left_after_memory_was_returned_is_found_as_before() {
    let mut matcher = Matcher::new();
    let filter = |n: usize| format!("{}.{n}.{}", ["a", "*"][n % 2], [">", "b"][n / 2 % 2]);
    (0..8000).for_each(|n| matcher.insert(&filter(n), n));
    let places = matcher.trie.places();
    for n in (0..8000).filter(|n| n % 100 != 0) {
        assert!(matcher.remove(&filter(n), &n));
    }
    assert!(matcher.trie.places() < places / 2);
    for n in 0..8000 {
        let expected = if n % 100 == 0 { vec![n] } else { Vec::new() };
        assert_eq!(matches(&matcher, &format!("a.{n}.b")), expected);
    }
}

#[test]
fn names_that_break_the_rules_do_no_harm() {
    let mut matcher = Matcher::new();
    let deep = "*.".repeat(100_000);
    for filter in ["", ".", "a.>.b", "a*", deep.as_str()] {
        matcher.insert(filter, 1);
        matches(&matcher, filter);
        assert!(matcher.remove(filter, &1));
    }
    assert_eq!((matcher.trie.len(), matcher.vocabulary.len()), (1, 0));
}

#[derive(Debug, Clone)]
enum Step {
    Insert(String, u8),
    Remove(prop::sample::Index, u8),
    Match(String),
}

fn name(token: &'static str, last: &'static str) -> impl Strategy<Value = String> {
    (prop::collection::vec(token, 0..4), last).prop_map(|(mut tokens, last)| {
        tokens.push(last);
        tokens.join(".")
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (name("[ab$*]", "[ab$*>]"), 0..3_u8).prop_map(|(f, v)| Step::Insert(f, v)),
        3 => (any::<prop::sample::Index>(), 0..3_u8).prop_map(|(at, v)| Step::Remove(at, v)),
        4 => name("[abc$]", "[abc$]").prop_map(Step::Match),
    ]
}

/// What the matcher should hold, in the order of insertion.
#[derive(Default)]
struct Model(Vec<(String, u8)>);

impl Model {
    fn remove(&mut self, filter: &str, value: u8) -> bool {
        let held = self.0.iter().position(|(f, v)| f == filter && *v == value);
        held.map(|at| self.0.remove(at)).is_some()
    }

    /// By the definition; sorted as promised: per token literal, `*`, `>`, then by insertion.
    fn matches(&self, topic: &str) -> Vec<u8> {
        let matching = self.0.iter().filter(|(filter, _)| filter_matches(filter, topic));
        let mut found: Vec<_> = matching.map(|(filter, value)| (ranks(filter), *value)).collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found.into_iter().map(|(_, value)| value).collect()
    }
}

fn ranks(filter: &str) -> Vec<u8> {
    let rank = |token| match token {
        WILDCARD_TAIL => 2,
        WILDCARD_ONE => 1,
        _ => 0,
    };
    tokens(filter).map(rank).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_sequence_of_calls_gives_what_the_definition_gives(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let (mut matcher, mut model) = (Matcher::new(), Model::default());
        for step in steps {
            match step {
                Step::Insert(filter, value) => {
                    matcher.insert(&filter, value);
                    model.0.push((filter, value));
                }
                Step::Remove(at, value) if !model.0.is_empty() => {
                    let filter = at.get(&model.0).0.clone();
                    prop_assert_eq!(matcher.remove(&filter, &value), model.remove(&filter, value));
                }
                Step::Remove(..) => prop_assert!(!matcher.remove("a", &0)),
                Step::Match(topic) => {
                    prop_assert_eq!(matches(&matcher, &topic), model.matches(&topic));
                }
            }
            prop_assert_eq!(matcher.len(), model.0.len());
        }
        for (filter, value) in &model.0 {
            prop_assert!(matcher.remove(filter, value));
        }
        prop_assert_eq!((matcher.trie.len(), matcher.vocabulary.len()), (1, 0));
    }
}
