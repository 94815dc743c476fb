//! What holds for any frame and for any bytes.
#![allow(missing_docs, reason = "a test")]

#[path = "frames/strategies.rs"]
mod strategies;

use std::borrow::Cow;

use broker_protocol::frame::{Body, BrokerFrame, ClientFrame, Content, Outcome};
use broker_protocol::{Codec, frames_in_packet, message};
use bytes::BytesMut;
use proptest::prelude::*;
use serde_json::value::RawValue;

const LIMIT: usize = 1 << 20;

fn written(codec: Codec, frame: &BrokerFrame<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    codec.write_broker(frame, &mut out);
    out
}

fn written_by_client(codec: Codec, frame: &ClientFrame<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    codec.write_client(frame, &mut out);
    out
}

/// What json keeps of a document: the same in one line, without the blanks around it.
fn in_one_line(body: &mut Body<'_>) {
    if body.content != Content::Json {
        return;
    }
    let text = std::str::from_utf8(&body.payload).ok();
    let document = text.and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    if let Some(document) = document {
        body.payload = Cow::Owned(document.get().replace(['\n', '\r'], " ").into_bytes());
    }
}

fn body_of_client<'f, 'a>(frame: &'f mut ClientFrame<'a>) -> Option<&'f mut Body<'a>> {
    match frame {
        ClientFrame::Publish(frame) => Some(&mut frame.body),
        ClientFrame::Send(frame) => Some(&mut frame.body),
        ClientFrame::Request(frame) => Some(&mut frame.body),
        ClientFrame::Reply(frame) => match &mut frame.outcome {
            Outcome::Answer(body) => Some(body),
            Outcome::Failure(_) => None,
        },
        _ => None,
    }
}

fn body_of_broker<'f, 'a>(frame: &'f mut BrokerFrame<'a>) -> Option<&'f mut Body<'a>> {
    match frame {
        BrokerFrame::Message(frame) => Some(&mut frame.body),
        BrokerFrame::Request(frame) => Some(&mut frame.body),
        BrokerFrame::Reply(frame) => match &mut frame.outcome {
            Outcome::Answer(body) => Some(body),
            Outcome::Failure(_) => None,
        },
        _ => None,
    }
}

proptest! {
    #[test]
    fn any_frame_of_a_client_comes_back_from_both_codecs(frame in strategies::client_frame()) {
        let bytes = written_by_client(Codec::Bincode, &frame);
        let cut = Codec::Bincode.cut(&bytes, LIMIT).unwrap().expect("whole");
        prop_assert_eq!(cut.taken, bytes.len());
        let read = Codec::Bincode.read_client(cut.frame).unwrap();
        prop_assert_eq!(read.as_ref(), Some(&frame));

        let line = written_by_client(Codec::Json, &frame);
        prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let cut = Codec::Json.cut(&line, LIMIT).unwrap().expect("whole");
        prop_assert_eq!(cut.taken, line.len());
        let mut expected = frame.clone();
        body_of_client(&mut expected).map(in_one_line);
        prop_assert_eq!(Codec::Json.read_client(cut.frame).unwrap(), Some(expected));
    }

    #[test]
    fn any_frame_of_the_broker_comes_back_from_both_codecs(frame in strategies::broker_frame()) {
        let bytes = written(Codec::Bincode, &frame);
        let cut = Codec::Bincode.cut(&bytes, LIMIT).unwrap().expect("whole");
        prop_assert_eq!(cut.taken, bytes.len());
        let read = Codec::Bincode.read_broker(cut.frame).unwrap();
        prop_assert_eq!(read.as_ref(), Some(&frame));

        let line = written(Codec::Json, &frame);
        let cut = Codec::Json.cut(&line, LIMIT).unwrap().expect("whole");
        let mut expected = frame.clone();
        body_of_broker(&mut expected).map(in_one_line);
        prop_assert_eq!(Codec::Json.read_broker(cut.frame).unwrap(), Some(expected));
    }

    #[test]
    fn a_message_written_in_parts_equals_the_whole_one(message in strategies::message()) {
        let mut parts = BytesMut::new();
        message::write_parts(&message.topic, message.from.as_deref(), &message.body, &mut parts);
        let mut short = BytesMut::new();
        let (seq, epoch, time) = (message.seq, message.epoch, message.time);
        message::write_frame(seq, epoch, time, &parts, &mut short);
        prop_assert_eq!(short.len(), message::frame_bytes(seq, epoch, time, parts.len()));

        let frame = BrokerFrame::Message(message);
        prop_assert_eq!(&short, &written(Codec::Bincode, &frame));
        let mut line = BytesMut::new();
        message::to_json(&short, &mut line).unwrap();
        prop_assert_eq!(line, written(Codec::Json, &frame));
    }

    #[test]
    fn any_bytes_are_a_frame_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn any_fields_behind_any_type_are_a_frame_or_an_error(
        tag in any::<u8>(),
        fields in proptest::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..60),
    ) {
        let frame = [&[tag][..], &fields].concat();
        let _ = Codec::Bincode.read_client(&frame);
        let _ = Codec::Bincode.read_broker(&frame);
    }

    #[test]
    fn a_frame_with_one_wrong_byte_is_a_frame_or_an_error(
        frame in strategies::client_frame(),
        place in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        for codec in [Codec::Bincode, Codec::Json] {
            let mut bytes = written_by_client(codec, &frame);
            let place = place.index(bytes.len());
            bytes[place] = byte;
            read_all(&bytes);
        }
    }
}

fn read_all(bytes: &[u8]) {
    for codec in [Codec::Bincode, Codec::Json] {
        let _ = codec.cut(bytes, 100);
        for frame in frames_in_packet(codec, bytes, LIMIT).flatten() {
            let _ = codec.read_client(frame);
            let _ = codec.read_broker(frame);
        }
    }
}
