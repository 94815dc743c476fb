use proptest::prelude::*;

use super::*;
use crate::mask::apply_mask;

/// What a reader made of some bytes: its events, and its error.
type Outcome = (Vec<Told>, Option<ReadError>);

/// An [`Event`] that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Message(bool, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl From<Event<'_>> for Told {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message { text, bytes } => Self::Message(text, bytes.to_vec()),
            Event::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Event::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Event::Close { code, text } => Self::Close(code, text.to_owned()),
        }
    }
}

const RULES: Rules = Rules { role: Role::Server, kinds: Kinds::Either, message_bytes_max: 1000 };
const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;

/// A masked frame with an honest length. `first` is the byte of flags and opcode.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0x22, 0x33, 0x44];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    apply_mask(&mut bytes[start..], mask, 0);
    bytes
}

/// Reads pieces with a taker that pauses after every event where `pauses` says so.
fn read_pieces<'a>(
    rules: Rules,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    pauses: bool,
) -> Outcome {
    let mut reader = Reader::new(rules);
    let mut told = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut rest = &mut piece[..];
        while !rest.is_empty() && !reader.is_ended() {
            let before = told.len();
            let mut take = |event: Event<'_>| {
                told.push(Told::from(event));
                !pauses
            };
            match reader.read(rest, &mut take) {
                Ok(read) => rest = &mut rest[read..],
                Err(error) => return (told, Some(error)),
            }
            assert!(!pauses || told.len() <= before + 1, "a pause is after one event");
            assert!(reader.held_bytes() <= rules.message_bytes_max + 125 + 14);
        }
    }
    (told, None)
}

fn read(rules: Rules, bytes: &[u8]) -> Outcome {
    read_pieces(rules, [bytes], false)
}

/// Reads with the usual rules and expects an error.
fn refused(bytes: &[u8]) -> ReadError {
    read(RULES, bytes).1.expect("a refusal")
}

#[test]
fn a_message_in_fragments_with_a_ping_between_them_is_one_message_after_the_ping() {
    let bytes =
        [frame(TEXT, b"Hel"), frame(FIN | PING, b"?"), frame(0, b"l"), frame(FIN, b"o")].concat();
    let expected = vec![Told::Ping(b"?".to_vec()), Told::Message(true, b"Hello".to_vec())];
    assert_eq!(read(RULES, &bytes), (expected, None));
}

#[test]
fn nothing_is_owned_between_frames() {
    let mut reader = Reader::new(RULES);
    for bytes in [frame(FIN | BINARY, &[7; 500]), frame(FIN | PING, b""), frame(FIN | TEXT, b"")] {
        for byte in bytes {
            reader.read(&mut [byte], &mut |_| true).unwrap();
        }
        assert!(reader.open.is_none());
    }
}

#[test]
fn a_message_of_the_limit_passes_and_one_byte_more_is_refused_by_its_header() {
    let whole = frame(FIN | BINARY, &[0; 1000]);
    assert_eq!(read(RULES, &whole).0.len(), 1);
    let longer = frame(FIN | BINARY, &[0; 1001]);
    assert_eq!(refused(&longer[..8]), ReadError::TooLarge { bytes: 1001, limit: 1000 });
    let fragments = [frame(BINARY, &[0; 500]), frame(FIN, &[0; 500])].concat();
    assert_eq!(read(RULES, &fragments).0.len(), 1);
    let fragments = [frame(BINARY, &[0; 500]), frame(FIN, &[0; 501])].concat();
    assert_eq!(refused(&fragments), ReadError::TooLarge { bytes: 1001, limit: 1000 });
}

#[test]
fn a_length_of_63_bits_allocates_nothing() {
    let mut head = vec![FIN | BINARY, 0x80 | 127];
    head.extend_from_slice(&(u64::MAX >> 1).to_be_bytes());
    head.extend_from_slice(&[0; 4]);
    assert_eq!(refused(&head), ReadError::TooLarge { bytes: u64::MAX >> 1, limit: 1000 });
    head[2] = 0xFF;
    assert_eq!(refused(&head), ReadError::Length);
}

#[test]
fn a_length_in_more_bytes_than_needed_is_refused() {
    let head = [FIN | BINARY, 0x80 | 126, 0, 125, 0, 0, 0, 0];
    assert_eq!(refused(&head), ReadError::Length);
    let head = [FIN | BINARY, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0];
    assert_eq!(refused(&head), ReadError::Length);
}

#[test]
fn masks_come_from_clients_alone() {
    assert_eq!(refused(&[FIN | TEXT, 0]), ReadError::Unmasked);
    let client = Rules { role: Role::Client, ..RULES };
    assert_eq!(read(client, &frame(FIN | TEXT, b"")).1, Some(ReadError::Masked));
    assert_eq!(read(client, b"\x81\x02hi").0, [Told::Message(true, b"hi".to_vec())]);
}

#[test]
fn reserved_bits_and_opcodes_are_refused() {
    for bit in [0x40, 0x20, 0x10] {
        assert_eq!(refused(&frame(FIN | bit | TEXT, b"")), ReadError::ReservedBit);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(refused(&frame(FIN | opcode, b"")), ReadError::Opcode { opcode });
    }
}

