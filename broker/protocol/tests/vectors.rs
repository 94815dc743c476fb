//! Both codecs against the golden vectors, in both directions.
#![allow(missing_docs, reason = "a test")]

use std::collections::BTreeSet;

use broker_protocol::frame::{BrokerFrame, ClientFrame};
use broker_protocol::{Codec, ErrorCode, frames_in_packet, message};
use bytes::BytesMut;
use serde::Deserialize;
use serde_json::value::RawValue;

const VECTORS: &str = include_str!("../vectors/frames.json");

#[derive(Deserialize)]
struct Vector {
    name: String,
    from: From,
    json: Box<RawValue>,
    bincode: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum From {
    Client,
    Broker,
}

impl Vector {
    fn line(&self) -> String {
        format!("{}\n", self.json.get())
    }

    fn bytes(&self) -> Vec<u8> {
        let digit = |digit: u8| char::from(digit).to_digit(16).expect("a hexadecimal digit") as u8;
        let pairs = self.bincode.as_bytes().chunks_exact(2);
        pairs.map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    fn bytes_in(&self, codec: Codec) -> Vec<u8> {
        match codec {
            Codec::Bincode => self.bytes(),
            Codec::Json => self.line().into_bytes(),
        }
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(VECTORS).expect("the vectors are JSON")
}

fn only_frame(codec: Codec, packet: &[u8]) -> &[u8] {
    let frames: Result<Vec<&[u8]>, _> = frames_in_packet(codec, packet, 1 << 20).collect();
    let frames = frames.expect("whole frames");
    assert_eq!(frames.len(), 1);
    frames[0]
}

/// Reads the vector in one codec and writes what was read in the other.
fn translated(vector: &Vector, from: Codec, to: Codec) -> BytesMut {
    let packet = vector.bytes_in(from);
    let frame = only_frame(from, &packet);
    let mut out = BytesMut::new();
    match vector.from {
        From::Client => {
            let frame = from.read_client(frame).expect(&vector.name).expect("known");
            to.write_client(&frame, &mut out);
        }
        From::Broker => {
            let frame = from.read_broker(frame).expect(&vector.name).expect("known");
            to.write_broker(&frame, &mut out);
        }
    }
    out
}

#[test]
fn every_vector_is_read_and_written_alike_in_both_codecs() {
    for vector in vectors() {
        for from in [Codec::Bincode, Codec::Json] {
            let bincode = translated(&vector, from, Codec::Bincode);
            assert_eq!(bincode, vector.bytes(), "{} from {from} to bincode", vector.name);
            let json = translated(&vector, from, Codec::Json);
            let json = std::str::from_utf8(&json).expect("json is UTF-8");
            assert_eq!(json, vector.line(), "{} from {from} to json", vector.name);
        }
    }
}

#[test]
fn json_is_made_from_the_bincode_bytes_of_every_vector_of_the_broker() {
    for vector in vectors().iter().filter(|vector| vector.from == From::Broker) {
        let mut out = BytesMut::new();
        message::broker_to_json(&vector.bytes(), &mut out).expect(&vector.name);
        assert_eq!(out, vector.line().as_bytes(), "{}", vector.name);
    }
}

/// Frames that have grown at their end, and the bytes by which the shortest did.
const GROWN: [(&str, usize); 6] =
    [("connect", 1), ("connected", 1), ("request", 1), ("hold", 1), ("send", 1), ("owner", 1)];

#[test]
fn a_vector_cut_short_anywhere_inside_its_frame_is_refused_unless_it_was_as_short_once() {
    for vector in vectors() {
        let bytes = vector.bytes();
        let frame = only_frame(Codec::Bincode, &bytes);
        let grown = GROWN.iter().find(|(name, _)| vector.line().contains(&format!("\"{name}\"")));
        for end in 0..frame.len() {
            let is_refused = match vector.from {
                From::Client => Codec::Bincode.read_client(&frame[..end]).is_err(),
                From::Broker => Codec::Bincode.read_broker(&frame[..end]).is_err(),
            };
            let was_as_short = grown.is_some_and(|(_, bytes)| end + bytes <= frame.len());
            assert!(is_refused || was_as_short, "{} cut at {end}", vector.name);
        }
    }
}

#[test]
fn every_frame_and_every_code_has_a_vector() {
    let vectors = vectors();
    let tags = |from: From| -> BTreeSet<u8> {
        let ours = vectors.iter().filter(|vector| vector.from == from);
        ours.map(|vector| only_frame(Codec::Bincode, &vector.bytes())[0]).collect()
    };
    let known = |types: &[(u8, &str)]| types.iter().map(|(tag, _)| *tag).collect::<BTreeSet<u8>>();
    assert_eq!(tags(From::Client), known(ClientFrame::TYPES));
    assert_eq!(tags(From::Broker), known(BrokerFrame::TYPES));
    for code in ErrorCode::ALL {
        let member = format!("\"code\":\"{code}\"");
        assert!(vectors.iter().any(|vector| vector.json.get().contains(&member)), "{code}");
    }
}

#[test]
fn names_of_vectors_are_unique() {
    let vectors = vectors();
    let names: BTreeSet<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert_eq!(names.len(), vectors.len());
}

#[test]
fn a_send_of_a_client_that_knows_no_expiry_is_read() {
    let packet = b"\x0f\x16\0\x03bob\0\0\x01\0\x04psst";
    let frame = Codec::Bincode.read_client(only_frame(Codec::Bincode, packet));
    let Ok(Some(ClientFrame::Send(send))) = frame else { panic!("{frame:?}") };
    assert_eq!((&*send.to, send.expires_in), ("bob", None));
}
