//! The short way for messages writes what the codecs write.
#![allow(missing_docs, reason = "a test")]

use std::borrow::Cow;

use broker_protocol::frame::{Body, BrokerFrame, Content, Message};
use broker_protocol::{Codec, message};
use bytes::BytesMut;

#[test]
fn a_frame_around_parts_equals_the_frame_written_whole() {
    for payload_bytes in [0, 10, 200, 250, 251, 70_000] {
        let payload = vec![7; payload_bytes];
        let body = Body {
            key: Some(Cow::Borrowed("k")),
            content: Content::Bytes,
            headers: vec![(Cow::Borrowed("a"), Cow::Borrowed("b"))],
            payload: Cow::Borrowed(&payload),
        };
        let mut parts = BytesMut::new();
        message::write_parts("market.btc", Some("ticker"), &body, &mut parts);
        let mut short = BytesMut::new();
        message::write_frame(65_536, 1_700_000_000_000, 251, &parts, &mut short);
        assert_eq!(short.len(), message::frame_bytes(65_536, 1_700_000_000_000, 251, parts.len()));

        let frame = BrokerFrame::Message(Message {
            seq: 65_536,
            epoch: 1_700_000_000_000,
            time: 251,
            topic: Cow::Borrowed("market.btc"),
            from: Some(Cow::Borrowed("ticker")),
            body,
        });
        let mut whole = BytesMut::new();
        Codec::Bincode.write_broker(&frame, &mut whole);
        assert_eq!(short, whole);

        let cut = Codec::Bincode.cut(&whole, 1 << 20).unwrap().unwrap();
        assert_eq!(cut.taken, whole.len());
        let read = Codec::Bincode.read_broker(cut.frame).unwrap();
        assert_eq!(read.as_ref(), Some(&frame));
        let Some(BrokerFrame::Message(read)) = read else { panic!("a message") };
        assert!(matches!(read.topic, Cow::Borrowed(_)), "text is borrowed");
        assert!(matches!(read.body.payload, Cow::Borrowed(_)), "the payload is borrowed");
    }
}
