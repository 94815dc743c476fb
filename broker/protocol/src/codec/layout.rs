//! The order of every frame's fields and variants, which is their layout; written once for both
//! codecs.
//!
//! Bincode knows fields by their place, so these lists may only grow at the end of a *frame*, and
//! records within a frame, and enums, stay as they are for all of major version 1.

use std::borrow::Cow;

use bytes::BytesMut;

use super::binary::{Fields, Input, Layout};
use super::error::{DecodeError, Fault, Offence};
use super::json::{JsonFields, Members, Object, Value, read_word, write_string};
use super::number::write_number;
use crate::frame::*;

/// The most headers a payload may have, and the most items of any other list that clients send.
pub const HEADERS_MAX: usize = 256;

/// The most names in one `presence` frame.
pub const NAMES_MAX: usize = 65_536;

/// Something that stands in lists.
pub(super) trait Item {
    /// How many may stand in one list.
    const LIST_MAX: usize = HEADERS_MAX;
}

impl Item for (Cow<'_, str>, Cow<'_, str>) {}
impl Item for LanePosition {}
impl Item for LaneLag {}
impl Item for OfferedMethod {}
impl Item for String {
    const LIST_MAX: usize = NAMES_MAX;
}

/// A value of named fields, in their order; `..` before a field whose own fields stand in its
/// place, `+` before one by which the frame has grown, which older ends leave out, and in brackets
/// what a member means that is missing in json.
macro_rules! record {
    ($life:lifetime $type:ty { $($($field:ident $(($absent:expr))?)? $(..$flat:ident)? $(+$grown:ident)?),* }) => {
        impl<$life> Fields<$life> for $type {
            fn write_fields(&self, out: &mut BytesMut) {
                $($(self.$field.write(out);)? $(self.$flat.write_fields(out);)?
                  $(self.$grown.write(out);)?)*
            }
            #[inline]
            fn read_fields(input: &mut Input<$life>) -> Result<Self, Offence> {
                Ok(Self {
                    $($($field: input.field(stringify!($field))?)?
                    $($flat: Fields::read_fields(input)?)?
                    $($grown: input.grown(stringify!($grown))?)?,)*
                })
            }
        }

        impl<$life> JsonFields<$life> for $type {
            fn write_members(&self, object: &mut Object<'_>) {
                $($(object.member(stringify!($field), &self.$field);)?
                  $(self.$flat.write_members(object);)?
                  $(object.member(stringify!($grown), &self.$grown);)?)*
            }
            fn read_members(members: &mut Members<$life>) -> Result<Self, Offence> {
                Ok(Self {
                    $($($field: members.field(stringify!($field), None$(.or(Some($absent)))?)?)?
                    $($flat: JsonFields::read_members(members)?)?
                    $($grown: members.field(stringify!($grown), None)?)?,)*
                })
            }
        }
    };
}

/// A record that is itself a field.
macro_rules! nested {
    ($($type:ty)*) => {$(
        impl<'a> Layout<'a> for $type {
            fn write(&self, out: &mut BytesMut) {
                self.write_fields(out);
            }
            fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
                Self::read_fields(input).map_err(Offence::inside)
            }
        }

        impl<'a> Value<'a> for $type {
            fn write_json(&self, out: &mut BytesMut) {
                let mut object = Object::begin(out);
                self.write_members(&mut object);
                object.end();
            }
            fn read_json(raw: &'a str) -> Result<Self, Fault> {
                let members = Members::find(raw);
                let mut members =
                    members.map_err(|_| Fault::WrongKind { expected: "an object" })?;
                Self::read_members(&mut members).map_err(Offence::inside)
            }
        }
    )*};
}

/// An enum without fields: its number in bincode is its place, its word in json is written here.
macro_rules! words {
    ($type:ty { $($variant:ident $word:literal),* }) => {
        impl<'a> Layout<'a> for $type {
            fn write(&self, out: &mut BytesMut) {
                let place = [$(Self::$variant),*].iter().position(|variant| variant == self);
                write_number(place.expect("the table has every variant") as u64, out);
            }
            #[inline]
            fn read(input: &mut Input<'a>) -> Result<Self, Fault> {
                let place = u32::read(input)? as usize;
                match [$(Self::$variant),*].get(place) {
                    Some(variant) => Ok(*variant),
                    None => Err(Fault::UnknownVariant),
                }
            }
        }

        impl<'a> Value<'a> for $type {
            fn write_json(&self, out: &mut BytesMut) {
                write_string(match self { $(Self::$variant => $word),* }, out);
            }
            fn read_json(raw: &'a str) -> Result<Self, Fault> {
                read_word(raw, &[$((Self::$variant, $word)),*])
            }
        }
    };
}

