//! The relations between two filters against what they mean: every short topic is tried.

use broker_delivery::{check_filter, check_topic, filter_covers, filter_matches, filters_overlap};
use proptest::prelude::*;

/// One token that no filter of the test contains stands for all others.
const TOKENS: [&str; 4] = ["a", "b", "other", "$"];

/// One more than a filter of the test has, so that every tail can stand for two.
const TOPIC_TOKENS_MAX: usize = 5;

fn topics() -> Vec<String> {
    let mut topics: Vec<String> = TOKENS.map(String::from).to_vec();
    let mut longest = topics.clone();
    for _ in 1..TOPIC_TOKENS_MAX {
        let longer = |topic: &String| TOKENS.map(|token| format!("{topic}.{token}"));
        longest = longest.iter().flat_map(longer).collect();
        topics.extend_from_slice(&longest);
    }
    topics
}

fn filter() -> impl Strategy<Value = String> {
    (prop::collection::vec("[ab$*]", 0..4), "[ab$*>]").prop_map(|(mut tokens, last)| {
        tokens.push(last);
        tokens.join(".")
    })
}

proptest! {
    #[test]
    fn filters_overlap_exactly_when_a_topic_matches_both(one in filter(), other in filter()) {
        let both = |topic: &String| filter_matches(&one, topic) && filter_matches(&other, topic);
        prop_assert_eq!(filters_overlap(&one, &other), topics().iter().any(both));
        prop_assert_eq!(filters_overlap(&one, &other), filters_overlap(&other, &one));
    }

    #[test]
    fn a_pattern_covers_exactly_when_it_matches_all_that_the_filter_matches(
        pattern in filter(), filter in filter()
    ) {
        let escapes =
            |topic: &String| filter_matches(&filter, topic) && !filter_matches(&pattern, topic);
        prop_assert_eq!(filter_covers(&pattern, &filter), !topics().iter().any(escapes));
    }

    #[test]
    fn checking_any_text_is_total_and_every_topic_is_a_filter(text in any::<String>()) {
        let (as_topic, as_filter) = (check_topic(&text), check_filter(&text));
        prop_assert!(as_topic.is_err() || as_filter.is_ok());
        prop_assert!(as_topic.is_err() || filter_matches(&text, &text));
    }

    #[test]
    fn what_is_made_of_allowed_tokens_is_a_filter(filter in filter()) {
        prop_assert_eq!(check_filter(&filter), Ok(()));
        let wild = filter.contains(['*', '>']);
        prop_assert_eq!(check_topic(&filter).is_ok(), !wild);
    }
}
