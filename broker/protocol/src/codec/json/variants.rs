//! The json form of enums that carry something: a word, a number, or an object of one member.

use bytes::BytesMut;

use super::super::error::{Fault, Offence};
use super::JsonFields;
use super::members::Members;
use super::value::{ArrayItem, Value, read_word};
use super::write::{Object, write_number, write_string};
use crate::ErrorCode;
use crate::frame::{Keep, LaneLag, LanePosition, OfferedMethod, Outcome, Reconnect, Replay};

impl ArrayItem for LanePosition {}
impl ArrayItem for LaneLag {}
impl ArrayItem for OfferedMethod {}
impl ArrayItem for String {}

impl<'a> Value<'a> for ErrorCode {
    fn write_json(&self, out: &mut BytesMut) {
        write_string(self.name(), out);
    }
    fn read_json(raw: &'a str) -> Result<Self, Fault> {
        std::borrow::Cow::read_json(raw).map(|name| Self::from_name(&name))
    }
}

impl<'a> Value<'a> for Keep {
    fn write_json(&self, out: &mut BytesMut) {
        match self {
            Self::All => write_string("all", out),
            Self::Latest(1) => write_string("latest", out),
            Self::Latest(newest) => write_number(u64::from(*newest), out),
            Self::Merge => write_string("merge", out),
        }
    }
    fn read_json(raw: &'a str) -> Result<Self, Fault> {
        if raw.starts_with('"') {
            let words = [(Self::All, "all"), (Self::Latest(1), "latest"), (Self::Merge, "merge")];
            return read_word(raw, &words);
        }
        u32::read_json(raw).map(Self::Latest)
    }
}

impl<'a> Value<'a> for Replay {
    fn write_json(&self, out: &mut BytesMut) {
        match self {
            Self::None => write_string("none", out),
            Self::Last => write_string("last", out),
            Self::Newest(newest) => write_only("newest", newest, out),
            Self::Since { epoch, seq } => {
                let mut outer = Object::begin(out);
                let mut inner = Object::begin(outer.name("since"));
                inner.member("epoch", epoch);
                inner.member("seq", seq);
                inner.end();
                outer.end();
            }
        }
    }
    fn read_json(raw: &'a str) -> Result<Self, Fault> {
        if raw.starts_with('"') {
            return match read_word(raw, &[(false, "none"), (true, "last")])? {
                false => Ok(Self::None),
                true => Ok(Self::Last),
            };
        }
        let mut members = object(raw)?;
        match (take(&mut members, "newest")?, take(&mut members, "since")?) {
            (Some(newest), None) => u32::read_json(newest).map(Self::Newest),
            (None, Some(since)) => read_since(since),
            _ => Err(Fault::WrongKind { expected: "either `newest` or `since` in it" }),
        }
    }
    fn is_left_out(&self) -> bool {
        *self == Self::None
    }
    fn absent() -> Option<Self> {
        Some(Self::None)
    }
}

fn read_since(raw: &str) -> Result<Replay, Fault> {
    let mut members = object(raw)?;
    let epoch = members.field("epoch", None).map_err(Offence::inside)?;
    let seq = members.field("seq", None).map_err(Offence::inside)?;
    Ok(Replay::Since { epoch, seq })
}

impl<'a> Value<'a> for Reconnect {
    fn write_json(&self, out: &mut BytesMut) {
        match self {
            Self::Now => write_string("now", out),
            Self::Later(after) => write_only("later", after, out),
            Self::Never => write_string("never", out),
        }
    }
    fn read_json(raw: &'a str) -> Result<Self, Fault> {
        if raw.starts_with('"') {
            return read_word(raw, &[(Self::Now, "now"), (Self::Never, "never")]);
        }
        let missing = Fault::WrongKind { expected: "`later` in it" };
        let later = take(&mut object(raw)?, "later")?.ok_or(missing)?;
        u64::read_json(later).map(Self::Later)
    }
}

impl<'a> JsonFields<'a> for Outcome<'a> {
    fn write_members(&self, object: &mut Object<'_>) {
        match self {
            Self::Answer(body) => body.write_members(object),
            Self::Failure(error) => object.member("error", error),
        }
    }
    fn read_members(members: &mut Members<'a>) -> Result<Self, Offence> {
        match members.field("error", None)? {
            Some(error) => Ok(Self::Failure(error)),
            None => JsonFields::read_members(members).map(Self::Answer),
        }
    }
}

fn object(raw: &str) -> Result<Members<'_>, Fault> {
    Members::find(raw).map_err(|_| Fault::WrongKind { expected: "a word or an object" })
}

fn take<'a>(members: &mut Members<'a>, name: &'static str) -> Result<Option<&'a str>, Fault> {
    members.take(name).map_err(|offence| offence.fault)
}

fn write_only<'a>(name: &str, value: &impl Value<'a>, out: &mut BytesMut) {
    let mut object = Object::begin(out);
    object.member(name, value);
    object.end();
}
