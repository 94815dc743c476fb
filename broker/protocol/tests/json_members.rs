//! What the json codec makes of payloads, members and mistakes.
#![allow(missing_docs, reason = "a test")]

use std::borrow::Cow;

use broker_protocol::Codec;
use broker_protocol::frame::{Body, ClientFrame, Connect, Content, Disconnect, Publish};
use bytes::BytesMut;

fn publish(content: Content, payload: &[u8]) -> ClientFrame<'_> {
    let body = Body { content, payload: Cow::Borrowed(payload), ..Body::default() };
    ClientFrame::Publish(Publish { topic: Cow::Borrowed("t"), body, ..Publish::default() })
}

fn line(frame: &ClientFrame<'_>) -> String {
    let mut out = BytesMut::new();
    Codec::Json.write_client(frame, &mut out);
    String::from_utf8(out.to_vec()).expect("json is UTF-8")
}

fn carried(content: Content, payload: &[u8]) -> String {
    let line = line(&publish(content, payload));
    let start = "{\"type\":\"publish\",\"topic\":\"t\",";
    line.strip_prefix(start).and_then(|rest| rest.strip_suffix("}\n")).expect(&line).to_owned()
}

fn read(line: &str) -> ClientFrame<'_> {
    Codec::Json.read_client(line.as_bytes()).expect(line).expect("known")
}

fn refusal(line: &str) -> String {
    Codec::Json.read_client(line.as_bytes()).expect_err(line).to_string()
}

