//! The two codecs: frames to bytes and back.

mod binary;
mod cut;
mod error;
mod frames;
mod json;
mod layout;
mod names;
mod number;
mod variants;

use std::fmt;
use std::str::FromStr;

use bytes::BytesMut;

use crate::frame::{BrokerFrame, ClientFrame};

pub use binary::FRAME_BYTES_CEILING;
pub use cut::{Cut, FramesInPacket, frames_in_packet};
pub use error::{DecodeError, Fault};
pub use layout::{HEADERS_MAX, NAMES_MAX};
pub use names::Names;

pub(crate) use frames::MESSAGE;
use layout::Item;
pub(crate) use layout::{read_key, read_topic, write_message_parts};
pub(crate) use number::{Front, number_bytes};

/// How frames become bytes on a link. A link has one, chosen when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Compact: a length, a type and fields in their order (bincode 2, standard configuration).
    Bincode,
    /// For people and scripts: one JSON object on one line.
    Json,
}

/// A name that no codec has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown codec; `bincode` and `json` are spoken here")]
pub struct UnknownCodec;

impl Codec {
    /// The stable name: `bincode` or `json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bincode => "bincode",
            Self::Json => "json",
        }
    }

    /// Whether packets are UTF-8 text.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Json)
    }

    /// Appends one whole frame, with its length in front or its newline behind.
    pub fn write_client(self, frame: &ClientFrame<'_>, out: &mut BytesMut) {
        match self {
            Self::Bincode => cut::write_prefixed(out, |out| frame.write_binary(out)),
            Self::Json => frame.write_json(out),
        }
    }

    /// Appends one whole frame, with its length in front or its newline behind.
    pub fn write_broker(self, frame: &BrokerFrame<'_>, out: &mut BytesMut) {
        match self {
            Self::Bincode => cut::write_prefixed(out, |out| frame.write_binary(out)),
            Self::Json => frame.write_json(out),
        }
    }

    /// How many bytes a frame is that was cut off, its length in front or its newline behind included.
    pub fn framed_bytes(self, frame: &[u8]) -> usize {
        match self {
            Self::Bincode => number_bytes(frame.len() as u64) + frame.len(),
            Self::Json => frame.len() + 1,
        }
    }

    /// Reads a frame that [`Codec::cut`] cut off; `None` for one that is to be skipped, because a
    /// later minor version has it.
    ///
    /// Payload and text are borrowed from `frame` wherever they stand there as they are.
    ///
    /// # Errors
    /// A [`DecodeError`] that names the offence; its [`DecodeError::code`] ends the connection.
    pub fn read_client(self, frame: &[u8]) -> Result<Option<ClientFrame<'_>>, DecodeError> {
        match self {
            Self::Bincode => ClientFrame::read_binary(frame),
            Self::Json => ClientFrame::read_json(frame),
        }
    }

    /// Reads a frame that [`Codec::cut`] cut off; `None` for one that is to be skipped, because a
    /// later minor version has it.
    ///
    /// Payload and text are borrowed from `frame` wherever they stand there as they are.
    ///
    /// # Errors
    /// A [`DecodeError`] that names the offence; its [`DecodeError::code`] ends the connection.
    pub fn read_broker(self, frame: &[u8]) -> Result<Option<BrokerFrame<'_>>, DecodeError> {
        match self {
            Self::Bincode => BrokerFrame::read_binary(frame),
            Self::Json => BrokerFrame::read_json(frame),
        }
    }
}

impl FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        match name {
            "bincode" => Ok(Self::Bincode),
            "json" => Ok(Self::Json),
            _ => Err(UnknownCodec),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
