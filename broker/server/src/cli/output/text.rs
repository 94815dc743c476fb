//! Messages for people: one line each, whatever the payload holds.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::{Shown, ShownGap};

/// The greatest time that is shown, in milliseconds: the end of the year 9999.
const TIME_MAX: u64 = 253_402_300_799_999;

/// Appends topic and payload. Control characters are escaped, so that no message can move the
/// cursor of a terminal or pretend to be two.
pub(super) fn message(line: &mut Vec<u8>, message: &Shown<'_>, timestamps: bool) {
    if timestamps {
        let time = UNIX_EPOCH + Duration::from_millis(message.time.min(TIME_MAX));
        // Writing to memory doesn't fail.
        let _ = write!(line, "{} ", humantime::format_rfc3339_millis(time));
    }
    if message.replayed {
        line.extend_from_slice(b"(retained) ");
    }
    line.extend_from_slice(message.topic.as_bytes());
    line.push(b' ');
    payload(line, &message.body.payload);
}

/// Appends a payload alone.
pub(super) fn payload(line: &mut Vec<u8>, payload: &[u8]) {
    match std::str::from_utf8(payload) {
        Ok(text) => escape(line, text),
        Err(_) => {
            let _ = write!(line, "({} bytes that aren't UTF-8)", payload.len());
        }
    }
}

fn escape(line: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    while let Some(position) = rest.find(|each: char| each.is_control() && each != '\t') {
        let (plain, from_control) = rest.split_at(position);
        let control = from_control.chars().next().expect("it was found there");
        line.extend_from_slice(plain.as_bytes());
        line.extend(control.escape_default().map(|each| each as u8));
        rest = &from_control[control.len_utf8()..];
    }
    line.extend_from_slice(rest.as_bytes());
}

/// The gap as a sentence.
pub(super) fn gap(gap: &ShownGap<'_>) -> String {
    let ShownGap { topic, count, reason, .. } = gap;
    let messages = if *count == 1 { "message" } else { "messages" };
    let of = topic.map_or_else(String::new, |topic| format!(" of {topic}"));
    format!("missed {count} {messages}{of}: {reason}")
}

/// Who came and who went, each as a sentence.
pub(super) fn presence(joined: &[String], left: &[String]) -> Vec<String> {
    let lists = [("here", joined), ("gone", left)];
    let told = lists.iter().filter(|(_, names)| !names.is_empty());
    told.map(|(what, names)| format!("{what}: {}", names.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use client_sdk::Body;

    use super::*;

    fn line(payload: &[u8], timestamps: bool) -> String {
        let mut line = Vec::new();
        message(&mut line, &super::super::tests::shown(&Body::from(payload)), timestamps);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn no_payload_breaks_its_line() {
        assert_eq!(
            line("a\tbü\n\u{1b}[2J\u{85}".as_bytes(), false),
            "a.b a\tbü\\n\\u{1b}[2J\\u{85}"
        );
        assert_eq!(line(b"", false), "a.b ");
        assert_eq!(line(&[255, 0], false), "a.b (2 bytes that aren't UTF-8)");
    }

    #[test]
    fn a_timestamp_is_utc_in_milliseconds() {
        assert_eq!(line(b"x", true), "1970-01-01T00:00:01.500Z a.b x");
    }

    #[test]
    fn a_gap_is_a_sentence() {
        let (epoch, first_seq, last_seq) = (Some(1), Some(1), Some(3));
        let gap_of = |topic, count| {
            gap(&ShownGap { topic, epoch, first_seq, last_seq, count, reason: "dropped" })
        };
        assert_eq!(gap_of(Some("a.b"), 1), "missed 1 message of a.b: dropped");
        assert_eq!(gap_of(None, 2), "missed 2 messages: dropped");
    }
}
