//! What topics and filters have in common as names, so that both refuse the same input for the
//! same reason.
//!
//! Nothing here allocates: names are checked in place, before anything is kept of them.

use thiserror::Error;

/// The longest topic or filter, in bytes of UTF-8.
pub const TOPIC_BYTES_MAX: usize = 255;

/// What stands between two tokens.
pub const TOKEN_SEPARATOR: char = '.';

/// The wildcard for exactly one token.
pub const WILDCARD_ONE: &str = "*";

/// The wildcard for one or more tokens; only as the last of a filter.
pub const WILDCARD_TAIL: &str = ">";

/// A break of the rules that topics and filters share. Positions are byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is no name.
    #[error("the name is empty; give 1 to {TOPIC_BYTES_MAX} bytes")]
    Empty,
    /// The name is above the limit.
    #[error("the name has {bytes} bytes; shorten it to {TOPIC_BYTES_MAX} at most")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// Two separators in a row, or one at an end.
    #[error("the token at byte {at} is empty; fill it or leave out a dot")]
    EmptyToken {
        /// Where the token should begin.
        at: usize,
    },
    /// Whitespace or a control character.
    #[error("{character:?} at byte {at} is whitespace or a control character; leave it out")]
    ForbiddenCharacter {
        /// Where it stands.
        at: usize,
        /// What stands there.
        character: char,
    },
}

/// Checks length, tokens and characters; wildcards are the business of the caller.
pub(crate) fn check_name(name: &str) -> Result<(), NameError> {
    match name.len() {
        0 => return Err(NameError::Empty),
        bytes if bytes > TOPIC_BYTES_MAX => return Err(NameError::TooLong { bytes }),
        _ => {}
    }
    if let Some((at, character)) = name.char_indices().find(|(_, c)| is_forbidden(*c)) {
        return Err(NameError::ForbiddenCharacter { at, character });
    }
    match tokens_with_position(name).find(|(_, token)| token.is_empty()) {
        Some((at, _)) => Err(NameError::EmptyToken { at }),
        None => Ok(()),
    }
}

/// The tokens of a name in order.
pub(crate) fn tokens(name: &str) -> std::str::Split<'_, char> {
    name.split(TOKEN_SEPARATOR)
}

/// The tokens of a name, each with the byte at which it begins.
pub(crate) fn tokens_with_position(name: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    tokens(name).map(move |token| {
        let at = next;
        next += token.len() + TOKEN_SEPARATOR.len_utf8();
        (at, token)
    })
}

/// The first wildcard character in a piece of a name, and its offset there.
pub(crate) fn first_wildcard(piece: &str) -> Option<(usize, char)> {
    piece.char_indices().find(|(_, character)| matches!(character, '*' | '>'))
}

fn is_forbidden(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}
