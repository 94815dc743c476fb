//! Messages for programs: one JSON object on each line, with the names that the json codec uses.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client_sdk::{Body, Content, Reply};
use serde::Serialize;
use serde::de::IgnoredAny;

use super::{Shown, ShownGap};

#[derive(Serialize)]
struct Message<'a> {
    r#type: &'static str,
    topic: &'a str,
    seq: u64,
    epoch: u64,
    time: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
    #[serde(flatten)]
    rest: Rest<'a>,
}

#[derive(Serialize)]
struct Answer<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    rest: Rest<'a>,
}

#[derive(Serialize)]
struct Rest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    content: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'a str, &'a str>,
}

impl<'a> Rest<'a> {
    fn new(from: Option<&'a str>, body: &'a Body) -> Self {
        let headers = body.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        Self { from, key: body.key.as_deref(), content: content(body), headers }
    }
}

#[derive(Serialize)]
struct Gap<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seq: Option<u64>,
    count: u64,
    reason: &'a str,
}

#[derive(Serialize)]
struct CaughtUp<'a> {
    r#type: &'static str,
    filter: &'a str,
}

#[derive(Serialize)]
struct Presence<'a> {
    r#type: &'static str,
    joined: &'a [String],
    left: &'a [String],
}

/// Appends a message. Its payload stands as it is where it is JSON, so that no number changes; else
/// as text where it is UTF-8; else in base64.
pub(super) fn message(line: &mut Vec<u8>, message: &Shown<'_>) {
    let Shown { topic, seq, epoch, time, from, body, replayed } = *message;
    let rest = Rest::new(from, body);
    append(line, &Message { r#type: "message", topic, seq, epoch, time, replayed, rest });
    append_payload(line, body);
}

/// Appends the answer to a request, its payload as in a message.
pub(super) fn reply(line: &mut Vec<u8>, reply: &Reply) {
    let rest = Rest::new(reply.from.as_deref(), &reply.body);
    append(line, &Answer { r#type: "reply", rest });
    append_payload(line, &reply.body);
}

fn content(body: &Body) -> &'static str {
    match body.content {
        Content::Json => "json",
        Content::Text => "text",
        Content::Bytes => "bytes",
    }
}

/// Opens the object again and adds the payload as its last member.
fn append_payload(line: &mut Vec<u8>, body: &Body) {
    let payload = &*body.payload;
    line.pop();
    if body.content == Content::Json && serde_json::from_slice::<IgnoredAny>(payload).is_ok() {
        line.extend_from_slice(b",\"json\":");
        // Within JSON newlines are mere space: in strings they are escaped.
        line.extend(payload.iter().map(|byte| if b"\r\n".contains(byte) { b' ' } else { *byte }));
    } else if let Ok(text) = std::str::from_utf8(payload) {
        line.extend_from_slice(b",\"text\":");
        append(line, &text);
    } else {
        line.extend_from_slice(b",\"base64\":");
        append(line, &STANDARD.encode(payload));
    }
    line.push(b'}');
}

/// Appends that what is retained of a filter has come.
pub(super) fn caught_up(line: &mut Vec<u8>, filter: &str) {
    append(line, &CaughtUp { r#type: "caught_up", filter });
}

/// Appends who came and who went.
pub(super) fn presence(line: &mut Vec<u8>, joined: &[String], left: &[String]) {
    append(line, &Presence { r#type: "presence", joined, left });
}

/// Appends a gap.
pub(super) fn gap(line: &mut Vec<u8>, gap: &ShownGap<'_>) {
    let ShownGap { topic, epoch, first_seq, last_seq, count, reason } = *gap;
    append(line, &Gap { r#type: "gap", topic, epoch, first_seq, last_seq, count, reason });
}

fn append(line: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(line, value).expect("strings and numbers always become JSON");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(content: Content, payload: &[u8]) -> String {
        let mut line = Vec::new();
        let body = Body { content, ..Body::from(payload) };
        message(&mut line, &super::super::tests::shown(&body));
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_message_is_one_line_with_its_payload_in_its_form() {
        let head = "{\"type\":\"message\",\"topic\":\"a.b\",\"seq\":7,\"epoch\":8,\"time\":1500,\
                    \"from\":\"bob\",\"content\":";
        for (content, payload, tail) in [
            (
                Content::Json,
                &b"{\"a\":\n1.10000000000000000001}"[..],
                "\"json\":{\"a\": 1.10000000000000000001}}",
            ),
            (Content::Json, b"{", "\"text\":\"{\"}"),
            (Content::Text, b"a\nb", "\"text\":\"a\\nb\"}"),
            (Content::Bytes, b"plain", "\"text\":\"plain\"}"),
            (Content::Bytes, &[255], "\"base64\":\"/w==\"}"),
        ] {
            let named = format!("{content:?}").to_lowercase();
            assert_eq!(line(content, payload), format!("{head}\"{named}\",{tail}"));
        }
    }

    #[test]
    fn a_gap_is_data_with_all_that_is_known_of_it() {
        let line_of = |gap_of: ShownGap<'_>| {
            let mut line = Vec::new();
            gap(&mut line, &gap_of);
            String::from_utf8(line).unwrap()
        };
        let of_all = ShownGap {
            topic: None,
            epoch: None,
            first_seq: None,
            last_seq: None,
            count: 2,
            reason: "dropped",
        };
        let expected = "{\"type\":\"gap\",\"count\":2,\"reason\":\"dropped\"}";
        assert_eq!(line_of(of_all), expected);
        let (epoch, first_seq, last_seq) = (Some(8), Some(3), Some(7));
        let of_one = ShownGap { topic: Some("a"), epoch, first_seq, last_seq, ..of_all };
        let expected = "{\"type\":\"gap\",\"topic\":\"a\",\"epoch\":8,\"first_seq\":3,\"last_seq\":7,\
                        \"count\":2,\"reason\":\"dropped\"}";
        assert_eq!(line_of(of_one), expected);
    }
}
