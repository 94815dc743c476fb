//! Finding where frames end: lengths are judged before anything is kept or decoded.

use bytes::{BufMut as _, BytesMut};

use super::binary;
use super::number::{number_bytes, overwrite_number, read_number};
use super::{Codec, DecodeError};

/// One frame, cut from the bytes in front of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut<'a> {
    /// Type and fields (bincode), or the text of the object (json).
    pub frame: &'a [u8],
    /// How many bytes to go on, the length in front or the newline behind included.
    pub taken: usize,
}

impl Codec {
    /// Cuts the first frame off `bytes`, which may go on or end anywhere; `None` while there is no
    /// whole one.
    ///
    /// The limit is on type and fields, or on the line without its end, and is judged as soon as
    /// the length is known, before there is more than that of the frame;
    /// [`FRAME_BYTES_CEILING`](super::FRAME_BYTES_CEILING) holds whatever limit is given. A blank
    /// line of json is cut like another, and skipped by reading it.
    ///
    /// # Errors
    /// [`DecodeError::FrameTooLarge`], [`DecodeError::InvalidLength`].
    pub fn cut(self, bytes: &[u8], frame_bytes_max: usize) -> Result<Option<Cut<'_>>, DecodeError> {
        let limit = frame_bytes_max.min(binary::FRAME_BYTES_CEILING);
        match self {
            Self::Bincode => cut_prefixed(bytes, limit),
            Self::Json => cut_line(bytes, limit, Ending::Newline),
        }
    }

    fn cut_in_packet(self, bytes: &[u8], limit: usize) -> Result<Option<Cut<'_>>, DecodeError> {
        match self {
            Self::Bincode => cut_prefixed(bytes, limit),
            Self::Json => cut_line(bytes, limit, Ending::NewlineOrEnd),
        }
    }
}

/// What ends a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Newline,
    NewlineOrEnd,
}

fn cut_prefixed(bytes: &[u8], limit: usize) -> Result<Option<Cut<'_>>, DecodeError> {
    let prefix = read_number(bytes).map_err(|_| DecodeError::InvalidLength)?;
    let Some((length, start)) = prefix else { return Ok(None) };
    if length > limit as u64 {
        return Err(DecodeError::FrameTooLarge { bytes: length, limit });
    }
    let taken = start + length as usize;
    Ok(bytes.get(start..taken).map(|frame| Cut { frame, taken }))
}

fn cut_line(bytes: &[u8], limit: usize, ending: Ending) -> Result<Option<Cut<'_>>, DecodeError> {
    // One byte beyond the limit is looked at: the newline of a frame that just fits.
    let looked_at = &bytes[..bytes.len().min(limit.saturating_add(1))];
    match memchr::memchr(b'\n', looked_at) {
        Some(end) => Ok(Some(Cut { frame: &bytes[..end], taken: end + 1 })),
        None if bytes.len() > limit => {
            Err(DecodeError::FrameTooLarge { bytes: bytes.len() as u64, limit })
        }
        None if ending == Ending::NewlineOrEnd && !bytes.is_empty() => {
            Ok(Some(Cut { frame: bytes, taken: bytes.len() }))
        }
        None => Ok(None),
    }
}

/// Iterates over the frames of a packet that has an end of its own, as a WebSocket message has:
/// in json the last newline may be missing, in bincode the last frame must be whole.
///
/// Blank lines of json come out too, and are skipped by reading them.
/// Ends after the first error.
pub fn frames_in_packet(codec: Codec, packet: &[u8], frame_bytes_max: usize) -> FramesInPacket<'_> {
    let limit = frame_bytes_max.min(binary::FRAME_BYTES_CEILING);
    FramesInPacket { codec, rest: packet, limit }
}

/// See [`frames_in_packet`].
#[derive(Debug, Clone)]
pub struct FramesInPacket<'a> {
    codec: Codec,
    rest: &'a [u8],
    limit: usize,
}

impl<'a> Iterator for FramesInPacket<'a> {
    type Item = Result<&'a [u8], DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.rest);
        match self.codec.cut_in_packet(rest, self.limit) {
            Ok(Some(cut)) => {
                self.rest = &rest[cut.taken..];
                Some(Ok(cut.frame))
            }
            Ok(None) if rest.is_empty() => None,
            Ok(None) => Some(Err(DecodeError::TrailingBytes { bytes: rest.len() })),
            Err(error) => Some(Err(error)),
        }
    }
}

/// Appends a frame with its length in front.
pub(super) fn write_prefixed(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    // Most frames are short: one byte is kept free, and a longer prefix moves the frame.
    let start = out.len();
    out.put_u8(0);
    write(out);
    let length = out.len() - start - 1;
    let prefix_bytes = number_bytes(length as u64);
    if prefix_bytes > 1 {
        out.put_bytes(0, prefix_bytes - 1);
        out.copy_within(start + 1..start + 1 + length, start + prefix_bytes);
    }
    overwrite_number(length as u64, &mut out[start..]);
}
