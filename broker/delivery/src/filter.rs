//! Filters: which topics a subscription, or a pattern in the configuration, is about.
//!
//! A wildcard stands alone in its token: `*` for exactly one token, `>` as the last one for one
//! or more. A wildcard in the first place never matches a topic that starts with `$`, so nobody
//! hears the broker's own topics without naming them.
//!
//! The functions here compare one pair at a time and are the definition; many filters at once are
//! the business of [`Matcher`](crate::Matcher), which is tested against them. The length limit of
//! topics is left out of account in the two relations between filters.

use thiserror::Error;

use crate::name::{
    NameError, WILDCARD_ONE, WILDCARD_TAIL, check_name, first_wildcard, tokens,
    tokens_with_position,
};
use crate::topic::is_reserved;

/// Why a name isn't a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FilterError {
    /// It breaks a rule that topics and filters share.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A wildcard is part of a longer token.
    #[error("{character:?} at byte {at} is part of a longer token; let the wildcard stand alone")]
    WildcardInToken {
        /// Where it stands, in bytes.
        at: usize,
        /// `*` or `>`.
        character: char,
    },
    /// Something follows `>`.
    #[error("'>' at byte {at} is followed by more; end the filter there or use '*'")]
    TailNotLast {
        /// Where it stands, in bytes.
        at: usize,
    },
}

/// Checks the rules for filters: those for topics, save that a token may be `*`, and the last `>`.
///
/// # Errors
///
/// The first offence found, with its position.
pub fn check_filter(filter: &str) -> Result<(), FilterError> {
    check_name(filter)?;
    for (at, token) in tokens_with_position(filter) {
        if token == WILDCARD_TAIL && at + token.len() < filter.len() {
            return Err(FilterError::TailNotLast { at });
        }
        if let (false, Some((offset, character))) = (is_wildcard(token), first_wildcard(token)) {
            return Err(FilterError::WildcardInToken { at: at + offset, character });
        }
    }
    Ok(())
}

/// Tells whether a valid filter matches a valid topic.
pub fn filter_matches(filter: &str, topic: &str) -> bool {
    if is_hidden(filter, topic) {
        return false;
    }
    let mut rest = tokens(topic);
    for wanted in tokens(filter) {
        match (wanted, rest.next()) {
            (_, None) => return false,
            (WILDCARD_TAIL, Some(_)) => return true,
            (WILDCARD_ONE, Some(_)) => {}
            (literal, Some(token)) if literal == token => {}
            _ => return false,
        }
    }
    rest.next().is_none()
}

/// Tells whether some topic is matched by both of two valid filters.
pub fn filters_overlap(one: &str, other: &str) -> bool {
    if is_hidden(one, other) || is_hidden(other, one) {
        return false;
    }
    let (mut left, mut right) = (tokens(one), tokens(other));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (None, _) | (_, None) => return false,
            (Some(WILDCARD_TAIL), _) | (_, Some(WILDCARD_TAIL)) => return true,
            (Some(WILDCARD_ONE), _) | (_, Some(WILDCARD_ONE)) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

/// Tells whether a valid pattern matches every topic that a valid filter matches.
pub fn filter_covers(pattern: &str, filter: &str) -> bool {
    if is_hidden(pattern, filter) {
        return false;
    }
    let mut rest = tokens(filter);
    for wanted in tokens(pattern) {
        match (wanted, rest.next()) {
            (_, None) => return false,
            (WILDCARD_TAIL, Some(_)) => return true,
            (_, Some(WILDCARD_TAIL)) => return false,
            (WILDCARD_ONE, Some(_)) => {}
            (literal, Some(token)) if literal == token => {}
            _ => return false,
        }
    }
    rest.next().is_none()
}

/// Tells whether `filter` begins with a wildcard while `name` belongs to the broker.
fn is_hidden(filter: &str, name: &str) -> bool {
    is_reserved(name) && tokens(filter).next().is_some_and(is_wildcard)
}

fn is_wildcard(token: &str) -> bool {
    token == WILDCARD_ONE || token == WILDCARD_TAIL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_alone_and_the_tail_stands_last() {
        for filter in ["*", ">", "a.*", "*.*.a", "a.>", "*.>", "$to.*", "a.b"] {
            assert_eq!(check_filter(filter), Ok(()), "{filter}");
        }
        for (filter, at, character) in [("a*", 1, '*'), ("a.>b", 2, '>'), ("**", 0, '*')] {
            let expected = FilterError::WildcardInToken { at, character };
            assert_eq!(check_filter(filter), Err(expected), "{filter}");
        }
        for (filter, at) in [(">.a", 0), ("a.>.>", 2), ("a.>.*", 2)] {
            assert_eq!(check_filter(filter), Err(FilterError::TailNotLast { at }), "{filter}");
        }
    }

    #[test]
    fn a_filter_obeys_the_rules_of_names() {
        assert_eq!(check_filter(""), Err(NameError::Empty.into()));
        assert_eq!(check_filter(&"a".repeat(255)), Ok(()));
        assert_eq!(check_filter(&"a".repeat(256)), Err(NameError::TooLong { bytes: 256 }.into()));
        assert_eq!(check_filter("*..>"), Err(NameError::EmptyToken { at: 2 }.into()));
    }

    #[test]
    fn a_star_is_one_token_and_a_tail_one_or_more() {
        assert!(filter_matches("a.*", "a.b"));
        assert!(!filter_matches("a.*", "a") && !filter_matches("a.*", "a.b.c"));
        assert!(filter_matches("a.>", "a.b") && filter_matches("a.>", "a.b.c"));
        assert!(!filter_matches("a.>", "a"));
        assert!(filter_matches("a.*.>", "a.b.c") && !filter_matches("a.*.>", "a.b"));
        assert!(filter_matches("a.b", "a.b") && !filter_matches("a.b", "a.c"));
    }

    #[test]
    fn a_wildcard_in_front_never_matches_what_belongs_to_the_broker() {
        assert!(!filter_matches(">", "$to.bob") && !filter_matches("*.bob", "$to.bob"));
        assert!(filter_matches("$to.*", "$to.bob") && filter_matches(">", "to.$bob"));
        assert!(!filters_overlap(">", "$to.*") && !filters_overlap("$to.*", "*.bob"));
        assert!(filters_overlap("$to.*", "$to.>"));
        assert!(!filter_covers(">", "$to.bob") && filter_covers("$to.>", "$to.bob"));
    }

    #[test]
    fn filters_overlap_when_some_topic_satisfies_both() {
        for (one, other) in [("a.*", "*.b"), ("a.>", "*.*.c"), (">", "*"), ("a", "a")] {
            assert!(filters_overlap(one, other) && filters_overlap(other, one), "{one} {other}");
        }
        for (one, other) in [("a.*", "b.*"), ("a.>", "a"), ("*", "*.*"), ("*.*.>", "a.b")] {
            assert!(!filters_overlap(one, other) && !filters_overlap(other, one), "{one} {other}");
        }
    }

    #[test]
    fn a_pattern_covers_a_filter_when_nothing_escapes_it() {
        for (pattern, filter) in [(">", "a.>"), ("a.*", "a.*"), ("*.>", "a.b.>"), ("a.>", "a.*")] {
            assert!(filter_covers(pattern, filter), "{pattern} {filter}");
        }
        for (pattern, filter) in [("a.*", "a.>"), ("*.>", ">"), ("a.b", "a.*"), ("a.>", "a")] {
            assert!(!filter_covers(pattern, filter), "{pattern} {filter}");
        }
    }
}
