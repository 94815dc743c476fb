//! What differs between servers: the bytes of their protocols.

use broker_load::LoadError;

/// A protocol over a byte stream, as far as a load needs it. Pure: it reads and sends nothing.
pub trait Protocol {
    /// Appends what opens a connection. The server's consent is a [`Piece::Answer`].
    fn connect(&mut self, out: &mut Vec<u8>);

    /// Appends a subscription. That it is in force is told by a [`Piece::Answer`].
    fn subscribe(&mut self, topic: &str, out: &mut Vec<u8>);

    /// Appends a message.
    fn publish(&mut self, topic: &str, payload: &[u8], out: &mut Vec<u8>);

    /// What answers a [`Piece::Ping`].
    fn pong(&self) -> &'static [u8] {
        b""
    }

    /// Reads the piece at the beginning of `bytes`; `None` if its end hasn't come yet.
    ///
    /// # Errors
    /// If the server refuses something, or speaks another protocol.
    fn read(&mut self, bytes: &[u8]) -> Result<Option<Piece>, LoadError>;
}

/// What one piece of a stream is. Lengths are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// A message that was published.
    Message {
        /// What stands before the payload: the same for all messages of a topic and a length.
        header: usize,
        /// The payload.
        payload: usize,
        /// What stands behind it.
        trailer: usize,
    },
    /// Consent to the connection or to a subscription.
    Answer {
        /// All of it.
        length: usize,
    },
    /// The server asks for a sign of life.
    Ping {
        /// All of it.
        length: usize,
    },
    /// Nothing that a load cares about.
    Noise {
        /// All of it.
        length: usize,
    },
}

impl Piece {
    /// How many bytes it has.
    pub fn length(&self) -> usize {
        match *self {
            Self::Message { header, payload, trailer } => {
                header.saturating_add(payload).saturating_add(trailer)
            }
            Self::Answer { length } | Self::Ping { length } | Self::Noise { length } => length,
        }
    }
}

/// The line at the beginning of `bytes`, without its end, and its length with it.
pub(super) fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

/// A length, written in decimal digits.
pub(super) fn decimal(digits: &[u8]) -> Result<usize, LoadError> {
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u32>().ok());
    number.map(|number| number as usize).ok_or_else(|| malformed("no length", digits))
}

/// That the server sent what can't be understood.
pub(super) fn malformed(what: &str, bytes: &[u8]) -> LoadError {
    LoadError::Malformed(format!("{what}: \"{}\"", bytes.escape_ascii()))
}

/// That the server refused what was asked.
pub(super) fn refused(bytes: &[u8]) -> LoadError {
    LoadError::Refused(bytes.escape_ascii().to_string())
}
