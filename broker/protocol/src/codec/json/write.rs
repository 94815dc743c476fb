//! Writing objects, member by member.

use bytes::{BufMut, BytesMut};

use super::Value;

/// An object that is being written; [`Object::end`] closes it.
pub(crate) struct Object<'o> {
    out: &'o mut BytesMut,
    is_empty: bool,
}

impl<'o> Object<'o> {
    pub(crate) fn begin(out: &'o mut BytesMut) -> Self {
        out.put_u8(b'{');
        Self { out, is_empty: true }
    }

    /// Writes one member, unless its value is one that is left out.
    pub(crate) fn member<'a>(&mut self, name: &str, value: &impl Value<'a>) {
        if !value.is_left_out() {
            value.write_json(self.name(name));
        }
    }

    /// Writes a member's name; the value is for the caller to append.
    pub(crate) fn name(&mut self, name: &str) -> &mut BytesMut {
        if !self.is_empty {
            self.out.put_u8(b',');
        }
        self.is_empty = false;
        write_string(name, self.out);
        self.out.put_u8(b':');
        self.out
    }

    pub(crate) fn end(self) {
        self.out.put_u8(b'}');
    }
}

/// Appends a string in quotes, escaped.
pub(crate) fn write_string(text: &str, out: &mut BytesMut) {
    serde_json::to_writer(out.writer(), text).expect("memory takes whatever is written to it");
}

/// Appends a number.
pub(super) fn write_number(number: u64, out: &mut BytesMut) {
    serde_json::to_writer(out.writer(), &number).expect("memory takes whatever is written to it");
}