#[test]
fn a_ping_of_125_bytes_passes_and_longer_or_fragmented_ones_are_refused() {
    assert_eq!(read(RULES, &frame(FIN | PING, &[1; 125])).0, [Told::Ping(vec![1; 125])]);
    let longer = refused(&frame(FIN | PING, &[1; 126]));
    assert_eq!(longer, ReadError::ControlTooLarge { bytes: 126 });
    assert_eq!(refused(&frame(PING, b"")), ReadError::ControlFragmented);
}

#[test]
fn fragments_out_of_order_are_refused() {
    assert_eq!(refused(&frame(FIN, b"")), ReadError::NothingToContinue);
    let twice = [frame(TEXT, b""), frame(FIN | TEXT, b"")].concat();
    assert_eq!(refused(&twice), ReadError::MessageInMessage);
}

#[test]
fn a_message_cut_behind_its_header_leaves_nothing_to_continue() {
    let (whole, stray) = (frame(FIN | TEXT, b"whole"), frame(FIN, b"stray"));
    let outcome = read_pieces(RULES, [&whole[..6], &whole[6..], &stray], false);
    assert_eq!(outcome.0, [Told::Message(true, b"whole".to_vec())]);
    assert_eq!(outcome.1, Some(ReadError::NothingToContinue));
}

#[test]
fn text_may_be_cut_inside_a_character_and_must_end_with_a_whole_one() {
    let cut = [frame(TEXT, &[0xC3]), frame(FIN, &[0xA4])].concat();
    assert_eq!(read(RULES, &cut).0, [Told::Message(true, "ä".into())]);
    let open = [frame(TEXT, &[0xC3]), frame(FIN, &[])].concat();
    assert_eq!(refused(&open), ReadError::Utf8);
}

#[test]
fn nonsense_in_text_is_refused_before_the_message_is_complete() {
    let mut bytes = frame(TEXT, b"abc\xFFdef");
    assert_eq!(refused(&bytes), ReadError::Utf8);
    bytes.truncate(bytes.len() - 3);
    assert_eq!(refused(&bytes), ReadError::Utf8);
}

#[test]
fn a_message_of_the_other_kind_is_refused_by_its_header() {
    let text = Rules { kinds: Kinds::Text, ..RULES };
    let binary = Rules { kinds: Kinds::Binary, ..RULES };
    assert_eq!(read(text, &frame(BINARY, b"")).1, Some(ReadError::NotText));
    assert_eq!(read(binary, &frame(TEXT, b"")).1, Some(ReadError::NotBinary));
    assert_eq!(ReadError::NotText.close_code(), 1003);
}

#[test]
fn only_codes_that_may_be_sent_are_taken_in_a_close_frame() {
    let close = |code: u16| read(RULES, &frame(FIN | CLOSE, &code.to_be_bytes()));
    for code in [1000, 1003, 1007, 1011, 1014, 3000, 4999] {
        assert_eq!(close(code).0, [Told::Close(Some(code), String::new())]);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535] {
        assert_eq!(close(code).1, Some(ReadError::CloseCode { code }));
    }
    assert_eq!(refused(&frame(FIN | CLOSE, &[3])), ReadError::CloseBody);
    assert_eq!(refused(&frame(FIN | CLOSE, b"\x03\xE8\xFF")), ReadError::Utf8);
}

#[test]
fn nothing_is_read_after_a_close_frame() {
    let bytes = [frame(FIN | CLOSE, b""), frame(FIN | TEXT, b"late")].concat();
    assert_eq!(read(RULES, &bytes), (vec![Told::Close(None, String::new())], None));
}

/// Frames as an honest peer sends them, and now and then as it never would.
fn some_frame() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![8 => 0u8..=2, 4 => 8u8..=10, 1 => 0u8..16];
    let flags = prop_oneof![6 => Just(FIN), 3 => Just(0), 1 => Just(FIN | 0x40)];
    let text = prop_oneof![Just("ä€𐍈".as_bytes().to_vec()), Just(b"plain".to_vec())];
    let payload =
        prop_oneof![3 => text, 3 => prop::collection::vec(any::<u8>(), 0..200), 2 => Just(vec![])];
    (opcode, flags, payload).prop_map(|(opcode, flags, payload)| frame(flags | opcode, &payload))
}

/// Cuts bytes in as many pieces as `cuts` says, and one.
fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.sort_unstable();
    at.insert(0, 0);
    at.push(bytes.len());
    at.windows(2).map(|two| &bytes[two[0]..two[1]]).collect()
}

proptest! {
    #[test]
    fn frames_cut_anywhere_give_the_same_events(
        frames in prop::collection::vec(some_frame(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        pauses: bool,
    ) {
        let bytes = frames.concat();
        let pieces = cut(&bytes, &cuts);
        prop_assert_eq!(read_pieces(RULES, pieces, pauses), read(RULES, &bytes));
    }

    #[test]
    fn any_bytes_give_the_same_events_however_they_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        kinds in prop_oneof![Just(Kinds::Text), Just(Kinds::Binary), Just(Kinds::Either)],
        role in prop_oneof![Just(Role::Server), Just(Role::Client)],
    ) {
        let rules = Rules { role, kinds, message_bytes_max: 100 };
        let bytewise = read_pieces(rules, bytes.chunks(1), false);
        prop_assert_eq!(bytewise, read(rules, &bytes));
    }
}
