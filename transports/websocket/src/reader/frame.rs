//! One frame: its header, and the rules that concern it alone.

use std::io::Cursor;

use tungstenite::Error;
use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::{Event, Kinds, ReadError, Role, Rules};
use crate::mask::apply_mask;

/// The longest payload of a control frame, in bytes (RFC 6455 §5.5).
pub(super) const CONTROL_BYTES_MAX: usize = 125;

/// What a frame is (RFC 6455 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// A frame whose header was read and whose payload is arriving.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) is_final: bool,
    reserved_bit: bool,
    mask: Option<[u8; 4]>,
    payload_bytes: u64,
    arrived: u64,
}

impl Frame {
    /// Reads a header. Returns it with its length, or `None` if more bytes are needed.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(usize, Self)>, ReadError> {
        let mut cursor = Cursor::new(bytes);
        let (header, payload_bytes) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(None),
            Err(Error::Protocol(ProtocolError::InvalidOpcode(opcode))) => {
                return Err(ReadError::Opcode { opcode });
            }
            Err(_) => return Err(ReadError::Length),
        };
        let head_bytes = cursor.position() as usize;
        // "The minimal number of bytes MUST be used", and "the most significant bit MUST be 0"
        // (RFC 6455 §5.2).
        if head_bytes != header.len(payload_bytes) || payload_bytes >> 63 != 0 {
            return Err(ReadError::Length);
        }
        Ok(Some((head_bytes, Self::new(&header, payload_bytes)?)))
    }

    fn new(header: &FrameHeader, payload_bytes: u64) -> Result<Self, ReadError> {
        let kind = match header.opcode {
            OpCode::Data(Data::Continue) => Kind::Continuation,
            OpCode::Data(Data::Text) => Kind::Text,
            OpCode::Data(Data::Binary) => Kind::Binary,
            OpCode::Control(Control::Close) => Kind::Close,
            OpCode::Control(Control::Ping) => Kind::Ping,
            OpCode::Control(Control::Pong) => Kind::Pong,
            OpCode::Data(Data::Reserved(opcode)) | OpCode::Control(Control::Reserved(opcode)) => {
                return Err(ReadError::Opcode { opcode });
            }
        };
        Ok(Self {
            kind,
            is_final: header.is_final,
            reserved_bit: header.rsv1 || header.rsv2 || header.rsv3,
            mask: header.mask,
            payload_bytes,
            arrived: 0,
        })
    }

    /// Holds the frame against the rules. `begun` is the length so far of the message that it
    /// comes in the middle of.
    pub(super) fn check(&self, rules: &Rules, begun: Option<usize>) -> Result<(), ReadError> {
        if self.reserved_bit {
            return Err(ReadError::ReservedBit);
        }
        match (rules.role, self.mask) {
            (Role::Server, None) => return Err(ReadError::Unmasked),
            (Role::Client, Some(_)) => return Err(ReadError::Masked),
            _ => {}
        }
        if self.is_control() { self.check_control() } else { self.check_data(rules, begun) }
    }

    fn check_control(&self) -> Result<(), ReadError> {
        if !self.is_final {
            return Err(ReadError::ControlFragmented);
        }
        if self.payload_bytes > CONTROL_BYTES_MAX as u64 {
            return Err(ReadError::ControlTooLarge { bytes: self.payload_bytes });
        }
        Ok(())
    }

    fn check_data(&self, rules: &Rules, begun: Option<usize>) -> Result<(), ReadError> {
        match (self.kind, begun, rules.kinds) {
            (Kind::Continuation, None, _) => return Err(ReadError::NothingToContinue),
            (Kind::Continuation, Some(_), _) => {}
            (_, Some(_), _) => return Err(ReadError::MessageInMessage),
            (Kind::Binary, None, Kinds::Text) => return Err(ReadError::NotText),
            (Kind::Text, None, Kinds::Binary) => return Err(ReadError::NotBinary),
            _ => {}
        }
        let bytes = self.payload_bytes.saturating_add(begun.unwrap_or(0) as u64);
        if bytes > rules.message_bytes_max as u64 {
            return Err(ReadError::TooLarge { bytes, limit: rules.message_bytes_max });
        }
        Ok(())
    }

    pub(super) fn is_control(&self) -> bool {
        matches!(self.kind, Kind::Close | Kind::Ping | Kind::Pong)
    }

    /// Whether none of its payload has been seen.
    pub(super) fn is_untouched(&self) -> bool {
        self.arrived == 0
    }

    /// Bytes of its payload that haven't arrived.
    pub(super) fn missing(&self) -> usize {
        // Checked against the limits, which are of this type.
        (self.payload_bytes - self.arrived) as usize
    }

    /// Counts the next piece of its payload as arrived, and unmasks it in place.
    pub(super) fn unmask(&mut self, piece: &mut [u8]) {
        if let Some(mask) = self.mask {
            apply_mask(piece, mask, (self.arrived % 4) as usize);
        }
        self.arrived += piece.len() as u64;
    }

    /// What the frame says, if it says all of it.
    pub(super) fn event<'a>(&self, payload: &'a [u8]) -> Result<Event<'a>, ReadError> {
        Ok(match self.kind {
            Kind::Ping => Event::Ping(payload),
            Kind::Pong => Event::Pong(payload),
            Kind::Close => close(payload)?,
            Kind::Binary | Kind::Continuation => Event::Message { text: false, bytes: payload },
            Kind::Text => {
                str::from_utf8(payload).map_err(|_| ReadError::Utf8)?;
                Event::Message { text: true, bytes: payload }
            }
        })
    }
}

/// Reads the body of a close frame (RFC 6455 §5.5.1).
fn close(payload: &[u8]) -> Result<Event<'_>, ReadError> {
    match payload {
        [] => Ok(Event::Close { code: None, text: "" }),
        [_] => Err(ReadError::CloseBody),
        [high, low, text @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !may_be_sent(code) {
                return Err(ReadError::CloseCode { code });
            }
            let text = str::from_utf8(text).map_err(|_| ReadError::Utf8)?;
            Ok(Event::Close { code: Some(code), text })
        }
    }
}

/// Whether a close frame may carry the code: those that are registered and not only for local use,
/// and those that libraries and applications may make up (RFC 6455 §7.4).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
