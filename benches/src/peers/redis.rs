//! The protocol of Redis, RESP2.

use std::io::Write;

use broker_load::LoadError;

use super::protocol::{Piece, Protocol, decimal, line, malformed, refused};

/// Speaks with a Redis server. Publishes are pipelined; the answers to them are noise.
#[derive(Debug, Default)]
pub struct Redis;

/// The end of every line.
const END: &[u8] = b"\r\n";

impl Protocol for Redis {
    fn connect(&mut self, out: &mut Vec<u8>) {
        command(&[b"PING"], out);
    }

    fn subscribe(&mut self, topic: &str, out: &mut Vec<u8>) {
        command(&[b"SUBSCRIBE", topic.as_bytes()], out);
    }

    fn publish(&mut self, topic: &str, payload: &[u8], out: &mut Vec<u8>) {
        command(&[b"PUBLISH", topic.as_bytes(), payload], out);
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Option<Piece>, LoadError> {
        let Some((line, length)) = line(bytes) else { return Ok(None) };
        Ok(match line {
            b"*3" => pushed(bytes, length)?,
            b"+PONG" => Some(Piece::Answer { length }),
            [b':', ..] => Some(Piece::Noise { length }),
            [b'-', ..] => return Err(refused(line)),
            _ => return Err(malformed("not a line of Redis", line)),
        })
    }
}

fn command(words: &[&[u8]], out: &mut Vec<u8>) {
    write!(out, "*{}\r\n", words.len()).expect("a vector takes everything");
    for word in words {
        write!(out, "${}\r\n", word.len()).expect("a vector takes everything");
        out.extend_from_slice(word);
        out.extend_from_slice(END);
    }
}

/// What a subscription brings: its kind, its topic, and a payload or a number.
fn pushed(bytes: &[u8], at: usize) -> Result<Option<Piece>, LoadError> {
    let Some((kind, at)) = string(bytes, at)? else { return Ok(None) };
    let Some((_, at)) = string(bytes, at)? else { return Ok(None) };
    let Some((last, length)) = line(&bytes[at..]) else { return Ok(None) };
    let header = at + length;
    match (kind, last) {
        (b"message", [b'$', digits @ ..]) => {
            let payload = decimal(digits)?;
            Ok(Some(Piece::Message { header, payload, trailer: END.len() }))
        }
        (b"subscribe", [b':', ..]) => Ok(Some(Piece::Answer { length: header })),
        _ => Err(malformed("not a push of a subscription", kind)),
    }
}

/// The string that begins at `at`, and where it ends.
fn string(bytes: &[u8], at: usize) -> Result<Option<(&[u8], usize)>, LoadError> {
    let Some((line, length)) = line(&bytes[at..]) else { return Ok(None) };
    let [b'$', digits @ ..] = line else { return Err(malformed("no string", line)) };
    let (begin, length) = (at + length, decimal(digits)?);
    let end = begin.saturating_add(length);
    let next = end.saturating_add(END.len());
    Ok((next <= bytes.len()).then(|| (&bytes[begin..end], next)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::trial::{Trial, reads};

    #[test]
    fn messages_are_counted_however_the_stream_is_cut() {
        let stream = b"+PONG\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n\
            *3\r\n$7\r\nmessage\r\n$1\r\na\r\n$3\r\nabc\r\n\
            *3\r\n$7\r\nmessage\r\n$1\r\na\r\n$3\r\ndef\r\n\
            *3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\n*3\r\n$\r\n";
        let expected = Trial {
            count: 3,
            first: b"abc".to_vec(),
            last: b"*3\r\n$".to_vec(),
            answers: 2,
            pings: 0,
        };
        reads(|| Redis, stream, &expected);
    }

    #[test]
    fn answers_to_publishes_are_noise() {
        let expected = Trial::default();
        reads(|| Redis, b":1000\r\n:0\r\n:12\r\n", &expected);
    }

    #[test]
    fn what_the_server_refuses_is_told() {
        let refused = Redis.read(b"-ERR unknown command\r\n").unwrap_err();
        assert!(refused.to_string().contains("unknown command"), "{refused}");
        assert!(Redis.read(b"*3\r\n$x\r\n").is_err());
        assert!(Redis.read(b"*3\r\n$4\r\npong\r\n$0\r\n\r\n$0\r\n\r\n").is_err());
    }

    #[test]
    fn commands_are_lists_of_strings() {
        let mut out = Vec::new();
        Redis.publish("a.b", b"\r\n", &mut out);
        assert_eq!(out, b"*3\r\n$7\r\nPUBLISH\r\n$3\r\na.b\r\n$2\r\n\r\n\r\n");
    }
}
