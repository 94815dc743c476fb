//! The bincode layout of what the two codecs write in different shapes: bodies, and enums that
//! carry something (the variant's number, then what it carries).

use bytes::BytesMut;

use super::binary::{Fields, Input, Layout};
use super::error::{Fault, Offence};
use super::number::write_number;
use crate::ErrorCode;
use crate::frame::{Body, Keep, Outcome, Reconnect, Replay};

impl<'a> Fields<'a> for Body<'a> {
    #[inline]
    fn write_fields(&self, out: &mut BytesMut) {
        self.key.write(out);
        self.content.write(out);
        self.headers.write(out);
        self.payload.write(out);
    }
    #[inline]
    fn read_fields(input: &mut Input<'a>) -> Result<Self, Offence> {
        Ok(Self {
            key: input.field("key")?,
            content: input.field("content")?,
            headers: input.field("headers")?,
            payload: input.field("payload")?,
        })
    }
}

impl<'a> Layout<'a> for ErrorCode {
    fn write(&self, out: &mut BytesMut) {
        self.number().write(out);
    }
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        u32::read(input).map(Self::from_number)
    }
}

impl<'a> Layout<'a> for Keep {
    fn write(&self, out: &mut BytesMut) {
        match self {
            Self::All => write_number(0, out),
            Self::Latest(newest) => {
                write_number(1, out);
                newest.write(out);
            }
            Self::Merge => write_number(2, out),
        }
    }
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        match u32::read(input)? {
            0 => Ok(Self::All),
            1 => u32::read(input).map(Self::Latest),
            2 => Ok(Self::Merge),
            _ => Err(Fault::UnknownVariant),
        }
    }
}

impl<'a> Layout<'a> for Replay {
    fn write(&self, out: &mut BytesMut) {
        match self {
            Self::None => write_number(0, out),
            Self::Last => write_number(1, out),
            Self::Newest(newest) => {
                write_number(2, out);
                newest.write(out);
            }
            Self::Since { epoch, seq } => {
                write_number(3, out);
                epoch.write(out);
                seq.write(out);
            }
        }
    }
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        match u32::read(input)? {
            0 => Ok(Self::None),
            1 => Ok(Self::Last),
            2 => u32::read(input).map(Self::Newest),
            3 => Ok(Self::Since { epoch: u64::read(input)?, seq: u64::read(input)? }),
            _ => Err(Fault::UnknownVariant),
        }
    }
}

impl<'a> Layout<'a> for Reconnect {
    fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Now => write_number(0, out),
            Self::Later(after) => {
                write_number(1, out);
                after.write(out);
            }
            Self::Never => write_number(2, out),
        }
    }
    fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
        match u32::read(input)? {
            0 => Ok(Self::Now),
            1 => u64::read(input).map(Self::Later),
            2 => Ok(Self::Never),
            _ => Err(Fault::UnknownVariant),
        }
    }
}

impl<'a> Fields<'a> for Outcome<'a> {
    fn write_fields(&self, out: &mut BytesMut) {
        match self {
            Self::Answer(body) => {
                write_number(0, out);
                body.write_fields(out);
            }
            Self::Failure(error) => {
                write_number(1, out);
                error.write_fields(out);
            }
        }
    }
    fn read_fields(input: &mut Input<'a>) -> Result<Self, Offence> {
        match input.field::<u32>("outcome")? {
            0 => Fields::read_fields(input).map(Self::Answer),
            1 => Fields::read_fields(input).map(Self::Failure),
            _ => Err(Fault::UnknownVariant.at("outcome")),
        }
    }
}
