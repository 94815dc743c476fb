//! The protocol of our broadcaster (`benches/peers/broadcaster`): frames of WebSocket.

use std::io::Write;

use broker_load::LoadError;

use super::protocol::{Piece, Protocol, malformed, refused};

/// Speaks with the broadcaster.
#[derive(Debug, Default)]
pub struct Broadcaster {
    upgraded: bool,
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// Where the server's answer to the handshake ends.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// The key and the answer of the example in RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The mask of everything that is sent. One that doesn't change is no protection, but costs the
/// server as much as any.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x3c, 0xa5];

impl Protocol for Broadcaster {
    fn connect(&mut self, out: &mut Vec<u8>) {
        write!(
            out,
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        )
        .expect("a vector takes everything");
    }

    fn subscribe(&mut self, topic: &str, out: &mut Vec<u8>) {
        frame(TEXT, &[b"{\"subscribe\":\"", topic.as_bytes(), b"\"}"], out);
    }

    fn publish(&mut self, topic: &str, payload: &[u8], out: &mut Vec<u8>) {
        let length = u8::try_from(topic.len()).expect("topics of a load are short");
        frame(BINARY, &[&[length], topic.as_bytes(), payload], out);
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Option<Piece>, LoadError> {
        if !self.upgraded {
            return self.upgrade(bytes);
        }
        let Some((length, header)) = server_frame(bytes) else { return Ok(None) };
        match bytes[0] {
            BINARY => Ok(Some(Piece::Message { header, payload: length, trailer: 0 })),
            TEXT => Ok(Some(Piece::Answer { length: header.saturating_add(length) })),
            _ => Err(malformed("not a frame of the broadcaster", &bytes[..2])),
        }
    }
}

impl Broadcaster {
    fn upgrade(&mut self, bytes: &[u8]) -> Result<Option<Piece>, LoadError> {
        let Some(end) = memchr::memmem::find(bytes, HEAD_END) else { return Ok(None) };
        let head = &bytes[..end];
        let agreed = head.starts_with(b"HTTP/1.1 101 ");
        if !agreed || memchr::memmem::find(head, ACCEPT).is_none() {
            return Err(refused(head));
        }
        self.upgraded = true;
        Ok(Some(Piece::Answer { length: end + HEAD_END.len() }))
    }
}

/// The length of the payload and of what stands before it, in a frame without a mask
/// (RFC 6455 §5.2).
fn server_frame(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        126 => {
            let length = bytes.get(2..4)?.try_into().ok()?;
            Some((u16::from_be_bytes(length).into(), 4))
        }
        127 => {
            let length = bytes.get(2..10)?.try_into().ok()?;
            Some((usize::try_from(u64::from_be_bytes(length)).unwrap_or(usize::MAX), 10))
        }
        length => Some((length.into(), 2)),
    }
}

fn frame(kind: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.push(kind);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..=125), _) => out.push(0x80 | length),
        (_, Ok(length)) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    let bytes = parts.iter().flat_map(|part| part.iter());
    out.extend(bytes.zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::trial::{Trial, reads};

    const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    #[test]
    fn messages_are_counted_however_the_stream_is_cut() {
        let stream = [
            HEAD,
            b"\x81\x02{}",
            b"\x82\x03abc",
            b"\x82\x03def",
            b"\x82\x7e\x00\x80",
            &[b'x'; 128],
            b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x02yz",
        ];
        let expected =
            Trial { count: 4, first: b"abc".to_vec(), last: b"yz".to_vec(), answers: 2, pings: 0 };
        reads(Broadcaster::default, &stream.concat(), &expected);
    }

    #[test]
    fn what_the_server_refuses_is_told() {
        assert!(Broadcaster::default().read(b"HTTP/1.1 400 Bad Request\r\n\r\n").is_err());
        let other = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n";
        assert!(Broadcaster::default().read(other).is_err());
        let mut upgraded = Broadcaster { upgraded: true };
        assert!(upgraded.read(b"\x88\x02\x03\xe9").is_err(), "a close frame");
    }

    #[test]
    fn frames_of_a_client_are_masked() {
        let mut out = Vec::new();
        Broadcaster::default().publish("a", b"bc", &mut out);
        let masked = [1 ^ 0x5a, b'a' ^ 0xc3, b'b' ^ 0x3c, b'c' ^ 0xa5];
        assert_eq!(out, [b"\x82\x84\x5a\xc3\x3c\xa5".as_slice(), &masked].concat());
    }

    #[test]
    fn the_length_of_a_frame_has_three_forms() {
        for (length, header) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut out = Vec::new();
            frame(BINARY, &[&vec![0; length]], &mut out);
            assert_eq!(out.len(), header + MASK.len() + length);
            out[1] &= 0x7f;
            assert_eq!(server_frame(&out), Some((length, header)));
        }
    }
}
