//! What goes into a message: from an argument or from standard input.

use std::io::{self, Read};

use client_sdk::{Body, Content};
use serde::de::IgnoredAny;

use super::arguments;
use super::outcome::{Failure, Outcome};

/// The most that is read from standard input for one message, in bytes: the largest payload that a
/// broker can be configured for. What the broker at hand allows, it says itself.
pub(crate) const PAYLOAD_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The argument itself, or for `-` all of standard input.
pub(crate) fn from_argument(argument: &str) -> Result<Vec<u8>, Failure> {
    if argument != "-" {
        return Ok(argument.as_bytes().to_vec());
    }
    let mut payload = Vec::new();
    let mut input = io::stdin().lock().take(PAYLOAD_BYTES_MAX + 1);
    input.read_to_end(&mut payload).map_err(|error| unreadable(&error))?;
    if payload.len() as u64 > PAYLOAD_BYTES_MAX {
        let message = "standard input is longer than any message can be, 16 MiB; publish its lines \
                       with --lines, or send it in parts";
        return Err(Outcome::Failed.because(message));
    }
    Ok(payload)
}

/// The failure of standard input.
pub(crate) fn unreadable(error: &io::Error) -> Failure {
    Outcome::Failed.because(format_args!("standard input can't be read: {error}"))
}

/// A body with this payload. What isn't said to be anything is text if it is UTF-8.
///
/// # Errors
/// If the payload isn't what it is said to be.
pub(crate) fn body(payload: Vec<u8>, content: Option<arguments::Content>) -> Result<Body, Failure> {
    let content = match content {
        Some(arguments::Content::Bytes) => Content::Bytes,
        Some(arguments::Content::Json) => json(&payload)?,
        Some(arguments::Content::Text) => text(&payload)?,
        None => text(&payload).unwrap_or(Content::Bytes),
    };
    let mut body = Body::bytes(payload);
    body.content = content;
    Ok(body)
}

fn json(payload: &[u8]) -> Result<Content, Failure> {
    match serde_json::from_slice::<IgnoredAny>(payload) {
        Ok(_) => Ok(Content::Json),
        Err(error) => Err(Outcome::Misused.because(format_args!(
            "the payload isn't JSON: {error}; in a shell, put it in single quotes"
        ))),
    }
}

fn text(payload: &[u8]) -> Result<Content, Failure> {
    match std::str::from_utf8(payload) {
        Ok(_) => Ok(Content::Text),
        Err(error) => Err(Outcome::Misused
            .because(format_args!("the payload isn't text: {error}; publish it as bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_isnt_said_to_be_anything_is_text_if_it_is_utf_8() {
        let content_of = |payload: &[u8]| body(payload.to_vec(), None).map(|body| body.content);
        assert_eq!(content_of(b"{}"), Ok(Content::Text));
        assert_eq!(content_of(&[255]), Ok(Content::Bytes));
    }

    #[test]
    fn a_payload_that_isnt_what_it_is_said_to_be_is_refused() {
        assert!(body(b"{}".to_vec(), Some(arguments::Content::Json)).is_ok());
        let refused = body(b"{".to_vec(), Some(arguments::Content::Json)).unwrap_err();
        assert_eq!(refused.outcome, Outcome::Misused);
        assert!(body(vec![255], Some(arguments::Content::Text)).is_err());
    }
}
