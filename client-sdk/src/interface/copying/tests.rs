use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;
use crate::interface::bounds::Elements;

/// All that serde knows, and texts wherever they may stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Any {
    Nothing,
    Text(String),
    Pair(String, u8),
    Named { text: Option<String>, letter: char, numbers: (i8, u16, i32, u64, i128, f32) },
    Many(Vec<Any>),
    Map(BTreeMap<String, Wrapped>),
    Bytes(Bytes),
    Boxed(Box<str>, (), bool),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped(String);

/// An owned piece of bytes, which serde has a word of its own for.
#[derive(Debug, Clone, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Taking;
        impl Visitor<'_> for Taking {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        from.deserialize_byte_buf(Taking)
    }
}

fn example() -> Any {
    let text = || "grüße".to_owned();
    let numbers = (-1, 300, -70_000, 1 << 40, -(1 << 90), 1.5);
    Any::Many(vec![
        Any::Nothing,
        Any::Text(text()),
        Any::Pair(String::new(), 7),
        Any::Named { text: Some(text()), letter: 'ß', numbers },
        Any::Named { text: None, letter: 'x', numbers },
        Any::Map([(text(), Wrapped(text()))].into()),
        Any::Bytes(Bytes(vec![0, 255, 7])),
        Any::Boxed(text().into(), (), true),
    ])
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), bincode::error::DecodeError> {
    bincode::serde::decode_from_slice(bytes, bincode::config::standard())
}

fn copied<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), bincode::error::DecodeError> {
    let elements = Elements::of(bytes);
    let value = Copying(PhantomData::<T>, elements.bounds());
    bincode::serde::seed_decode_from_slice(value, bytes, bincode::config::standard())
}

#[test]
fn what_is_written_is_read_wherever_texts_stand_in_it() {
    let written = bincode::serde::encode_to_vec(example(), bincode::config::standard()).unwrap();
    assert_eq!(copied::<Any>(&written).unwrap(), (example(), written.len()));
}

#[test]
fn what_cannot_be_read_is_refused_as_without_it() {
    let written = bincode::serde::encode_to_vec(example(), bincode::config::standard()).unwrap();
    for place in 0..written.len() {
        assert!(copied::<Any>(&written[..place]).is_err(), "{place} bytes");
        for other in [0, 1, 0x7f, 0xff] {
            let mut broken = written.clone();
            broken[place] = other;
            let (with, without) = (copied::<Any>(&broken), read::<Any>(&broken));
            assert_eq!(with.is_ok(), without.is_ok(), "{other} at {place}: {with:?}, {without:?}");
            if let (Ok(with), Ok(without)) = (with, without) {
                assert_eq!(format!("{with:?}"), format!("{without:?}"), "{other} at {place}");
            }
        }
    }
}
