//! The bincode codec's primitives: the only place that names bincode, and never without a limit.
//!
//! Every field is read by itself from a cursor over the frame, so that an error can name the field
//! and nothing is allocated because a length claims it: text and payloads are borrowed, and lists
//! grow as their items are read, up to a bound of their own.
#![allow(clippy::disallowed_methods, reason = "decodes here, and only here, with a limit")]

use std::borrow::Cow;

use ::bincode::config::{Configuration, Limit, LittleEndian, Varint, standard};
use ::bincode::enc::write::Writer;
use ::bincode::error::{DecodeError as BincodeError, EncodeError};
use ::bincode::{BorrowDecode, Encode, borrow_decode_from_slice, encode_into_writer};
use bytes::BytesMut;

use super::error::{Fault, Offence};

/// The most that any frame may take, whatever limit is set, in bytes.
pub const FRAME_BYTES_CEILING: usize = 64 * 1024 * 1024;

/// The longest length prefix: a marker and eight bytes.
pub(super) const PREFIX_BYTES_MAX: usize = 9;

type Standard = Configuration<LittleEndian, Varint, Limit<FRAME_BYTES_CEILING>>;

const CONFIG: Standard = standard().with_limit::<FRAME_BYTES_CEILING>();

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

impl<'a> Input<'a> {
    pub(super) fn new(frame: &'a [u8]) -> Self {
        Self { rest: frame }
    }

    fn take<T: BorrowDecode<'a, ()>>(&mut self) -> Result<T, Fault> {
        let (value, used) = borrow_decode_from_slice(self.rest, CONFIG).map_err(fault)?;
        self.rest = &self.rest[used..];
        Ok(value)
    }

    /// Reads one named field.
    pub(super) fn field<T: Layout<'a>>(&mut self, name: &'static str) -> Result<T, Offence> {
        T::read(self).map_err(|fault| fault.at(name))
    }

    /// Reads a field by which the frame has grown: one that ends in front of it is of an older end.
    pub(super) fn grown<T: Layout<'a> + Default>(
        &mut self,
        name: &'static str,
    ) -> Result<T, Offence> {
        if self.rest.is_empty() { Ok(T::default()) } else { self.field(name) }
    }

    pub(super) fn list<T: Layout<'a>>(&mut self, limit: usize) -> Result<Vec<T>, Fault> {
        let items: u64 = self.take()?;
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

fn fault(error: BincodeError) -> Fault {
    match error {
        BincodeError::UnexpectedEnd { .. } | BincodeError::LimitExceeded => Fault::Truncated,
        BincodeError::Utf8 { .. } => Fault::InvalidUtf8,
        BincodeError::InvalidBooleanValue(_) => Fault::InvalidFlag,
        BincodeError::UnexpectedVariant { .. } => Fault::InvalidFlag,
        _ => Fault::InvalidNumber,
    }
}

struct Tail<'a>(&'a mut BytesMut);

impl Writer for Tail<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn put(value: impl Encode, out: &mut BytesMut) {
    encode_into_writer(value, Tail(out), CONFIG).expect("memory takes whatever is written to it");
}

/// Reads the length in front of a frame: the length, and how many bytes it takes. `None` while
/// it is incomplete.
pub(super) fn read_prefix(bytes: &[u8]) -> Result<Option<(u64, usize)>, Fault> {
    match borrow_decode_from_slice::<u64, _>(bytes, CONFIG) {
        Ok(read) => Ok(Some(read)),
        Err(BincodeError::UnexpectedEnd { .. }) => Ok(None),
        Err(_) => Err(Fault::InvalidNumber),
    }
}

/// Writes a number as a varint.
pub(crate) fn write_number(number: u64, out: &mut BytesMut) {
    put(number, out);
}

/// How many bytes a number takes as a varint.
pub(crate) const fn number_bytes(number: u64) -> usize {
    match number {
        0..=250 => 1,
        251..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

macro_rules! primitive {
    ($($type:ty)*) => {$(
        impl<'a> Layout<'a> for $type {
            fn write(&self, out: &mut BytesMut) {
                put(self, out);
            }
            fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
                input.take()
            }
        }
    )*};
}

primitive! { bool u8 u32 u64 }

impl<'a> Layout<'a> for Cow<'a, str> {
    fn write(&self, out: &mut BytesMut) {
        put(self.as_ref(), out);
    }
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        input.take::<&str>().map(Cow::Borrowed)
    }
}

impl<'a> Layout<'a> for Cow<'a, [u8]> {
    fn write(&self, out: &mut BytesMut) {
        put(self.as_ref(), out);
    }
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        input.take::<&[u8]>().map(Cow::Borrowed)
    }
}

impl<'a> Layout<'a> for String {
    fn write(&self, out: &mut BytesMut) {
        put(self.as_str(), out);
    }
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        input.take::<&str>().map(str::to_owned)
    }
}

impl<'a, T: Layout<'a>> Layout<'a> for Option<T> {
    fn write(&self, out: &mut BytesMut) {
        put(u8::from(self.is_some()), out);
        if let Some(value) = self {
            value.write(out);
        }
    }
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        if input.take::<bool>()? { T::read(input).map(Some) } else { Ok(None) }
    }
}

impl<'a, A: Layout<'a>, B: Layout<'a>> Layout<'a> for (A, B) {
    fn write(&self, out: &mut BytesMut) {
        self.0.write(out);
        self.1.write(out);
    }
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        Ok((A::read(input)?, B::read(input)?))
    }
}

impl<'a, T: Layout<'a> + super::Item> Layout<'a> for Vec<T> {
    fn write(&self, out: &mut BytesMut) {
        write_number(self.len() as u64, out);
        self.iter().for_each(|item| item.write(out));
    }
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        input.list(T::LIST_MAX)
    }
}
