//! What messages, requests and replies carry.

use std::borrow::Cow;

use broker_protocol::frame;
use bytes::Bytes;

pub use broker_protocol::frame::Content;

/// What a message, request or reply carries: a payload and what stands beside it.
///
/// Text becomes [`Content::Text`], bytes become [`Content::Bytes`]; [`Body::json`] says that a text
/// is a JSON document.
///
/// ```
/// use client_sdk::{Body, Content};
///
/// let body = Body::json(r#"{"price": 7}"#).key("btc").header("source", "walk");
/// assert_eq!(body.content, Content::Json);
/// assert_eq!(body.text(), Some(r#"{"price": 7}"#));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// What thing the message is about, within its topic; the topic itself where `None`.
    pub key: Option<Box<str>>,
    /// What kind of bytes the payload is, as its sender states it.
    pub content: Content,
    /// Names and values beside the payload, in the sender's order.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The payload.
    pub payload: Bytes,
}

impl Body {
    /// Any bytes.
    pub fn bytes(payload: impl Into<Bytes>) -> Self {
        Self { payload: payload.into(), ..Self::default() }
    }

    /// A text.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self { content: Content::Text, ..Self::bytes(text.into()) }
    }

    /// A JSON document, given as text. It isn't parsed.
    pub fn json(document: impl Into<String>) -> Self {
        Self { content: Content::Json, ..Self::bytes(document.into()) }
    }

    /// Says what thing the message is about.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into().into_boxed_str());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into().into_boxed_str(), value.into().into_boxed_str()));
        self
    }

    /// The payload as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.payload).ok()
    }

    /// The value of the first header of that name.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| **one == *name).map(|(_, value)| &**value)
    }

    /// Bytes of everything in it.
    pub(crate) fn size(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.payload.len() + self.key.as_ref().map_or(0, |key| key.len()) + headers
    }

    pub(crate) fn as_frame(&self) -> frame::Body<'_> {
        let header = |(name, value): &'_ (Box<str>, Box<str>)| {
            (Cow::Owned(name.to_string()), Cow::Owned(value.to_string()))
        };
        frame::Body {
            key: self.key.as_deref().map(Cow::Borrowed),
            content: self.content,
            headers: self.headers.iter().map(header).collect(),
            payload: Cow::Borrowed(&self.payload),
        }
    }

    /// Copies what was received: a body kept for long must not keep the packet that it came in.
    pub(crate) fn received(body: &frame::Body<'_>) -> Self {
        let headers = body.headers.iter();
        Self {
            key: body.key.as_deref().map(Box::from),
            content: body.content,
            headers: headers
                .map(|(name, value)| (Box::from(&**name), Box::from(&**value)))
                .collect(),
            payload: Bytes::copy_from_slice(&body.payload),
        }
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self::from_text(text)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from_text(text)
    }
}

impl From<&[u8]> for Body {
    fn from(payload: &[u8]) -> Self {
        Self::bytes(Bytes::copy_from_slice(payload))
    }
}

impl<const N: usize> From<&[u8; N]> for Body {
    fn from(payload: &[u8; N]) -> Self {
        Self::from(&payload[..])
    }
}

impl From<Vec<u8>> for Body {
    fn from(payload: Vec<u8>) -> Self {
        Self::bytes(payload)
    }
}

impl From<Bytes> for Body {
    fn from(payload: Bytes) -> Self {
        Self::bytes(payload)
    }
}
