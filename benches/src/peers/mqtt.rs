//! MQTT 3.1.1 with "at most once" (QoS 0).

use broker_load::LoadError;

use super::protocol::{Piece, Protocol, malformed, refused};

/// Speaks with an MQTT server.
#[derive(Debug, Default)]
pub struct Mqtt {
    subscriptions: u16,
}

const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const SUBACK: u8 = 0x90;

/// `CONNECT`: a clean session, no keep-alive, no name.
const CONNECT: &[u8] = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00";

impl Protocol for Mqtt {
    fn connect(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(CONNECT);
    }

    fn subscribe(&mut self, topic: &str, out: &mut Vec<u8>) {
        self.subscriptions = self.subscriptions % u16::MAX + 1;
        out.push(0x82);
        length(2 + 2 + topic.len() + 1, out);
        out.extend_from_slice(&self.subscriptions.to_be_bytes());
        string(topic, out);
        out.push(0);
    }

    fn publish(&mut self, topic: &str, payload: &[u8], out: &mut Vec<u8>) {
        out.push(PUBLISH);
        length(2 + topic.len() + payload.len(), out);
        string(topic, out);
        out.extend_from_slice(payload);
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Option<Piece>, LoadError> {
        let Some((remaining, at)) = remaining(bytes)? else { return Ok(None) };
        let length = at + remaining;
        match (bytes[0], bytes.get(at..length)) {
            (PUBLISH, _) => message(bytes, at, remaining),
            (_, None) => Ok(None),
            (CONNACK, Some([_, 0])) => Ok(Some(Piece::Answer { length })),
            (SUBACK, Some([_, _, 0])) => Ok(Some(Piece::Answer { length })),
            (CONNACK | SUBACK, Some(_)) => Err(refused(&bytes[..length])),
            (_, Some(_)) => Err(malformed("not what was asked for", &bytes[..length])),
        }
    }
}

/// The remaining length (MQTT 3.1.1 §2.2.3), and where what it counts begins.
fn remaining(bytes: &[u8]) -> Result<Option<(usize, usize)>, LoadError> {
    let mut length = 0;
    for (place, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((length, 2 + place)));
        }
    }
    match bytes.get(..5) {
        Some(begin) => Err(malformed("a length of more than four bytes", begin)),
        None => Ok(None),
    }
}

fn message(bytes: &[u8], at: usize, remaining: usize) -> Result<Option<Piece>, LoadError> {
    let Some(&[high, low]) = bytes.get(at..at + 2) else { return Ok(None) };
    let before = 2 + usize::from(u16::from_be_bytes([high, low]));
    let payload = remaining
        .checked_sub(before)
        .ok_or_else(|| malformed("a topic beyond its packet", &bytes[..at + 2]))?;
    // The topic is part of the header: both have to be there.
    let header = at + before;
    Ok((header <= bytes.len()).then_some(Piece::Message { header, payload, trailer: 0 }))
}

fn length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    out.push(length as u8);
}

fn string(string: &str, out: &mut Vec<u8>) {
    let length = u16::try_from(string.len()).expect("topics of a load are short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(string.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::trial::{Trial, reads};

    #[test]
    fn messages_are_counted_however_the_stream_is_cut() {
        let mut mqtt = Mqtt::default();
        let mut stream = b"\x20\x02\x00\x00\x90\x03\x00\x01\x00".to_vec();
        mqtt.publish("a.b", b"abc", &mut stream);
        mqtt.publish("a.b", b"def", &mut stream);
        mqtt.publish("a.c", &[b'x'; 200], &mut stream);
        let expected =
            Trial { count: 3, first: b"abc".to_vec(), last: vec![b'x'; 200], answers: 2, pings: 0 };
        reads(Mqtt::default, &stream, &expected);
    }

    #[test]
    fn lengths_are_written_and_read_alike() {
        for number in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] {
            let mut bytes = vec![PUBLISH];
            length(number, &mut bytes);
            assert_eq!(remaining(&bytes).unwrap(), Some((number, bytes.len())));
        }
        assert!(remaining(&[PUBLISH, 0xff, 0xff, 0xff, 0xff]).is_err());
    }

    #[test]
    fn what_the_server_refuses_is_told() {
        assert!(Mqtt::default().read(b"\x20\x02\x00\x05").is_err());
        assert!(Mqtt::default().read(b"\x90\x03\x00\x01\x80").is_err());
        assert!(Mqtt::default().read(b"\x30\x02\x00\x05").is_err());
    }

    #[test]
    fn the_words_of_a_client_are_those_of_the_specification() {
        let (mut mqtt, mut out) = (Mqtt::default(), Vec::new());
        mqtt.subscribe("ab", &mut out);
        mqtt.publish("ab", b"c", &mut out);
        assert_eq!(out, b"\x82\x07\x00\x01\x00\x02ab\x00\x30\x05\x00\x02abc");
    }
}
