//! Cutting frames out of packets and streams, and what is refused there.
#![allow(missing_docs, reason = "a test")]

use broker_protocol::frame::{Body, BrokerFrame, ClientFrame, Message, Ping, Pong};
use broker_protocol::{
    Codec, DecodeError, ErrorCode, FRAME_BYTES_CEILING, Names, frames_in_packet,
};
use bytes::BytesMut;

const LIMIT: usize = 1000;

fn pings(codec: Codec, marks: &[u64]) -> BytesMut {
    let mut out = BytesMut::new();
    for mark in marks {
        codec.write_client(&ClientFrame::Ping(Ping { mark: Some(*mark) }), &mut out);
    }
    out
}

fn marks(codec: Codec, packet: &[u8]) -> Result<Vec<u64>, DecodeError> {
    let mut marks = Vec::new();
    for frame in frames_in_packet(codec, packet, LIMIT) {
        if let Some(ClientFrame::Ping(ping)) = codec.read_client(frame?)? {
            marks.extend(ping.mark);
        }
    }
    Ok(marks)
}

#[test]
fn a_packet_holds_any_number_of_frames() {
    for codec in [Codec::Bincode, Codec::Json] {
        assert_eq!(marks(codec, b""), Ok(vec![]));
        assert_eq!(marks(codec, &pings(codec, &[1])), Ok(vec![1]));
        assert_eq!(marks(codec, &pings(codec, &[1, 2, 300])), Ok(vec![1, 2, 300]));
    }
}

#[test]
fn a_stream_cut_at_any_byte_waits_for_the_rest() {
    for codec in [Codec::Bincode, Codec::Json] {
        let bytes = pings(codec, &[70_000]);
        for end in 0..bytes.len() {
            assert_eq!(codec.cut(&bytes[..end], LIMIT), Ok(None), "{codec} cut at {end}");
        }
        let cut = codec.cut(&bytes, LIMIT).unwrap().expect("whole");
        assert_eq!(cut.taken, bytes.len());
    }
}

#[test]
fn the_last_newline_of_a_json_packet_may_be_missing_and_blank_lines_are_skipped() {
    let packet = b"\n\r\n{\"type\":\"ping\",\"mark\":1}\r\n \n {\"mark\":2,\"type\":\"ping\"} ";
    assert_eq!(marks(Codec::Json, packet), Ok(vec![1, 2]));
}

#[test]
fn bytes_after_the_last_whole_frame_of_a_bincode_packet_are_refused() {
    let mut packet = pings(Codec::Bincode, &[1]);
    packet.extend_from_slice(&[9, 1]);
    assert_eq!(marks(Codec::Bincode, &packet), Err(DecodeError::TrailingBytes { bytes: 2 }));
}

#[test]
fn a_bincode_frame_at_the_limit_passes_and_one_byte_more_is_refused_by_its_length_alone() {
    // 251 = two bytes follow; the frame itself hasn't arrived.
    assert_eq!(Codec::Bincode.cut(&[251, 0xe8, 0x03], LIMIT), Ok(None));
    let refused = Codec::Bincode.cut(&[251, 0xe9, 0x03], LIMIT).unwrap_err();
    assert_eq!(refused, DecodeError::FrameTooLarge { bytes: 1001, limit: LIMIT });
    assert_eq!(refused.code(), ErrorCode::FrameTooLarge);
}

#[test]
fn a_json_line_at_the_limit_passes_and_one_byte_more_is_refused_before_it_ends() {
    let mut line = vec![b' '; LIMIT];
    assert_eq!(Codec::Json.cut(&line, LIMIT), Ok(None));
    line.push(b'\n');
    assert_eq!(Codec::Json.cut(&line, LIMIT).unwrap().expect("whole").taken, LIMIT + 1);
    line[LIMIT] = b' ';
    let refused = Codec::Json.cut(&line, LIMIT).unwrap_err();
    assert_eq!(refused, DecodeError::FrameTooLarge { bytes: 1001, limit: LIMIT });
}

#[test]
fn no_limit_is_above_the_ceiling() {
    let huge = [253, 255, 255, 255, 255, 255, 255, 255, 255];
    let refused = Codec::Bincode.cut(&huge, usize::MAX).unwrap_err();
    assert_eq!(refused, DecodeError::FrameTooLarge { bytes: u64::MAX, limit: FRAME_BYTES_CEILING });
}

#[test]
fn a_length_that_is_no_varint_is_refused() {
    for marker in [254, 255] {
        let bytes = [&[marker][..], &[0; 20]].concat();
        assert_eq!(Codec::Bincode.cut(&bytes, LIMIT), Err(DecodeError::InvalidLength));
    }
}

