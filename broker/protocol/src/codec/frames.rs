//! The types of both directions: the byte before a frame in bincode, its `type` in json.

use std::borrow::Cow;

use bytes::BytesMut;

use super::binary::{Fields, Input};
use super::error::DecodeError;
use super::json::{JsonFields, Members, Object, write_string};
use crate::frame::{BrokerFrame, ClientFrame};

/// Types from this one up are skipped by receivers that don't know them.
const SKIPPED_FROM: u8 = 128;

/// The same in json: types that begin with this.
const SKIPPED_PREFIX: &str = "x-";

/// How much of what a peer wrote an error repeats, in characters.
const QUOTED_CHARACTERS_MAX: usize = 64;

/// Finds the members of a line and its type; `None` for a blank line.
fn members(frame: &[u8]) -> Result<Option<(Cow<'_, str>, Members<'_>)>, DecodeError> {
    let line = std::str::from_utf8(frame)
        .map_err(|_| DecodeError::NotJson { problem: "invalid UTF-8".to_owned() })?;
    match line.trim_ascii().as_bytes() {
        [] => return Ok(None),
        [b'{', ..] => {}
        _ => return Err(DecodeError::NotJson { problem: "a frame begins with `{`".to_owned() }),
    }
    let mut members = Members::find(line)
        .map_err(|error| DecodeError::NotJson { problem: beginning(&error.to_string()) })?;
    let name = members.field("type", None).map_err(|offence| offence.in_frame("frame"))?;
    Ok(Some((name, members)))
}

fn beginning(text: &str) -> String {
    text.chars().take(QUOTED_CHARACTERS_MAX).collect()
}

/// One direction's frames.
macro_rules! frames {
    ($type:ident { $($tag:literal $name:literal $variant:ident,)* }) => {
        impl<'a> $type<'a> {
            /// Every type of this direction: its number in bincode, its name in json.
            pub const TYPES: &'static [(u8, &'static str)] = &[$(($tag, $name),)*];

            /// The stable name of the frame's type, as the json codec writes it.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            pub(super) fn write_binary(&self, out: &mut BytesMut) {
                match self {
                    $(Self::$variant(frame) => {
                        out.extend_from_slice(&[$tag]);
                        frame.write_fields(out);
                    })*
                }
            }

            pub(super) fn read_binary(frame: &'a [u8]) -> Result<Option<Self>, DecodeError> {
                let Some((tag, fields)) = frame.split_first() else {
                    return Err(DecodeError::Empty);
                };
                let mut input = Input::new(fields);
                // Spelled out, so that the frame is made where the caller wants it: it is large.
                match *tag {
                    $($tag => match Fields::read_fields(&mut input) {
                        Ok(frame) => Ok(Some(Self::$variant(frame))),
                        Err(offence) => Err(offence.in_frame($name)),
                    },)*
                    SKIPPED_FROM.. => Ok(None),
                    tag => Err(DecodeError::UnknownType { tag }),
                }
            }

            pub(super) fn write_json(&self, out: &mut BytesMut) {
                let mut object = Object::begin(out);
                write_string(self.name(), object.name("type"));
                match self {
                    $(Self::$variant(frame) => frame.write_members(&mut object),)*
                }
                object.end();
                out.extend_from_slice(b"\n");
            }

            pub(super) fn read_json(frame: &'a [u8]) -> Result<Option<Self>, DecodeError> {
                let Some((name, mut members)) = members(frame)? else { return Ok(None) };
                let read = match name.as_ref() {
                    $($name => JsonFields::read_members(&mut members)
                        .map(Self::$variant)
                        .map_err(|offence| offence.in_frame($name)),)*
                    name if name.starts_with(SKIPPED_PREFIX) => return Ok(None),
                    name => Err(DecodeError::UnknownTypeName { name: beginning(name) }),
                };
                read.map(Some)
            }
        }
    };
}

frames! { ClientFrame {
    1 "ping" Ping,
    2 "pong" Pong,
    16 "connect" Connect,
    17 "subscribe" Subscribe,
    18 "update" Update,
    19 "move" Move,
    20 "unsubscribe" Unsubscribe,
    21 "publish" Publish,
    22 "send" Send,
    23 "serve" Serve,
    24 "request" Request,
    25 "cancel" Cancel,
    26 "reply" Reply,
    27 "offer" Offer,
    28 "release" Release,
    29 "attach" Attach,
    30 "detach" Detach,
    31 "consumed" Consumed,
    32 "authenticate" Authenticate,
    33 "disconnect" Disconnect,
    34 "hold" Hold,
} }

/// The type of a `message`.
pub(crate) const MESSAGE: u8 = 68;

frames! { BrokerFrame {
    1 "ping" Ping,
    2 "pong" Pong,
    64 "connected" Connected,
    65 "accepted" Accepted,
    66 "rejected" Rejected,
    67 "caught_up" CaughtUp,
    68 "message" Message,
    69 "gap" Gap,
    70 "lane" Lane,
    71 "request" Request,
    72 "reply" Reply,
    73 "cancelled" Cancelled,
    74 "released" Released,
    75 "attached" Attached,
    76 "detached" Detached,
    77 "presence" Presence,
    78 "disconnect" Disconnect,
    79 "moved" Moved,
    80 "owner" Owner,
} }
