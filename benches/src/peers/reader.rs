//! Messages out of a stream that arrives in pieces of any size.

use broker_load::LoadError;

use super::protocol::{Piece, Protocol};

/// Reads a stream over buffers that are lent to it: between two reads it keeps the incomplete rest
/// alone.
#[derive(Debug)]
pub(super) struct Reader<P> {
    pub(super) protocol: P,
    rest: Vec<u8>,
    shape: Shape,
}

/// What was seen in one buffer.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    /// Messages.
    pub(super) count: u64,
    /// The payload of the first of them.
    pub(super) first: &'a [u8],
    /// The payload of the last of them.
    pub(super) last: &'a [u8],
    /// Answers of the server.
    pub(super) answers: u64,
    /// Times that it asked for a sign of life.
    pub(super) pings: u64,
}

/// How the last message looked. The next one mostly looks the same: then comparing is enough.
#[derive(Debug, Default)]
struct Shape {
    header: Vec<u8>,
    payload: usize,
    trailer: usize,
}

impl<P: Protocol> Reader<P> {
    pub(super) fn new(protocol: P) -> Self {
        Self { protocol, rest: Vec::new(), shape: Shape::default() }
    }

    /// Puts what is incomplete at the beginning of the buffer, and tells how long it is: what
    /// arrives belongs behind it.
    ///
    /// # Errors
    /// If that fills the buffer.
    pub(super) fn begin(&self, buffer: &mut [u8]) -> Result<usize, LoadError> {
        let length = self.rest.len();
        if length >= buffer.len() {
            let room = buffer.len();
            return Err(LoadError::Malformed(format!("a message larger than {room} bytes")));
        }
        buffer[..length].copy_from_slice(&self.rest);
        Ok(length)
    }

    /// Reads the buffer: what was incomplete, and what has arrived behind it.
    ///
    /// # Errors
    /// If it isn't what the protocol allows.
    pub(super) fn read<'a>(&mut self, buffer: &'a [u8]) -> Result<Seen<'a>, LoadError> {
        let mut seen = Seen::default();
        let mut at = 0;
        loop {
            at += self.shape.skim(&buffer[at..], &mut seen);
            let bytes = &buffer[at..];
            let piece = if bytes.is_empty() { None } else { self.protocol.read(bytes)? };
            let Some(piece) = piece.filter(|piece| piece.length() <= bytes.len()) else { break };
            match piece {
                Piece::Message { header, payload, trailer } => {
                    self.shape = Shape { header: bytes[..header].to_vec(), payload, trailer };
                    // The next round takes it.
                    continue;
                }
                Piece::Answer { .. } => seen.answers += 1,
                Piece::Ping { .. } => seen.pings += 1,
                Piece::Noise { .. } => {}
            }
            at += piece.length();
        }
        self.rest.clear();
        self.rest.extend_from_slice(&buffer[at..]);
        Ok(seen)
    }
}

impl Shape {
    /// Takes the messages at the beginning of `bytes` that are whole and look like this, and tells
    /// how many bytes they have.
    fn skim<'a>(&self, bytes: &'a [u8], seen: &mut Seen<'a>) -> usize {
        let Self { header, payload, trailer } = self;
        let length = header.len() + payload + trailer;
        if header.is_empty() {
            return 0;
        }
        let alike = bytes.chunks_exact(length).take_while(|message| message.starts_with(header));
        let count = alike.count();
        if count > 0 {
            let end = count * length;
            if seen.count == 0 {
                seen.first = &bytes[header.len()..][..*payload];
            }
            seen.last = &bytes[end - trailer - payload..end - trailer];
            seen.count += count as u64;
        }
        count * length
    }
}
