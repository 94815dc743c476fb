//! The kinds of values that members have.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::super::error::Fault;
use super::super::layout::Item;
use super::members::Items;
use super::write::{write_number, write_string};

/// A value of a member.
pub(crate) trait Value<'a>: Sized {
    /// Appends the value.
    fn write_json(&self, out: &mut BytesMut);
    /// Reads the value from its text, which is valid JSON.
    fn read_json(raw: &'a str) -> Result<Self, Fault>;
    /// Whether the member isn't written: an absent option, `false`, an empty list.
    fn is_left_out(&self) -> bool {
        false
    }
    /// What a missing member means, where it may be missing.
    fn absent() -> Option<Self> {
        None
    }
}

macro_rules! number {
    ($($type:ty, $expected:literal)*) => {$(
        impl<'a> Value<'a> for $type {
            fn write_json(&self, out: &mut BytesMut) {
                write_number(u64::from(*self), out);
            }
            fn read_json(raw: &'a str) -> Result<Self, Fault> {
                serde_json::from_str(raw).map_err(|_| Fault::WrongKind { expected: $expected })
            }
        }
    )*};
}

number! {
    u8, "an integer from 0 to 255"
    u32, "an integer from 0 to 4294967295"
    u64, "a positive integer or 0"
}

impl<'a> Value<'a> for bool {
    fn write_json(&self, out: &mut BytesMut) {
        out.put_slice(if *self { b"true" } else { b"false" });
    }
    fn read_json(raw: &'a str) -> Result<Self, Fault> {
        match raw {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Fault::WrongKind { expected: "true or false" }),
        }
    }
    fn is_left_out(&self) -> bool {
        !self
    }
    fn absent() -> Option<Self> {
        Some(false)
    }
}

impl<'a> Value<'a> for Cow<'a, str> {
    fn write_json(&self, out: &mut BytesMut) {
        write_string(self, out);
    }
    fn read_json(raw: &'a str) -> Result<Self, Fault> {
        let quoted = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match quoted {
            Some(text) if memchr::memchr(b'\\', text.as_bytes()).is_none() => {
                Ok(Cow::Borrowed(text))
            }
            _ => serde_json::from_str(raw)
                .map(Cow::Owned)
                .map_err(|_| Fault::WrongKind { expected: "a string" }),
        }
    }
}

impl<'a> Value<'a> for String {
    fn write_json(&self, out: &mut BytesMut) {
        write_string(self, out);
    }
    fn read_json(raw: &'a str) -> Result<Self, Fault> {
        Cow::read_json(raw).map(Cow::into_owned)
    }
}

impl<'a, T: Value<'a>> Value<'a> for Option<T> {
    fn write_json(&self, out: &mut BytesMut) {
        match self {
            Some(value) => value.write_json(out),
            None => out.put_slice(b"null"),
        }
    }
    fn read_json(raw: &'a str) -> Result<Self, Fault> {
        if raw == "null" { Ok(None) } else { T::read_json(raw).map(Some) }
    }
    fn is_left_out(&self) -> bool {
        self.is_none()
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// A list whose items are values; headers, the one list that isn't an array, are apart.
pub(crate) trait ArrayItem {}

impl<'a, T: Value<'a> + Item + ArrayItem> Value<'a> for Vec<T> {
    fn write_json(&self, out: &mut BytesMut) {
        out.put_u8(b'[');
        for (place, item) in self.iter().enumerate() {
            if place > 0 {
                out.put_u8(b',');
            }
            item.write_json(out);
        }
        out.put_u8(b']');
    }
    fn read_json(raw: &'a str) -> Result<Self, Fault> {
        let Items(items) =
            serde_json::from_str(raw).map_err(|_| Fault::WrongKind { expected: "an array" })?;
        if items.len() > T::LIST_MAX {
            return Err(Fault::ListTooLong { items: items.len() as u64, limit: T::LIST_MAX });
        }
        items.into_iter().map(T::read_json).collect()
    }
    fn is_left_out(&self) -> bool {
        self.is_empty()
    }
    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

/// Reads one of a few words.
pub(crate) fn read_word<T: Copy>(raw: &str, words: &[(T, &str)]) -> Result<T, Fault> {
    let word = Cow::read_json(raw)?;
    words.iter().find(|(_, name)| *name == word).map(|(value, _)| *value).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(_, name)| format!("`{name}`")).collect();
        Fault::UnknownWord { known: known.join(", ") }
    })
}
