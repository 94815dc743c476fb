//! What decoding can fail with: always names the offence, never quotes more than a word of it.

use crate::ErrorCode;

/// Why bytes aren't a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A frame that is announced longer, or goes on for longer, than the limit.
    #[error("frame of {bytes} bytes or more exceeds the limit of {limit}")]
    FrameTooLarge {
        /// The announced length, or what is already there of an unended line.
        bytes: u64,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A length prefix that isn't a varint of at most 64 bits.
    #[error("the length in front of a frame is not a varint")]
    InvalidLength,
    /// A frame of no bytes: the type is missing.
    #[error("empty frame")]
    Empty,
    /// A packet that ends inside a frame.
    #[error("{bytes} trailing bytes after the last whole frame of a packet")]
    TrailingBytes {
        /// How many bytes are left over.
        bytes: usize,
    },
    /// A type below 128 that no frame of this direction has.
    #[error("unknown frame type {tag}")]
    UnknownType {
        /// The type byte.
        tag: u8,
    },
    /// A type that no frame of this direction has, and that doesn't begin with `x-`.
    #[error("unknown frame type `{name}`")]
    UnknownTypeName {
        /// The first characters of the type.
        name: String,
    },
    /// A line that isn't a JSON object.
    #[error("not a JSON object: {problem}")]
    NotJson {
        /// What the parser says.
        problem: String,
    },
    /// A field that can't be read.
    #[error("`{frame}`, field `{field}`: {fault}")]
    Field {
        /// The type of the frame.
        frame: &'static str,
        /// The field, or the member of the JSON object.
        field: &'static str,
        /// What is wrong with it.
        fault: Fault,
    },
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The frame ends before the field does.
    #[error("truncated")]
    Truncated,
    /// Text that isn't UTF-8.
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// A number outside the range of the field.
    #[error("number out of range")]
    InvalidNumber,
    /// A boolean or an option whose byte is neither 0 nor 1.
    #[error("neither 0 nor 1")]
    InvalidFlag,
    /// A number that no word or variant has.
    #[error("no word or variant has that number")]
    UnknownVariant,
    /// A word that isn't one of those that the field takes.
    #[error("expected one of {known}")]
    UnknownWord {
        /// Those that it takes.
        known: String,
    },
    /// A list that is longer than allowed.
    #[error("list of {items} items exceeds the limit of {limit}")]
    ListTooLong {
        /// How many items are announced, or were read.
        items: u64,
        /// How many there may be.
        limit: usize,
    },
    /// A member that has to be there.
    #[error("missing")]
    Missing,
    /// A member that stands there twice.
    #[error("stands there twice")]
    Twice,
    /// A member of another kind than the field wants.
    #[error("expected {expected}")]
    WrongKind {
        /// What the field wants.
        expected: &'static str,
    },
    /// Text that isn't base64 with padding (RFC 4648 section 4).
    #[error("invalid base64")]
    InvalidBase64,
    /// A fault in a field of the field.
    #[error("`{field}`: {fault}")]
    Inside {
        /// The inner field.
        field: &'static str,
        /// What is wrong with it.
        fault: Box<Fault>,
    },
}

impl DecodeError {
    /// The stable code with which such input is refused.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::FrameTooLarge { .. } => ErrorCode::FrameTooLarge,
            _ => ErrorCode::Malformed,
        }
    }
}

/// A fault and the field that has it, before the frame's name is known.
#[derive(Debug)]
pub(super) struct Offence {
    pub(super) field: &'static str,
    pub(super) fault: Fault,
}

impl Offence {
    pub(super) fn in_frame(self, frame: &'static str) -> DecodeError {
        DecodeError::Field { frame, field: self.field, fault: self.fault }
    }

    /// The fault of the value that this is a field of.
    pub(super) fn inside(self) -> Fault {
        Fault::Inside { field: self.field, fault: Box::new(self.fault) }
    }
}

impl Fault {
    pub(super) fn at(self, field: &'static str) -> Offence {
        Offence { field, fault: self }
    }
}