// Parts.
record! { 'a RequestError { code, message } }
record! { 'a LaneLag { lane, messages, bytes, age } }
record! { 'a LanePosition { lane, frames } }
record! { 'a OfferedMethod { method, lane(0), options } }
record! { 'a LaneOptions {
    keep, overflow, bound_messages, bound_bytes, min_interval, priority, unreliable
} }
record! { 'a ClientInfo { name, sdk } }
record! { 'a Resume { session, secret, lanes } }
record! { 'a SessionLimits {
    payload_bytes_max, frame_bytes_max, packet_bytes_max, subscriptions_max, commands_open_max
} }
record! { 'a ServerInfo { name, version } }
nested! { RequestError LaneLag LanePosition OfferedMethod LaneOptions ClientInfo Resume SessionLimits ServerInfo }

// Both ways.
record! { 'a Ping { mark } }
record! { 'a Pong { mark, lag } }

// From the client.
record! { 'a Connect {
    version, client(ClientInfo::default()), credential, resume, receive_window, packet_bytes_max, ping_interval,
    +session_expiry
} }
record! { 'a Subscribe { id, filter, lane, options, replay, group, presence } }
record! { 'a Update { id, lane, options } }
record! { 'a Move { id, subscription, lane, options } }
record! { 'a Unsubscribe { id, subscription } }
record! { 'a Publish<'a> { id, topic, retain, expires_in, ..body } }
record! { 'a Send<'a> { id, to, method, ..body, +expires_in } }
record! { 'a Serve { id, filter, lane } }
record! { 'a Request<'a> { id, topic, timeout, ..body } }
record! { 'a Cancel { id } }
record! { 'a Reply<'a> { to, ..outcome } }
record! { 'a Offer { id, interface, methods } }
record! { 'a Release { callback } }
record! { 'a Hold { id, callback, +presence } }
record! { 'a Attach { id, topic, callback } }
record! { 'a Detach { id, topic, callback } }
record! { 'a Consumed { lane, frames, bytes } }
record! { 'a Authenticate { credential } }
record! { 'a Disconnect { reason(String::new()), keep_session } }

// From the broker.
record! { 'a Connected {
    session, secret, name, resumed, lanes, limits, ping_interval, server, +receive_window
} }
record! { 'a Accepted { id, subscription, lane, callback, granted } }
record! { 'a Rejected { id, code, message, field } }
record! { 'a CaughtUp { subscription } }
record! { 'a Message<'a> { seq, epoch, time, topic, from, ..body } }
record! { 'a Gap { topic, epoch, first_seq, last_seq, count, reason } }
record! { 'a LaneHeader { lane, subscription } }
record! { 'a RoutedRequest<'a> { token, topic, from, timeout, ..body, +session } }
record! { 'a RoutedReply<'a> { id, from, ..outcome } }
record! { 'a RoutedCancel { token } }
record! { 'a Released { callback, reason } }
record! { 'a Attached { callback, topic } }
record! { 'a Detached { callback, topic } }
record! { 'a Presence { subscription, joined, left } }
record! { 'a Moved { subscription, lane } }
record! { 'a Owner { callback, state, +hold } }
record! { 'a Shutdown { code, reason, reconnect } }

words! { Content { Bytes "bytes", Text "text", Json "json" } }
words! { Overflow { Disconnect "disconnect", DropOldest "drop-oldest", Resync "resync" } }
words! { GapReason {
    Conflated "conflated", Merged "merged", Dropped "dropped", Expired "expired",
    NotKept "not-kept"
} }
words! { ReleasedReason {
    Released "released", Closed "closed", TimedOut "timed-out", Kicked "kicked"
} }
words! { OwnerState { Away "away", Back "back" } }

/// The key in the fields of a `message` from `topic` on.
pub(crate) fn read_key(parts: &[u8]) -> Result<Option<Cow<'_, str>>, DecodeError> {
    let mut input = Input::new(parts);
    let mut key = || {
        input.field::<Cow<'_, str>>("topic")?;
        input.field::<Option<Cow<'_, str>>>("from")?;
        input.field("key")
    };
    key().map_err(|offence: Offence| offence.in_frame("message"))
}

/// The topic in the fields of a `message` from there on.
pub(crate) fn read_topic(parts: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    Input::new(parts).field("topic").map_err(|offence: Offence| offence.in_frame("message"))
}

/// Appends the fields of a `message` from `topic` on.
pub(crate) fn write_message_parts(
    topic: &str,
    from: Option<Cow<'_, str>>,
    body: &Body<'_>,
    out: &mut BytesMut,
) {
    Cow::Borrowed(topic).write(out);
    from.write(out);
    body.write_fields(out);
}
