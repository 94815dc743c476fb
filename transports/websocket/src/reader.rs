//! Reads WebSocket frames out of bytes that arrived, wherever these were cut.
//!
//! Pure: bytes in, events out. It exists because ten thousand idle connections shall not own ten
//! thousand buffers. Bytes are read into memory that is only lent, unmasked there and handed on in
//! place; a reader keeps something of its own only while a frame or a message is incomplete.
//!
//! Its invariant: cutting the same bytes differently gives the same events and the same error.

mod error;
mod frame;
mod open;

pub use error::ReadError;

use frame::{Frame, Kind};
use open::Open;

/// What a reader lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Which end of the connection reads.
    pub role: Role,
    /// Which kinds of messages are spoken.
    pub kinds: Kinds,
    /// The longest message, in bytes, over all its fragments.
    pub message_bytes_max: usize,
}

/// Which end of a connection reads or writes: the client's frames are masked, the server's are not
/// (RFC 6455 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The end that was dialled.
    Server,
    /// The end that dialled.
    Client,
}

/// Which kinds of messages are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// Text messages alone.
    Text,
    /// Binary messages alone.
    Binary,
    /// Either, message by message.
    Either,
}

/// Something complete that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole message, put together from its fragments. Text is valid UTF-8.
    Message {
        /// Whether it came as text.
        text: bool,
        /// What is in it.
        bytes: &'a [u8],
    },
    /// A ping, to be answered with a pong of the same bytes (at most 125).
    Ping(&'a [u8]),
    /// A pong, asked for or not.
    Pong(&'a [u8]),
    /// The closing word, after which nothing is read any more.
    Close {
        /// The status code (RFC 6455 §7.4), if there is one.
        code: Option<u16>,
        /// The sentence for people, possibly empty.
        text: &'a str,
    },
}

/// Reads frames; see the [module](self).
///
/// # Bounds
/// Owns at most one message of [`Rules::message_bytes_max`] and one control frame, and only as much
/// of them as has arrived: a length that is merely announced allocates nothing. Between frames it
/// owns nothing.
#[derive(Debug)]
pub struct Reader {
    rules: Rules,
    /// What has begun and isn't complete.
    open: Option<Box<Open>>,
    ended: bool,
}

impl Reader {
    /// Makes a reader at the beginning of a connection.
    pub fn new(rules: Rules) -> Self {
        Self { rules, open: None, ended: false }
    }

    /// Whether a close frame was read or a rule was broken: nothing more will come.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Bytes that it keeps of an incomplete frame or message.
    pub fn held_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.held_bytes())
    }

    /// Reads `bytes`, which are unmasked in place, and hands over what is complete.
    ///
    /// `take` returns whether reading may go on. Returns how many bytes were consumed: all of them,
    /// unless `take` paused or the connection was closed. The rest is to be given again.
    ///
    /// # Errors
    /// The peer broke a rule; what was complete before was handed over. Nothing can be read after
    /// that.
    pub fn read(
        &mut self,
        bytes: &mut [u8],
        take: &mut dyn FnMut(Event<'_>) -> bool,
    ) -> Result<usize, ReadError> {
        let mut at = 0;
        while at < bytes.len() && !self.ended {
            match self.step(&mut bytes[at..], take) {
                Ok((read, go_on)) => {
                    at += read;
                    if !go_on {
                        break;
                    }
                }
                Err(error) => {
                    self.ended = true;
                    self.open = None;
                    return Err(error);
                }
            }
        }
        Ok(at)
    }

    /// Reads at most one frame. Returns what was consumed and whether reading may go on.
    fn step(
        &mut self,
        bytes: &mut [u8],
        take: &mut dyn FnMut(Event<'_>) -> bool,
    ) -> Result<(usize, bool), ReadError> {
        let (head_bytes, frame) = match self.resume_frame() {
            Some(frame) => (0, frame),
            None => match self.read_head(bytes)? {
                (read, Some(frame)) => (read, frame),
                (read, None) => return Ok((read, true)),
            },
        };
        let arrived = frame.missing().min(bytes.len() - head_bytes);
        let payload = &mut bytes[head_bytes..head_bytes + arrived];
        let go_on = self.read_payload(frame, payload, take)?;
        Ok((head_bytes + arrived, go_on))
    }

    fn resume_frame(&mut self) -> Option<Frame> {
        self.open.as_mut()?.frame.take()
    }

    fn read_head(&mut self, bytes: &[u8]) -> Result<(usize, Option<Frame>), ReadError> {
        let (read, frame) = match self.open.as_mut() {
            Some(open) if !open.head.is_empty() => open.head.complete(bytes)?,
            _ => match Frame::parse(bytes)? {
                Some((read, frame)) => (read, Some(frame)),
                None => {
                    self.open.get_or_insert_default().head.begin(bytes);
                    (bytes.len(), None)
                }
            },
        };
        if let Some(frame) = &frame {
            frame.check(&self.rules, self.message().map(|message| message.bytes.len()))?;
        }
        Ok((read, frame))
    }

    fn message(&self) -> Option<&open::Message> {
        self.open.as_ref()?.message.as_ref()
    }

    fn read_payload(
        &mut self,
        mut frame: Frame,
        payload: &mut [u8],
        take: &mut dyn FnMut(Event<'_>) -> bool,
    ) -> Result<bool, ReadError> {
        let from_start = frame.is_untouched();
        frame.unmask(payload);
        let whole = frame.missing() == 0;
        if whole && from_start && self.stands_alone(&frame) {
            let event = frame.event(payload)?;
            self.ended = matches!(event, Event::Close { .. });
            self.forget_if_idle();
            return Ok(take(event));
        }
        let open = self.open.get_or_insert_default();
        if whole || !frame.is_untouched() {
            open.append(&frame, payload)?;
        }
        if !whole {
            open.frame = Some(frame);
            return Ok(true);
        }
        self.finish(&frame, take)
    }

    /// Whether the frame is all there is to its event.
    fn stands_alone(&self, frame: &Frame) -> bool {
        frame.is_control() || (frame.is_final && frame.kind != Kind::Continuation)
    }

    /// Ends a frame whose payload was collected.
    fn finish(
        &mut self,
        frame: &Frame,
        take: &mut dyn FnMut(Event<'_>) -> bool,
    ) -> Result<bool, ReadError> {
        let open = self.open.as_mut().expect("the payload was appended to it");
        let go_on = if frame.is_control() {
            let control = std::mem::take(&mut open.control);
            let event = frame.event(&control)?;
            self.ended = matches!(event, Event::Close { .. });
            take(event)
        } else if frame.is_final {
            let message = open.message.take().expect("the payload was appended to it");
            take(message.event()?)
        } else {
            true
        };
        self.forget_if_idle();
        Ok(go_on)
    }

    fn forget_if_idle(&mut self) {
        if self.open.as_ref().is_some_and(|open| open.is_idle()) {
            self.open = None;
        }
    }
}

#[cfg(test)]
mod tests;
