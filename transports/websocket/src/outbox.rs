//! The way out: frames one after the other, never one inside another.

mod rest;
mod together;

use std::io;

use bytes::{Buf as _, Bytes};
use transport_api::{Packet, Sent};

use crate::frame::{Header, Opcode};
use crate::reader::Role;
use crate::stream::{Stream, after};

/// Writes frames to a stream and keeps what it didn't take.
///
/// # Bounds
/// Keeps the rest of one frame, one pong and one close frame; between frames it owns nothing.
#[derive(Debug)]
pub(crate) struct Outbox {
    role: Role,
    /// What is left of a frame that has begun to leave.
    rest: Bytes,
    /// Control frames that wait for the end of the frame that is leaving.
    waiting: Option<Box<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The newest ping alone is owed an answer (RFC 6455 §5.5.3).
    pong: Option<Vec<u8>>,
    close: Option<Vec<u8>>,
}

impl Outbox {
    pub(crate) fn new(role: Role) -> Self {
        Self { role, rest: Bytes::new(), waiting: None }
    }

    /// Whether nothing is kept back here.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.waiting.is_none()
    }

    /// Forgets what is kept back, when there is nobody to take it.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.role);
    }

    /// Bytes of the frame that has begun to leave.
    pub(crate) fn unsent(&self) -> usize {
        self.rest.len()
    }

    /// Puts an answer to a ping in line, in the place of one that waits there.
    pub(crate) fn queue_pong(&mut self, payload: &[u8]) {
        self.waiting.get_or_insert_default().pong = Some(payload.to_vec());
    }

    /// Puts the closing word in line. It is the last frame.
    pub(crate) fn queue_close(&mut self, code: Option<u16>, text: &str) {
        let mut payload = Vec::new();
        if let Some(code) = code {
            payload.extend_from_slice(&code.to_be_bytes());
            payload.extend_from_slice(text.as_bytes());
        }
        self.waiting.get_or_insert_default().close = Some(payload);
    }

    /// Writes a frame after all that waits, without blocking.
    pub(crate) fn send(
        &mut self,
        stream: &mut Stream,
        opcode: Opcode,
        packet: Packet<'_>,
    ) -> io::Result<Sent> {
        if !self.flush(stream)? {
            return Ok(Sent::Refused);
        }
        let header = Header::new(self.role, opcode, packet.len());
        let frame_bytes = header.as_slice().len() + packet.len();
        let taken = if frame_bytes <= together::BYTES_MAX {
            together::with_frame(&header, packet, |frame| {
                self.write(stream, (&header, packet), frame, &[])
            })?
        } else if header.is_masked() {
            let mut frame = Vec::new();
            header.append_to(&mut frame, packet.as_slice());
            self.write(stream, (&header, packet), &frame, &[])?
        } else {
            self.write(stream, (&header, packet), header.as_slice(), packet.as_slice())?
        };
        Ok(match taken {
            0 => Sent::Refused,
            taken if taken == frame_bytes && stream.is_flushed() => Sent::Taken,
            _ => Sent::TakenAndBlocked,
        })
    }

    /// Writes the frame of a packet in two pieces and keeps what is left of it, if it has begun to
    /// leave.
    fn write(
        &mut self,
        stream: &mut Stream,
        (header, packet): (&Header, Packet<'_>),
        first: &[u8],
        second: &[u8],
    ) -> io::Result<usize> {
        let taken = stream.try_write(first, second)?;
        if taken > 0 && taken < first.len() + second.len() {
            self.rest = rest::of(header, packet, after(first, second, taken));
        }
        Ok(taken)
    }

    /// Moves on what is kept back, without blocking. Returns whether nothing is left.
    pub(crate) fn flush(&mut self, stream: &mut Stream) -> io::Result<bool> {
        loop {
            if !stream.try_flush()? {
                return Ok(false);
            }
            if self.rest.is_empty() && !self.begin_next() {
                return Ok(true);
            }
            let taken = stream.try_write(&self.rest, &[])?;
            if taken == 0 {
                return Ok(false);
            }
            self.rest.advance(taken);
            if self.rest.is_empty() {
                self.rest = Bytes::new();
            }
        }
    }

    /// Begins with the next control frame in line.
    fn begin_next(&mut self) -> bool {
        let Some(waiting) = &mut self.waiting else { return false };
        let pong = waiting.pong.take().map(|payload| (Opcode::Pong, payload));
        let next = pong.or_else(|| waiting.close.take().map(|payload| (Opcode::Close, payload)));
        let Some((opcode, payload)) = next else {
            self.waiting = None;
            return false;
        };
        let mut frame = Vec::new();
        Header::new(self.role, opcode, payload.len()).append_to(&mut frame, &payload);
        self.rest = frame.into();
        true
    }
}
