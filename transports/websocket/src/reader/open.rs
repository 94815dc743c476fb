//! What has begun to arrive and isn't complete.

use super::frame::{Frame, Kind};
use super::{Event, ReadError};

/// The longest header of a frame, in bytes (RFC 6455 §5.2).
const HEAD_BYTES_MAX: usize = 14;

/// What has begun to arrive and isn't complete: at most one of each.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) head: Head,
    pub(super) frame: Option<Frame>,
    /// The payload of a control frame.
    pub(super) control: Vec<u8>,
    pub(super) message: Option<Message>,
}

impl Open {
    /// Whether nothing is kept.
    pub(super) fn is_idle(&self) -> bool {
        self.head.is_empty()
            && self.frame.is_none()
            && self.control.is_empty()
            && self.message.is_none()
    }

    pub(super) fn held_bytes(&self) -> usize {
        let message = self.message.as_ref().map_or(0, |message| message.bytes.len());
        usize::from(self.head.length) + self.control.len() + message
    }

    /// Keeps a piece of a frame's payload. Text is checked as it comes, so that nonsense ends the
    /// connection at its first byte and not at its last.
    pub(super) fn append(&mut self, frame: &Frame, piece: &[u8]) -> Result<(), ReadError> {
        if frame.is_control() {
            self.control.extend_from_slice(piece);
            return Ok(());
        }
        let message = self.message.get_or_insert_with(|| Message::new(frame.kind == Kind::Text));
        message.bytes.extend_from_slice(piece);
        message.check_text()
    }
}

/// The beginning of a header.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: [u8; HEAD_BYTES_MAX],
    length: u8,
}

impl Head {
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Keeps the whole of `bytes`, which are fewer than a header has.
    pub(super) fn begin(&mut self, bytes: &[u8]) {
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.length = bytes.len() as u8;
    }

    /// Takes from `bytes` until the header is complete. Returns how many it took.
    pub(super) fn complete(&mut self, bytes: &[u8]) -> Result<(usize, Option<Frame>), ReadError> {
        for (at, byte) in bytes.iter().enumerate() {
            self.bytes[usize::from(self.length)] = *byte;
            self.length += 1;
            if let Some((_, frame)) = Frame::parse(&self.bytes[..usize::from(self.length)])? {
                self.length = 0;
                return Ok((at + 1, Some(frame)));
            }
        }
        Ok((bytes.len(), None))
    }
}

/// A message that has begun.
#[derive(Debug)]
pub(super) struct Message {
    text: bool,
    pub(super) bytes: Vec<u8>,
    /// Up to here it is known to be UTF-8, if it is text.
    checked: usize,
}

impl Message {
    fn new(text: bool) -> Self {
        Self { text, bytes: Vec::new(), checked: 0 }
    }

    fn check_text(&mut self) -> Result<(), ReadError> {
        if !self.text {
            return Ok(());
        }
        match str::from_utf8(&self.bytes[self.checked..]) {
            Ok(text) => self.checked += text.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(ReadError::Utf8),
        }
        Ok(())
    }

    /// What the message says, now that it is complete.
    pub(super) fn event(&self) -> Result<Event<'_>, ReadError> {
        if self.text && self.checked < self.bytes.len() {
            return Err(ReadError::Utf8);
        }
        Ok(Event::Message { text: self.text, bytes: &self.bytes })
    }
}