#[test]
fn extra_bytes_inside_the_stated_length_are_ignored() {
    // A ping without mark, and two bytes that a later version put behind it.
    assert_eq!(marks(Codec::Bincode, &[4, 1, 0, 77, 78]), Ok(vec![]));
    let frame = Codec::Bincode.read_client(&[1, 0, 77, 78]);
    assert_eq!(frame, Ok(Some(ClientFrame::Ping(Ping { mark: None }))));
}

#[test]
fn unknown_types_from_128_up_are_skipped_and_below_that_refused() {
    assert_eq!(Codec::Bincode.read_client(&[128, 1, 2]), Ok(None));
    assert_eq!(Codec::Bincode.read_broker(&[255]), Ok(None));
    assert_eq!(Codec::Bincode.read_client(&[127]), Err(DecodeError::UnknownType { tag: 127 }));
    assert_eq!(Codec::Json.read_client(br#"{"type":"x-later","a":[1]}"#), Ok(None));
    let refused = Codec::Json.read_client(br#"{"type":"later"}"#);
    assert_eq!(refused, Err(DecodeError::UnknownTypeName { name: "later".into() }));
}

#[test]
fn a_frame_of_the_other_direction_is_an_unknown_type() {
    let connect = [16, 1, 0, 0, 0, 0, 0, 0, 0];
    assert!(Codec::Bincode.read_client(&connect).is_ok());
    assert_eq!(Codec::Bincode.read_broker(&connect), Err(DecodeError::UnknownType { tag: 16 }));
}

/// Messages of few topics and senders, in all orders of three, with other frames between them.
fn messages(codec: Codec) -> BytesMut {
    let names = [("a", None), ("a", Some("b")), ("ab", None), ("", None), ("", Some(""))];
    let all = names.len();
    let mut packet = BytesMut::new();
    for number in 0..all.pow(3) {
        for (seq, place) in (1..).zip([number, number / all, number / all / all]) {
            let (topic, from) = names[place % all];
            let body = Body { payload: topic.as_bytes().into(), ..Body::default() };
            let (topic, from) = (topic.into(), from.map(Into::into));
            let message = Message { seq, topic, from, body, ..Message::default() };
            codec.write_broker(&BrokerFrame::Message(message), &mut packet);
        }
        codec.write_broker(&BrokerFrame::Pong(Pong::default()), &mut packet);
    }
    packet
}

fn read<'a>(
    names: &mut Names<'a>,
    codec: Codec,
    frame: &'a [u8],
) -> Result<Option<BrokerFrame<'a>>, DecodeError> {
    match names.read_message(codec, frame)? {
        Some(message) => Ok(Some(BrokerFrame::Message(message))),
        None => codec.read_broker(frame),
    }
}

#[test]
fn a_reader_that_remembers_names_reads_the_same() {
    for codec in [Codec::Bincode, Codec::Json] {
        let (packet, mut names) = (messages(codec), Names::default());
        for frame in frames_in_packet(codec, &packet, LIMIT) {
            let frame = frame.unwrap();
            assert_eq!(read(&mut names, codec, frame), codec.read_broker(frame));
        }
    }
}

#[test]
fn a_reader_that_remembers_names_knows_whether_they_are_the_same() {
    let (packet, mut names, mut last) = (messages(Codec::Bincode), Names::default(), None);
    for frame in frames_in_packet(Codec::Bincode, &packet, LIMIT) {
        if let Some(message) = names.read_message(Codec::Bincode, frame.unwrap()).unwrap() {
            let now = Some((message.topic, message.from));
            assert_eq!(names.are_repeated(), last == now);
            last = now;
        }
    }
}

#[test]
fn a_reader_that_remembers_names_refuses_the_same() {
    let packet = messages(Codec::Bincode);
    let frames: Vec<_> =
        frames_in_packet(Codec::Bincode, &packet, LIMIT).map(Result::unwrap).take(40).collect();
    for pair in frames.windows(2) {
        for place in 0..pair[1].len() {
            for other in [0, 1, 2, 0x80, 0xff] {
                let mut broken = pair[1].to_vec();
                broken[place] = other;
                for frame in [&broken[..], &broken[..place]] {
                    let mut names = Names::default();
                    read(&mut names, Codec::Bincode, pair[0]).unwrap();
                    let with = read(&mut names, Codec::Bincode, frame);
                    assert_eq!(with, Codec::Bincode.read_broker(frame));
                }
            }
        }
    }
}
