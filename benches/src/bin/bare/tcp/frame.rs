//! WebSocket frames, as a server writes them: a header in front of bytes that lie there.

use bytes::BytesMut;

/// The longest header of a frame that isn't masked, in bytes (RFC 6455 §5.2).
pub(super) const HEADER_BYTES_MAX: usize = 10;
/// The first byte of frames that are whole messages: final, and binary, close or pong.
pub(super) const BINARY: u8 = 0x82;
pub(super) const CLOSE: u8 = 0x88;
pub(super) const PONG: u8 = 0x8A;

/// Writes the header right in front of the payload, which has [`HEADER_BYTES_MAX`] bytes of room
/// before it. Returns the frame (RFC 6455 §5.2).
pub(super) fn with_header(first: u8, frame: &mut BytesMut) -> &[u8] {
    let payload_bytes = frame.len() - HEADER_BYTES_MAX;
    let mut header = [0; HEADER_BYTES_MAX];
    let header_bytes = match (u8::try_from(payload_bytes), u16::try_from(payload_bytes)) {
        (Ok(bytes @ 0..=125), _) => {
            header[1] = bytes;
            2
        }
        (_, Ok(bytes)) => {
            header[1] = 126;
            header[2..4].copy_from_slice(&bytes.to_be_bytes());
            4
        }
        _ => {
            header[1] = 127;
            header[2..].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
            HEADER_BYTES_MAX
        }
    };
    header[0] = first;
    let start = HEADER_BYTES_MAX - header_bytes;
    frame[start..HEADER_BYTES_MAX].copy_from_slice(&header[..header_bytes]);
    &frame[start..]
}
