//! `docs/protocol.md` agrees with the code: types, codes, limits, and every example in it.
#![allow(missing_docs, reason = "a test")]

use broker_protocol::frame::{BrokerFrame, ClientFrame};
use broker_protocol::{Codec, ErrorCode, FRAME_BYTES_CEILING, HEADERS_MAX, NAMES_MAX};

const TEXT: &str = include_str!("../../../docs/protocol.md");

/// The part of the text under a heading, up to the next one of that depth.
fn section(heading: &str) -> &'static str {
    let depth = heading.split(' ').next().expect("a heading begins with its depth");
    let start = TEXT.find(&format!("\n{heading}")).expect(heading) + 1 + heading.len();
    let rest = &TEXT[start..];
    &rest[..rest.find(&format!("\n{depth} ")).unwrap_or(rest.len())]
}

/// The cells of the tables in a part of the text, of rows that begin with a number.
fn numbered_rows(text: &str) -> Vec<(u32, String, String)> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.filter_map(|row| {
        let mut cells = row.splitn(3, " | ");
        let number = cells.next()?.parse().ok()?;
        let name = cells.next()?.trim_matches('`').to_owned();
        Some((number, name, cells.next()?.to_owned()))
    })
    .collect()
}

fn types(heading: &str) -> Vec<(u32, String)> {
    numbered_rows(section(heading)).into_iter().map(|(tag, name, _)| (tag, name)).collect()
}

fn known(types: &[(u8, &str)]) -> Vec<(u32, String)> {
    types.iter().map(|(tag, name)| (u32::from(*tag), (*name).to_owned())).collect()
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[test]
fn the_table_of_error_codes_is_the_enum() {
    let expected: Vec<(u32, String, String)> = ErrorCode::ALL
        .iter()
        .map(|code| (code.number(), code.name().to_owned(), code.meaning().to_owned()))
        .collect();
    let told =
        numbered_rows(section("## 10. Error codes")).into_iter().map(|(number, name, rest)| {
            let (meaning, _) =
                rest.split_once(" |").expect("a fourth cell says how a connection ends");
            (number, name, meaning.to_owned())
        });
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn codes_are_found_by_name_and_number() {
    for code in ErrorCode::ALL {
        assert_eq!(ErrorCode::from_name(code.name()), *code);
        assert_eq!(ErrorCode::from_number(code.number()), *code);
    }
    let beyond = ErrorCode::ALL.iter().map(|code| code.number()).max().unwrap_or_default() + 1;
    assert_eq!(ErrorCode::from_number(beyond), ErrorCode::Unrecognised);
    assert_eq!(ErrorCode::from_name("of-a-later-version"), ErrorCode::Unrecognised);
}

#[test]
fn the_tables_of_frames_are_the_types() {
    assert_eq!(types("## 6. Frames from the client"), known(ClientFrame::TYPES));
    assert_eq!(types("## 7. Frames from the broker"), known(BrokerFrame::TYPES));
}

#[test]
fn the_limits_of_the_codecs_are_told() {
    let limits = section("## 9. Limits");
    for limit in [HEADERS_MAX, NAMES_MAX, FRAME_BYTES_CEILING] {
        assert!(limits.contains(&grouped(limit)), "{limit}");
    }
}

#[test]
fn every_example_is_a_frame_and_is_written_as_it_would_be_sent() {
    let mut examples = 0;
    for line in TEXT.lines() {
        let Some((arrow, example)) =
            line.strip_prefix("    ").and_then(|line| line.split_once(' '))
        else {
            continue;
        };
        match arrow {
            "→" => assert_eq!(written_again(example, ClientFrame::again), example),
            "←" => assert_eq!(written_again(example, BrokerFrame::again), example),
            _ => continue,
        }
        examples += 1;
    }
    assert!(examples >= 30, "{examples} examples found");
}

/// Reads an example and writes what was read.
fn written_again(example: &str, again: fn(Codec, &[u8]) -> Vec<u8>) -> String {
    if example.starts_with('{') {
        let line = again(Codec::Json, example.as_bytes());
        return String::from_utf8(line).expect("json is UTF-8").trim_end().to_owned();
    }
    let pairs = example.split(' ');
    let bytes: Vec<u8> =
        pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal bytes")).collect();
    let cut = Codec::Bincode.cut(&bytes, FRAME_BYTES_CEILING).expect(example).expect(example);
    let again = again(Codec::Bincode, cut.frame);
    let pairs: Vec<String> = again.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

trait Again {
    fn again(codec: Codec, frame: &[u8]) -> Vec<u8>;
}

impl Again for ClientFrame<'_> {
    fn again(codec: Codec, frame: &[u8]) -> Vec<u8> {
        let mut out = bytes::BytesMut::new();
        let frame = codec.read_client(frame).expect("a frame").expect("a known frame");
        codec.write_client(&frame, &mut out);
        out.to_vec()
    }
}

impl Again for BrokerFrame<'_> {
    fn again(codec: Codec, frame: &[u8]) -> Vec<u8> {
        let mut out = bytes::BytesMut::new();
        let frame = codec.read_broker(frame).expect("a frame").expect("a known frame");
        codec.write_broker(&frame, &mut out);
        out.to_vec()
    }
}