#[test]
fn a_payload_travels_in_the_member_that_its_content_names() {
    assert_eq!(carried(Content::Bytes, b"hi"), r#""base64":"aGk=""#);
    assert_eq!(carried(Content::Text, "h\"i\n\u{e4}".as_bytes()), r#""text":"h\"i\nä""#);
    assert_eq!(carried(Content::Json, b"{\"a\":1}"), r#""json":{"a":1}"#);
}

#[test]
fn an_embedded_document_keeps_its_digits_and_loses_only_its_newlines() {
    let digits = "[123456789012345678901234567890.10,1e400,-0]";
    assert_eq!(carried(Content::Json, digits.as_bytes()), format!("\"json\":{digits}"));
    let spread = b"\n{\n\"a\":\r\n1 }\t";
    assert_eq!(carried(Content::Json, spread), "\"json\":{ \"a\":  1 }");
}

#[test]
fn what_is_not_what_it_is_declared_to_be_travels_as_base64_beside_its_content() {
    assert_eq!(carried(Content::Json, b"{"), r#""content":"json","base64":"ew==""#);
    assert_eq!(carried(Content::Json, b""), r#""content":"json","base64":"""#);
    assert_eq!(carried(Content::Text, b"\xff"), r#""content":"text","base64":"/w==""#);
    let frame = publish(Content::Json, b"{");
    assert_eq!(read(&line(&frame)), frame);
}

#[test]
fn text_of_escapes_travels_as_text_until_base64_is_4096_bytes_smaller() {
    // 3n bytes are 18n escaped and 4n in base64.
    let of = |bytes: usize| vec![1u8; bytes];
    assert!(carried(Content::Text, &of(876)).starts_with("\"text\""), "5256 bytes, not 5264");
    assert!(carried(Content::Text, &of(879)).starts_with("\"content\":\"text\",\"base64\""));
    let payload = vec![1u8; 512 * 1024];
    assert!(line(&publish(Content::Text, &payload)).len() < 764_588);
    let quotes = vec![b'"'; 512 * 1024];
    assert!(line(&publish(Content::Text, &quotes)).len() < 764_588);
}

fn nested(levels: usize) -> String {
    r#"{"]\\":["#.repeat(levels / 2) + &"]}".repeat(levels / 2)
}

#[test]
fn a_document_may_nest_deeper_than_any_stack() {
    let deep = nested(100_000);
    let frame = publish(Content::Json, deep.as_bytes());
    assert_eq!(read(&line(&frame)), frame);
    let embedded = format!(r#"{{"type":"publish","topic":"t","json":{deep}}}"#);
    assert_eq!(read(&embedded), frame);
}

#[test]
fn a_document_that_nests_deeper_than_60_travels_as_base64() {
    assert!(carried(Content::Json, nested(60).as_bytes()).starts_with("\"json\""));
    assert!(
        carried(Content::Json, nested(62).as_bytes())
            .starts_with("\"content\":\"json\",\"base64\"")
    );
    let wide = format!("[{}0]", "[],{},".repeat(1000));
    assert!(carried(Content::Json, wide.as_bytes()).starts_with("\"json\""));
    let written = format!(r#"["{}"]"#, r#"[{\"\\"#.repeat(100));
    assert!(carried(Content::Json, written.as_bytes()).starts_with("\"json\""));
}

#[test]
fn members_come_in_any_order_and_unknown_ones_are_ignored() {
    let frame = read(r#"{"later":{"x":[]},"json":null,"topic":"t","type":"publish"}"#);
    assert_eq!(frame, publish(Content::Json, b"null"));
}

#[test]
fn plain_text_is_borrowed_from_the_line() {
    let ClientFrame::Publish(frame) = read(r#"{"type":"publish","topic":"t","text":"plain"}"#)
    else {
        panic!("a publish")
    };
    assert!(matches!(frame.topic, Cow::Borrowed("t")));
    assert!(matches!(frame.body.payload, Cow::Borrowed(b"plain")));
}

#[test]
fn a_person_may_leave_out_what_has_a_meaning_when_missing() {
    let expected = ClientFrame::Connect(Connect { version: 1, ..Connect::default() });
    assert_eq!(read(r#"{"type":"connect","version":1}"#), expected);
    assert_eq!(read(r#"{"type":"disconnect"}"#), ClientFrame::Disconnect(Disconnect::default()));
}

#[test]
fn mistakes_are_named() {
    let cases = [
        ("[1]", "not a JSON object: a frame begins with `{`"),
        ("7", "not a JSON object: a frame begins with `{`"),
        ("{7:1}", "not a JSON object: key must be a string"),
        ("{\"type\":\"ping\"", "not a JSON object: EOF while parsing an object"),
        (r#"{"type":["publish"]}"#, "`frame`, field `type`: expected a string"),
        ("{}", "`frame`, field `type`: missing"),
        (r#"{"type":"publish","text":"x"}"#, "`publish`, field `topic`: missing"),
        (
            r#"{"type":"publish","topic":7,"text":"x"}"#,
            "`publish`, field `topic`: expected a string",
        ),
        (r#"{"type":"publish","topic":"t"}"#, "`publish`, field `json, text or base64`: missing"),
        (
            r#"{"type":"publish","topic":"t","text":"x","json":1}"#,
            "`publish`, field `json, text or base64`: stands there twice",
        ),
        (
            r#"{"type":"publish","topic":"t","topic":"u","text":"x"}"#,
            "`publish`, field `topic`: stands there twice",
        ),
        (
            r#"{"type":"publish","topic":"t","base64":"aGk"}"#,
            "`publish`, field `base64`: invalid base64",
        ),
        (
            r#"{"type":"subscribe","id":-1,"filter":"t"}"#,
            "`subscribe`, field `id`: expected a positive integer or 0",
        ),
        (
            r#"{"type":"subscribe","id":1,"filter":"t","lane":256}"#,
            "`subscribe`, field `lane`: expected an integer from 0 to 255",
        ),
        (
            r#"{"type":"subscribe","id":1,"filter":"t","options":{"overflow":"drop"}}"#,
            "`subscribe`, field `options`: `overflow`: expected one of `disconnect`, `drop-oldest`",
        ),
        (
            r#"{"type":"subscribe","id":1,"filter":"t","options":{"keep":"newest"}}"#,
            "`subscribe`, field `options`: `keep`: expected one of `all`, `latest`, `merge`",
        ),
        (
            r#"{"type":"subscribe","id":1,"filter":"t","options":{"keep":[1]}}"#,
            "`subscribe`, field `options`: `keep`: expected an integer from 0 to 4294967295",
        ),
        (
            r#"{"type":"subscribe","id":1,"filter":"t","options":[]}"#,
            "`subscribe`, field `options`: expected an object",
        ),
        (
            r#"{"type":"subscribe","id":1,"filter":"t","replay":"all"}"#,
            "`subscribe`, field `replay`: expected one of `none`, `last`",
        ),
        (
            r#"{"type":"subscribe","id":1,"filter":"t","replay":{"oldest":1}}"#,
            "`subscribe`, field `replay`: expected either `newest` or `since` in it",
        ),
        (
            r#"{"type":"subscribe","id":1,"filter":"t","replay":7}"#,
            "`subscribe`, field `replay`: expected a word or an object",
        ),
        (
            r#"{"type":"subscribe","id":1,"filter":"t","presence":1}"#,
            "`subscribe`, field `presence`: expected true or false",
        ),
        (
            r#"{"type":"offer","id":1,"interface":"i","methods":{}}"#,
            "`offer`, field `methods`: expected an array",
        ),
        (
            r#"{"type":"publish","topic":"t","text":"x","headers":{"a":1}}"#,
            "`publish`, field `headers`: expected a string",
        ),
    ];
    for (line, expected) in cases {
        let refusal = refusal(line);
        assert!(refusal.starts_with(expected), "{line} gave {refusal}");
        // Words of this source and of its parser, which mean nothing to clients.
        for word in
            ["u8", "u32", "u64", "usize", "struct", "sequence", "map", "enum", "invalid type"]
        {
            assert!(!refusal.contains(word), "{line} gave {refusal}");
        }
    }
}

#[test]
fn more_members_than_256_are_refused() {
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("\"h{n}\":\"\"")).collect();
        format!(r#"{{"type":"publish","topic":"t","text":"","headers":{{{}}}}}"#, members.join(","))
    };
    assert!(Codec::Json.read_client(members(256).as_bytes()).is_ok());
    assert!(refusal(&members(257)).contains("`headers`"));
}
