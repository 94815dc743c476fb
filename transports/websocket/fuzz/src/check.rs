//! What holds for any bytes that a peer may send.

use transport_websocket::reader::{Event, Kinds, ReadError, Reader, Role, Rules};

/// The longest message, in bytes: short, so that its limit is met.
const MESSAGE_BYTES_MAX: usize = 300;
/// A header and a control frame, which a reader may hold besides a message, in bytes.
const BESIDES_BYTES_MAX: usize = 14 + 125;

/// Reads bytes as a peer's, and checks that cutting and pausing make no difference.
///
/// The first byte chooses the rules: bit 0 the role, bits 1 and 2 the kinds. The second is the
/// length of the pieces for one of the ways to cut, the rest is what the peer sent.
pub fn reader(bytes: &[u8]) {
    let [choice, cut, sent @ ..] = bytes else { return };
    let rules = Rules {
        role: if choice & 1 == 0 { Role::Server } else { Role::Client },
        kinds: [Kinds::Either, Kinds::Text, Kinds::Binary, Kinds::Either]
            [usize::from(choice >> 1 & 3)],
        message_bytes_max: MESSAGE_BYTES_MAX,
    };
    let whole = outcome(rules, sent, sent.len().max(1), false);
    for (piece, pauses) in
        [(1, false), (usize::from(*cut).max(1), false), (sent.len().max(1), true)]
    {
        assert_eq!(outcome(rules, sent, piece, pauses), whole);
    }
}

/// Everything that came of the bytes, and how it ended.
fn outcome(
    rules: Rules,
    sent: &[u8],
    piece: usize,
    pauses: bool,
) -> (Vec<String>, Option<ReadError>) {
    let mut reader = Reader::new(rules);
    let mut events = Vec::new();
    for piece in sent.chunks(piece) {
        let mut piece = piece.to_vec();
        let mut rest = &mut piece[..];
        while !rest.is_empty() && !reader.is_ended() {
            let mut take = |event: Event<'_>| {
                check(&event);
                events.push(format!("{event:?}"));
                !pauses
            };
            match reader.read(rest, &mut take) {
                Ok(read) => rest = &mut rest[read..],
                Err(error) => {
                    assert!(reader.is_ended());
                    return (events, Some(error));
                }
            }
            assert!(reader.held_bytes() <= MESSAGE_BYTES_MAX + BESIDES_BYTES_MAX);
        }
    }
    (events, None)
}

fn check(event: &Event<'_>) {
    match event {
        Event::Message { text, bytes } => {
            assert!(bytes.len() <= MESSAGE_BYTES_MAX);
            assert!(!text || str::from_utf8(bytes).is_ok());
        }
        Event::Ping(bytes) | Event::Pong(bytes) => assert!(bytes.len() <= 125),
        Event::Close { text, .. } => assert!(text.len() <= 123),
    }
}
