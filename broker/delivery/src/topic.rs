//! Topics: the names that messages are published under.
//!
//! No token of a topic contains a wildcard character, not even beside others (`a*`): what looks
//! like a pattern is always meant as one, and a mistyped filter never becomes a topic.

use thiserror::Error;

use crate::name::{NameError, check_name, first_wildcard};

/// The first character of the topics that belong to the broker.
pub const RESERVED_PREFIX: char = '$';

/// Why a name isn't a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TopicError {
    /// It breaks a rule that topics and filters share.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It contains a wildcard.
    #[error("{character:?} at byte {at} is a wildcard, legal in filters only; name one topic")]
    Wildcard {
        /// Where it stands, in bytes.
        at: usize,
        /// `*` or `>`.
        character: char,
    },
}

/// Checks the rules for topics: 1 to 255 bytes of UTF-8, dot-separated tokens of which none is
/// empty, no whitespace, control character, `*` or `>`.
///
/// Reserved topics pass; ask [`is_reserved`] where a client wants to publish.
///
/// # Errors
///
/// The first offence found, with its position.
pub fn check_topic(topic: &str) -> Result<(), TopicError> {
    check_name(topic)?;
    match first_wildcard(topic) {
        Some((at, character)) => Err(TopicError::Wildcard { at, character }),
        None => Ok(()),
    }
}

/// Tells whether a topic, or the filter for it, belongs to the broker.
pub fn is_reserved(topic: &str) -> bool {
    topic.starts_with(RESERVED_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_one_to_255_bytes() {
        assert_eq!(check_topic(""), Err(NameError::Empty.into()));
        assert_eq!(check_topic("a"), Ok(()));
        assert_eq!(check_topic(&"a".repeat(255)), Ok(()));
        assert_eq!(check_topic(&"a".repeat(256)), Err(NameError::TooLong { bytes: 256 }.into()));
    }

    #[test]
    fn the_limit_counts_bytes_and_not_characters() {
        assert_eq!(check_topic(&format!("{}a", "é".repeat(127))), Ok(()));
        assert_eq!(check_topic(&"é".repeat(128)), Err(NameError::TooLong { bytes: 256 }.into()));
    }

    #[test]
    fn an_empty_token_is_refused_with_its_place() {
        for (topic, at) in [(".", 0), (".a", 0), ("a.", 2), ("a..b", 2), ("é..b", 3)] {
            assert_eq!(check_topic(topic), Err(NameError::EmptyToken { at }.into()), "{topic}");
        }
        assert_eq!(check_topic("a.b"), Ok(()));
    }

    #[test]
    fn whitespace_and_control_characters_are_refused_wherever_they_stand() {
        for character in [' ', '\t', '\n', '\u{a0}', '\u{2003}', '\0', '\u{7f}', '\u{85}'] {
            let expected = NameError::ForbiddenCharacter { at: 3, character };
            assert_eq!(check_topic(&format!("a.b{character}c")), Err(expected.into()));
        }
        assert_eq!(check_topic("a.b!c"), Ok(()));
    }

    #[test]
    fn no_token_of_a_topic_contains_a_wildcard() {
        for (topic, at, character) in [("*", 0, '*'), ("a.>", 2, '>'), ("a.b*", 3, '*')] {
            assert_eq!(check_topic(topic), Err(TopicError::Wildcard { at, character }), "{topic}");
        }
    }

    #[test]
    fn only_a_dollar_in_front_reserves() {
        assert!(is_reserved("$to.bob") && is_reserved("$"));
        assert!(!is_reserved("a.$to") && !is_reserved("a$"));
        assert_eq!(check_topic("$to.bob"), Ok(()));
    }

    #[test]
    fn an_error_names_the_offender_and_the_remedy() {
        let told = check_topic("a.b*").unwrap_err().to_string();
        assert_eq!(told, "'*' at byte 3 is a wildcard, legal in filters only; name one topic");
        let told = check_topic("a..b").unwrap_err().to_string();
        assert_eq!(told, "the token at byte 2 is empty; fill it or leave out a dot");
    }
}
