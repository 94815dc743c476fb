//! Why a link ends.

use std::borrow::Cow;
use std::fmt;

/// The kinds of end that a transport tells apart, so that it can use its own words for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// The purpose of the link is fulfilled. WebSocket 1000, QUIC application code 0.
    Normal,
    /// The end that closes is going away. WebSocket 1001, QUIC application code 1.
    GoingAway,
    /// The peer broke the protocol. WebSocket 1002, QUIC application code 2.
    Protocol,
    /// The peer sent something too large. WebSocket 1009, QUIC application code 3.
    TooLarge,
    /// The peer is refused by policy, as too slow or not allowed. WebSocket 1008, QUIC
    /// application code 4.
    Refused,
    /// The end that closes has a fault of its own. WebSocket 1011, QUIC application code 5.
    Internal,
}

impl CloseCode {
    /// The status code in a WebSocket close frame (RFC 6455 §7.4.1).
    pub fn websocket(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Protocol => 1002,
            Self::Refused => 1008,
            Self::TooLarge => 1009,
            Self::Internal => 1011,
        }
    }

    /// The application error code on transports that leave it to us (QUIC, RFC 9000 §20.2).
    pub fn application(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::GoingAway => 1,
            Self::Protocol => 2,
            Self::TooLarge => 3,
            Self::Refused => 4,
            Self::Internal => 5,
        }
    }

    /// The code that a WebSocket status stands for; an unknown one counts as normal.
    pub fn from_websocket(status: u16) -> Self {
        match status {
            1001 => Self::GoingAway,
            1002 | 1003 | 1007 => Self::Protocol,
            1008 => Self::Refused,
            1009 => Self::TooLarge,
            1011 => Self::Internal,
            _ => Self::Normal,
        }
    }

    /// The code that an application error code stands for; an unknown one counts as normal.
    pub fn from_application(code: u64) -> Self {
        match code {
            1 => Self::GoingAway,
            2 => Self::Protocol,
            3 => Self::TooLarge,
            4 => Self::Refused,
            5 => Self::Internal,
            _ => Self::Normal,
        }
    }
}

/// Why a link ends: a code for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason {
    /// The kind of end.
    pub code: CloseCode,
    /// At most [`CloseReason::TEXT_BYTES_MAX`] bytes; a longer text is cut at a character.
    text: Cow<'static, str>,
}

impl CloseReason {
    /// The longest text, in bytes: what fits a WebSocket close frame (RFC 6455 §5.5).
    pub const TEXT_BYTES_MAX: usize = 123;

    /// Makes a reason, cutting `text` to [`CloseReason::TEXT_BYTES_MAX`].
    pub fn new(code: CloseCode, text: impl Into<Cow<'static, str>>) -> Self {
        let mut text = text.into();
        if text.len() > Self::TEXT_BYTES_MAX {
            let end = text.floor_char_boundary(Self::TEXT_BYTES_MAX);
            text = Cow::Owned(text[..end].to_owned());
        }
        Self { code, text }
    }

    /// The sentence for people, possibly empty.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            "" => write!(f, "{:?}", self.code),
            text => write!(f, "{:?}: {text}", self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_123_bytes_stays_whole_and_a_longer_one_is_cut_at_a_character() {
        let whole = CloseReason::new(CloseCode::Normal, "x".repeat(123));
        assert_eq!(whole.text().len(), 123);
        let cut = CloseReason::new(CloseCode::Normal, "ä".repeat(62));
        assert_eq!(cut.text().len(), 122);
    }

    #[test]
    fn codes_survive_both_numberings() {
        use CloseCode::*;
        for code in [Normal, GoingAway, Protocol, TooLarge, Refused, Internal] {
            assert_eq!(CloseCode::from_websocket(code.websocket()), code);
            assert_eq!(CloseCode::from_application(code.application().into()), code);
        }
    }
}
