//! Payloads in json: exactly one of the members `json`, `text` and `base64` carries one.
//!
//! The member tells the content, unless `content` says otherwise: what is declared `json` or
//! `text` and isn't travels as `base64` with its `content` beside it. So does text that is nearly
//! all escapes, because a frame must not outgrow what its payload's limit promises, and a document that
//! nests so deep that a reader might refuse the whole frame.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, BytesMut};
use serde_json::value::RawValue;

use super::super::error::{Fault, Offence};
use super::super::layout::HEADERS_MAX;
use super::members::Members;
use super::write::{Object, write_string};
use super::{JsonFields, Value};
use crate::frame::{Body, Content, Headers};

/// How errors name the member that should have been there.
const PAYLOAD_MEMBER: &str = "json, text or base64";

impl<'a> JsonFields<'a> for Body<'a> {
    fn write_members(&self, object: &mut Object<'_>) {
        object.member("key", &self.key);
        if !self.headers.is_empty() {
            write_headers(&self.headers, object.name("headers"));
        }
        match carrier(self) {
            Carrier::Json(document) => write_document(document, object.name("json")),
            Carrier::Text(text) => write_string(text, object.name("text")),
            Carrier::Base64 => {
                if self.content != Content::Bytes {
                    object.member("content", &self.content);
                }
                write_base64(&self.payload, object.name("base64"));
            }
        }
    }

    fn read_members(members: &mut Members<'a>) -> Result<Self, Offence> {
        let key = members.field("key", None)?;
        let headers = match members.take("headers")? {
            Some(raw) => read_headers(raw).map_err(|fault| fault.at("headers"))?,
            None => Headers::new(),
        };
        let declared = members.field::<Option<Content>>("content", None)?;
        let (implied, payload) = read_payload(members)?;
        Ok(Self { key, content: declared.unwrap_or(implied), headers, payload })
    }
}

/// How much larger than in base64 a payload may become by escapes, in bytes. Together with the
/// longest headers it stays within what a frame has beside its payload.
const ESCAPES_BYTES_MAX: usize = 4096;

/// How deep an embedded document nests at most. Widespread parsers refuse a frame that nests deeper than 64, others
/// one of 1,000, and the frame around it is a level or two.
const DEPTH_MAX: usize = 60;

/// How many bytes the longest escape takes, as `\u0001`.
const ESCAPE_BYTES_MAX: usize = 6;

/// Which member carries a payload.
enum Carrier<'p> {
    Json(&'p str),
    Text(&'p str),
    Base64,
}

fn carrier<'p>(body: &'p Body<'_>) -> Carrier<'p> {
    if body.content == Content::Bytes {
        return Carrier::Base64;
    }
    let Ok(text) = std::str::from_utf8(&body.payload) else { return Carrier::Base64 };
    if body.content == Content::Text {
        return if is_mostly_escapes(text) { Carrier::Base64 } else { Carrier::Text(text) };
    }
    match serde_json::from_str::<&RawValue>(text) {
        Ok(document) if !is_deep(document.get()) => Carrier::Json(document.get()),
        _ => Carrier::Base64,
    }
}

/// Whether a document nests deeper than every parser follows.
fn is_deep(document: &str) -> bool {
    let mut opening = memchr::memchr2_iter(b'{', b'[', document.as_bytes());
    opening.nth(DEPTH_MAX).is_some() && depth(document) > DEPTH_MAX
}

/// How deep a valid document nests.
fn depth(document: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = document.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(within) = bytes.next().filter(|&within| within != b'"') {
                    if within == b'\\' {
                        bytes.next();
                    }
                }
            }
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn is_mostly_escapes(text: &str) -> bool {
    let most = base64_bytes(text.len()) + ESCAPES_BYTES_MAX;
    text.len() * ESCAPE_BYTES_MAX > most && text.bytes().map(escaped_bytes).sum::<usize>() > most
}

/// How many bytes a byte of text takes in a JSON string (RFC 8259 section 7).
const fn escaped_bytes(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => ESCAPE_BYTES_MAX,
        _ => 1,
    }
}

/// Appends a document as it is, but in one line: outside strings, where alone raw newlines can
/// stand, a space does as well.
fn write_document(document: &str, out: &mut BytesMut) {
    let mut rest = document.as_bytes();
    while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
        out.put_slice(&rest[..end]);
        out.put_u8(b' ');
        rest = &rest[end + 1..];
    }
    out.put_slice(rest);
}

fn write_base64(payload: &[u8], out: &mut BytesMut) {
    out.put_u8(b'"');
    let start = out.len();
    out.resize(start + base64_bytes(payload.len()), 0);
    STANDARD.encode_slice(payload, &mut out[start..]).expect("the room was made to measure");
    out.put_u8(b'"');
}

const fn base64_bytes(payload_bytes: usize) -> usize {
    payload_bytes.div_ceil(3) * 4
}

fn read_payload<'a>(members: &mut Members<'a>) -> Result<(Content, Cow<'a, [u8]>), Offence> {
    let json = members.take("json")?;
    let text = members.take("text")?;
    let base64 = members.take("base64")?;
    match (json, text, base64) {
        (Some(raw), None, None) => Ok((Content::Json, Cow::Borrowed(raw.as_bytes()))),
        (None, Some(raw), None) => {
            let text = Cow::read_json(raw).map_err(|fault| fault.at("text"))?;
            Ok((Content::Text, bytes_of(text)))
        }
        (None, None, Some(raw)) => {
            let text = <Cow<'a, str>>::read_json(raw).map_err(|fault| fault.at("base64"))?;
            let payload = STANDARD.decode(text.as_bytes());
            let payload = payload.map_err(|_| Fault::InvalidBase64.at("base64"))?;
            Ok((Content::Bytes, Cow::Owned(payload)))
        }
        (None, None, None) => Err(Fault::Missing.at(PAYLOAD_MEMBER)),
        _ => Err(Fault::Twice.at(PAYLOAD_MEMBER)),
    }
}

fn bytes_of(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn write_headers(headers: &Headers<'_>, out: &mut BytesMut) {
    let mut object = Object::begin(out);
    for (name, value) in headers {
        object.member(name, value);
    }
    object.end();
}

fn read_headers(raw: &str) -> Result<Headers<'_>, Fault> {
    let expected = "an object of at most 256 strings";
    let members = Members::find(raw).map_err(|_| Fault::WrongKind { expected })?.into_list();
    debug_assert!(members.len() <= HEADERS_MAX, "as many headers as members");
    members.into_iter().map(|(name, raw)| Ok((name, Cow::read_json(raw)?))).collect()
}
