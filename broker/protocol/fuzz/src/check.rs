//! What holds for any bytes that a peer may send; run by the fuzzer, and over its corpus by the
//! ordinary tests.
//!
//! Bytes are cut and read without a panic, as a stream and as a packet, and what was read settles
//! at once: written and read again it is written the same, in both codecs.

use broker_protocol::frame::{BrokerFrame, ClientFrame};
use broker_protocol::{Codec, frames_in_packet, message};
use bytes::BytesMut;

const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Checks the decoder that brokers use.
pub fn client_frames(bytes: &[u8]) {
    for codec in [Codec::Bincode, Codec::Json] {
        for frame in frames(codec, bytes) {
            if let Ok(Some(frame)) = codec.read_client(frame) {
                settles(&written_by_client(Codec::Bincode, &frame), |line| {
                    again_by_client(Codec::Bincode, line)
                });
                settles(&written_by_client(Codec::Json, &frame), |line| {
                    again_by_client(Codec::Json, line)
                });
            }
        }
    }
}

/// Checks the decoder that clients use.
pub fn broker_frames(bytes: &[u8]) {
    for codec in [Codec::Bincode, Codec::Json] {
        for frame in frames(codec, bytes) {
            if let Ok(Some(frame)) = codec.read_broker(frame) {
                let bincode = written_by_broker(Codec::Bincode, &frame);
                let json = written_by_broker(Codec::Json, &frame);
                settles(&bincode, |bytes| again_by_broker(Codec::Bincode, bytes));
                settles(&json, |line| again_by_broker(Codec::Json, line));
                let mut transcoded = BytesMut::new();
                message::broker_to_json(&bincode, &mut transcoded).expect("one whole frame");
                assert_eq!(transcoded, json, "json made from bincode");
            }
        }
    }
}

/// The frames of a packet, after the same bytes were cut as a stream with the same result.
fn frames(codec: Codec, bytes: &[u8]) -> Vec<&[u8]> {
    let frames: Vec<&[u8]> = frames_in_packet(codec, bytes, FRAME_BYTES_MAX).flatten().collect();
    let mut rest = bytes;
    let mut expected = frames.iter();
    while let Ok(Some(cut)) = codec.cut(rest, FRAME_BYTES_MAX) {
        assert!(0 < cut.taken && cut.taken <= rest.len(), "a cut goes on, and not too far");
        assert_eq!(Some(&cut.frame), expected.next(), "streams are cut as packets are");
        rest = &rest[cut.taken..];
    }
    frames
}

fn settles(written: &BytesMut, again: impl Fn(&[u8]) -> BytesMut) {
    assert_eq!(again(written), *written, "what is written is read and written the same");
}

fn written_by_client(codec: Codec, frame: &ClientFrame<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    codec.write_client(frame, &mut out);
    out
}

fn written_by_broker(codec: Codec, frame: &BrokerFrame<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    codec.write_broker(frame, &mut out);
    out
}

fn again_by_client(codec: Codec, bytes: &[u8]) -> BytesMut {
    let cut = codec.cut(bytes, usize::MAX).expect("own bytes").expect("a whole frame");
    let frame = codec.read_client(cut.frame).expect("own bytes").expect("a known frame");
    written_by_client(codec, &frame)
}

fn again_by_broker(codec: Codec, bytes: &[u8]) -> BytesMut {
    let cut = codec.cut(bytes, usize::MAX).expect("own bytes").expect("a whole frame");
    let frame = codec.read_broker(cut.frame).expect("own bytes").expect("a known frame");
    written_by_broker(codec, &frame)
}
