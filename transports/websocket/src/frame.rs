//! Writes frame headers (RFC 6455 §5.2).

use crate::mask::apply_mask;
use crate::reader::Role;

/// What a frame that we write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Opcode {
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

impl Opcode {
    /// The opcode of messages.
    pub(crate) fn of_messages(text: bool) -> Self {
        if text { Self::Text } else { Self::Binary }
    }
}

/// The longest header, in bytes.
const HEADER_BYTES_MAX: usize = 14;
/// The bit that says that a frame is the last of its message: ours are always.
const FINAL: u8 = 0x80;
/// The bit that says that a mask follows the length.
const MASKED: u8 = 0x80;

/// A header with its mask, ready to be written.
#[derive(Debug)]
pub(crate) struct Header {
    bytes: [u8; HEADER_BYTES_MAX],
    length: usize,
    mask: Option<[u8; 4]>,
}

impl Header {
    /// Makes the header of a whole message or control frame, with a new mask if a client writes.
    pub(crate) fn new(role: Role, opcode: Opcode, payload_bytes: usize) -> Self {
        let mask = match role {
            Role::Server => None,
            // From a strong source of entropy, new for each frame (RFC 6455 §5.3).
            Role::Client => Some(rand::random()),
        };
        let mut header = Self { bytes: [0; HEADER_BYTES_MAX], length: 0, mask };
        header.push(&[FINAL | opcode as u8]);
        header.push_length(payload_bytes, if mask.is_some() { MASKED } else { 0 });
        if let Some(mask) = mask {
            header.push(&mask);
        }
        header
    }

    fn push_length(&mut self, bytes: usize, masked: u8) {
        match bytes {
            0..=125 => self.push(&[masked | bytes as u8]),
            126..=0xFFFF => {
                self.push(&[masked | 126]);
                self.push(&(bytes as u16).to_be_bytes());
            }
            _ => {
                self.push(&[masked | 127]);
                self.push(&(bytes as u64).to_be_bytes());
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..][..bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Whether the payload is to be written through [`Header::append_to`], which masks it.
    pub(crate) fn is_masked(&self) -> bool {
        self.mask.is_some()
    }

    /// Appends the whole frame.
    pub(crate) fn append_to(&self, frame: &mut Vec<u8>, payload: &[u8]) {
        frame.reserve(self.length + payload.len());
        frame.extend_from_slice(self.as_slice());
        let start = frame.len();
        frame.extend_from_slice(payload);
        if let Some(mask) = self.mask {
            apply_mask(&mut frame[start..], mask, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_fewest_bytes() {
        for (payload, header) in [(125, 2), (126, 4), (0xFFFF, 4), (0x1_0000, 10)] {
            let written = Header::new(Role::Server, Opcode::Binary, payload);
            assert_eq!(written.as_slice().len(), header, "payload of {payload}");
            let written = Header::new(Role::Client, Opcode::Binary, payload);
            assert_eq!(written.as_slice().len(), header + 4, "payload of {payload}");
        }
    }
}
