//! The protocol of NATS.

use std::io::Write;

use broker_load::LoadError;

use super::protocol::{Piece, Protocol, decimal, line, malformed, refused};

/// Speaks with a NATS server.
#[derive(Debug, Default)]
pub struct Nats {
    subscriptions: u32,
}

/// Asked behind everything that has no answer of its own: the server answers in order.
const BARRIER: &[u8] = b"PING\r\n";

/// What stands behind a payload.
const TRAILER: &[u8] = b"\r\n";

impl Protocol for Nats {
    fn connect(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
        out.extend_from_slice(BARRIER);
    }

    fn subscribe(&mut self, topic: &str, out: &mut Vec<u8>) {
        self.subscriptions += 1;
        write!(out, "SUB {topic} {}\r\n", self.subscriptions).expect("a vector takes everything");
        out.extend_from_slice(BARRIER);
    }

    fn publish(&mut self, topic: &str, payload: &[u8], out: &mut Vec<u8>) {
        write!(out, "PUB {topic} {}\r\n", payload.len()).expect("a vector takes everything");
        out.extend_from_slice(payload);
        out.extend_from_slice(TRAILER);
    }

    fn pong(&self) -> &'static [u8] {
        b"PONG\r\n"
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Option<Piece>, LoadError> {
        let Some((line, length)) = line(bytes) else { return Ok(None) };
        let mut words = line.split(|byte| *byte == b' ');
        Ok(Some(match words.next().unwrap_or_default() {
            b"MSG" => Piece::Message {
                header: length,
                payload: decimal(words.next_back().unwrap_or_default())?,
                trailer: TRAILER.len(),
            },
            b"PONG" => Piece::Answer { length },
            b"PING" => Piece::Ping { length },
            b"INFO" | b"+OK" => Piece::Noise { length },
            b"-ERR" => return Err(refused(line)),
            _ => return Err(malformed("not a line of NATS", line)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::trial::{Trial, reads};

    const GREETING: &[u8] = b"INFO {\"server_id\":\"x\"}\r\nPONG\r\n";

    #[test]
    fn messages_are_counted_however_the_stream_is_cut() {
        let stream = [GREETING, b"MSG a.b 1 3\r\nabc\r\nMSG a.b 1 3\r\ndef\r\nMSG a.c 2 0\r\n\r\n"];
        let expected =
            Trial { count: 3, first: b"abc".to_vec(), last: Vec::new(), answers: 1, pings: 0 };
        reads(Nats::default, &stream.concat(), &expected);
    }

    #[test]
    fn a_payload_may_look_like_the_protocol() {
        let stream = b"MSG a 1 6\r\nPING\r\n\r\nPING\r\nMSG a 1 from 6\r\nMSG a \r\n";
        let expected = Trial {
            count: 2,
            first: b"PING\r\n".to_vec(),
            last: b"MSG a ".to_vec(),
            answers: 0,
            pings: 1,
        };
        reads(Nats::default, stream, &expected);
    }

    #[test]
    fn what_the_server_refuses_is_told() {
        let refused = Nats::default().read(b"-ERR 'Unknown Protocol'\r\n").unwrap_err();
        assert!(refused.to_string().contains("Unknown Protocol"), "{refused}");
        assert!(Nats::default().read(b"MSG a 1 -5\r\n").is_err());
    }

    #[test]
    fn every_subscription_has_an_id_and_a_barrier_behind_it() {
        let (mut nats, mut out) = (Nats::default(), Vec::new());
        nats.subscribe("a", &mut out);
        nats.subscribe("b", &mut out);
        nats.publish("a", b"xyz", &mut out);
        assert_eq!(out, b"SUB a 1\r\nPING\r\nSUB b 2\r\nPING\r\nPUB a 3\r\nxyz\r\n");
    }
}
