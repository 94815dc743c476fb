//! The short way for `message` frames, which the broker encodes once for everybody.
//!
//! What a publisher gives ([`write_parts`]) is encoded before the order is known; sequence, epoch
//! and time come in front of it later ([`write_frame`]) without decoding anything. The result is
//! byte for byte what [`Codec::write_broker`](crate::Codec::write_broker) writes. The json form is
//! made from the bincode bytes ([`to_json`]), once per shard.

use std::borrow::Cow;

use bytes::BytesMut;

use crate::codec::{self, Codec, DecodeError, Front, MESSAGE, number_bytes};
use crate::frame::{Body, BrokerFrame, Message};

/// Appends what of a `message` is known before it is sequenced: topic, sender and body.
pub fn write_parts(topic: &str, from: Option<&str>, body: &Body<'_>, out: &mut BytesMut) {
    codec::write_message_parts(topic, from.map(Cow::Borrowed), body, out);
}

/// Appends a whole bincode `message` frame around `parts`.
pub fn write_frame(seq: u64, epoch: u64, time: u64, parts: &[u8], out: &mut BytesMut) {
    let length = inner_bytes(seq, epoch, time, parts.len());
    let mut front = Front::new();
    front.number(length as u64);
    front.byte(MESSAGE);
    [seq, epoch, time].into_iter().for_each(|number| front.number(number));
    out.reserve(front.as_slice().len() + parts.len());
    out.extend_from_slice(front.as_slice());
    out.extend_from_slice(parts);
}

/// The key in what [`write_parts`] wrote.
///
/// # Errors
/// If something else wrote it.
pub fn key(parts: &[u8]) -> Result<Option<&str>, DecodeError> {
    match codec::read_key(parts)? {
        Some(Cow::Borrowed(key)) => Ok(Some(key)),
        _ => Ok(None),
    }
}

/// The topic in what [`write_parts`] wrote.
///
/// # Errors
/// If something else wrote it.
pub fn topic(parts: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    codec::read_topic(parts)
}

/// What is in one bincode `message` frame, given with its length in front. The payload isn't copied.
///
/// # Errors
/// If it isn't one whole bincode `message` frame.
pub fn read(bincode_frame: &[u8]) -> Result<Message<'_>, DecodeError> {
    let cut = Codec::Bincode.cut(bincode_frame, codec::FRAME_BYTES_CEILING)?;
    match Codec::Bincode.read_broker(cut.ok_or(DecodeError::Empty)?.frame)? {
        Some(BrokerFrame::Message(message)) => Ok(message),
        _ => Err(DecodeError::Empty),
    }
}

/// How many bytes [`write_frame`] appends.
pub const fn frame_bytes(seq: u64, epoch: u64, time: u64, parts_len: usize) -> usize {
    let length = inner_bytes(seq, epoch, time, parts_len);
    number_bytes(length as u64) + length
}

const fn inner_bytes(seq: u64, epoch: u64, time: u64, parts_len: usize) -> usize {
    1 + number_bytes(seq) + number_bytes(epoch) + number_bytes(time) + parts_len
}

/// Whether a frame that was cut off is a `message`, as its first bytes show: it need not be read to
/// be counted. A json frame of another writer may be one all the same.
pub fn is_one(codec: Codec, frame: &[u8]) -> bool {
    match codec {
        Codec::Bincode => frame.first() == Some(&MESSAGE),
        Codec::Json => frame.starts_with(br#"{"type":"message""#),
    }
}

/// Appends the json form of one bincode `message` frame, given with its length in front.
///
/// # Errors
/// If it isn't one whole bincode `message` frame.
pub fn to_json(bincode_frame: &[u8], out: &mut BytesMut) -> Result<(), DecodeError> {
    broker_to_json(bincode_frame, out)
}

/// Appends the json form of one bincode frame of the broker, given with its length in front.
///
/// # Errors
/// If it isn't one whole bincode frame.
pub fn broker_to_json(bincode_frame: &[u8], out: &mut BytesMut) -> Result<(), DecodeError> {
    let codec = Codec::Bincode;
    let cut = codec.cut(bincode_frame, codec::FRAME_BYTES_CEILING)?.ok_or(DecodeError::Empty)?;
    let frame: BrokerFrame<'_> = codec.read_broker(cut.frame)?.ok_or(DecodeError::Empty)?;
    Codec::Json.write_broker(&frame, out);
    Ok(())
}
