//! The bincode codec's primitives: the layout of bincode 2 in its standard configuration.
//!
//! Every field is read by itself from a cursor over the frame, so that an error can name the field
//! and nothing is allocated because a length claims it: text and payloads are borrowed, and lists
//! grow as their items are read, up to a bound of their own.

use std::borrow::Cow;

use bytes::{BufMut as _, BytesMut};

use super::error::{Fault, Offence};
use super::number::{SMALL_MAX, read_number, write_number};

/// The most that any frame may take, whatever limit is set, in bytes.
pub const FRAME_BYTES_CEILING: usize = 64 * 1024 * 1024;

/// What is still unread of a frame.
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

/// A value with a place in the bincode layout.
pub(super) trait Layout<'a>: Sized {
    /// Appends the value.
    fn write(&self, out: &mut BytesMut);
    /// Takes the value off the input.
    fn read(input: &mut Input<'a>) -> Result<Self, Fault>;
}

/// A value made of named fields.
pub(super) trait Fields<'a>: Sized {
    /// Appends the fields in their order.
    fn write_fields(&self, out: &mut BytesMut);
    /// Takes the fields off the input; what follows them is left.
    fn read_fields(input: &mut Input<'a>) -> Result<Self, Offence>;
}

// Not `ok_or`, which would make a fault for each field, and drop it.
impl<'a> Input<'a> {
    pub(super) fn new(frame: &'a [u8]) -> Self {
        Self { rest: frame }
    }

    /// What is still unread.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Goes on behind these bytes, if it is they that come next. Returns whether it is.
    #[inline]
    pub(super) fn skip(&mut self, bytes: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(bytes);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    #[inline]
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(Fault::Truncated);
        };
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Fault> {
        let Some((byte, rest)) = self.rest.split_first() else {
            return Err(Fault::Truncated);
        };
        self.rest = rest;
        Ok(*byte)
    }

    #[inline]
    fn number(&mut self) -> Result<u64, Fault> {
        // Most are: lengths, and numbers of variants.
        if let [small @ ..=SMALL_MAX, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*small));
        }
        self.longer_number()
    }

    fn longer_number(&mut self) -> Result<u64, Fault> {
        let Some((number, taken)) = read_number(self.rest)? else {
            return Err(Fault::Truncated);
        };
        self.rest = &self.rest[taken..];
        Ok(number)
    }

    /// Bytes with their number in front.
    #[inline]
    fn counted(&mut self) -> Result<&'a [u8], Fault> {
        match usize::try_from(self.number()?) {
            Ok(count) => self.bytes(count),
            Err(_) => Err(Fault::Truncated),
        }
    }

    /// Reads one named field.
    #[inline]
    pub(super) fn field<T: Layout<'a>>(&mut self, name: &'static str) -> Result<T, Offence> {
        match T::read(self) {
            Ok(value) => Ok(value),
            Err(fault) => Err(fault.at(name)),
        }
    }

    /// Reads a field by which the frame has grown: one that ends in front of it is of an older end.
    pub(super) fn grown<T: Layout<'a> + Default>(
        &mut self,
        name: &'static str,
    ) -> Result<T, Offence> {
        if self.rest.is_empty() { Ok(T::default()) } else { self.field(name) }
    }

    #[inline]
    pub(super) fn list<T: Layout<'a>>(&mut self, limit: usize) -> Result<Vec<T>, Fault> {
        let items = self.number()?;
        if items > limit as u64 {
            return Err(Fault::ListTooLong { items, limit });
        }
        let mut list = Vec::new();
        for _ in 0..items {
            list.push(T::read(self)?);
        }
        Ok(list)
    }
}

#[inline]
fn write_counted(bytes: &[u8], out: &mut BytesMut) {
    write_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

impl<'a> Layout<'a> for bool {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        out.put_u8(u8::from(*self));
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        match input.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Fault::InvalidFlag),
        }
    }
}

impl<'a> Layout<'a> for u8 {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        out.put_u8(*self);
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        input.byte()
    }
}

impl<'a> Layout<'a> for u32 {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        write_number(u64::from(*self), out);
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        input.number()?.try_into().map_err(|_| Fault::InvalidNumber)
    }
}

impl<'a> Layout<'a> for u64 {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        write_number(*self, out);
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        input.number()
    }
}

impl<'a> Layout<'a> for &'a str {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        write_counted(self.as_bytes(), out);
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        match std::str::from_utf8(input.counted()?) {
            Ok(text) => Ok(text),
            Err(_) => Err(Fault::InvalidUtf8),
        }
    }
}

impl<'a> Layout<'a> for Cow<'a, str> {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        write_counted(self.as_bytes(), out);
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        match <&str>::read(input) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(fault) => Err(fault),
        }
    }
}

impl<'a> Layout<'a> for Cow<'a, [u8]> {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        write_counted(self, out);
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        input.counted().map(Cow::Borrowed)
    }
}

impl<'a> Layout<'a> for String {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        write_counted(self.as_bytes(), out);
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        Cow::<'a, str>::read(input).map(Cow::into_owned)
    }
}

impl<'a, T: Layout<'a>> Layout<'a> for Option<T> {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        if bool::read(input)? { Ok(Some(T::read(input)?)) } else { Ok(None) }
    }
}

impl<'a, A: Layout<'a>, B: Layout<'a>> Layout<'a> for (A, B) {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        self.0.write(out);
        self.1.write(out);
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        Ok((A::read(input)?, B::read(input)?))
    }
}

impl<'a, T: Layout<'a> + super::Item> Layout<'a> for Vec<T> {
    #[inline]
    fn write(&self, out: &mut BytesMut) {
        write_number(self.len() as u64, out);
        self.iter().for_each(|item| item.write(out));
    }
    #[inline]
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        input.list(T::LIST_MAX)
    }
}
