//! Bad input: it is named, it ends that connection at most, and a witness beside it notices nothing.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use broker_protocol::Codec::{self, Bincode, Json};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Attach, Authenticate, ClientFrame, Connect, Detach, Hold, Offer, Publish, Release, Replay,
    Send, Subscribe,
};
use broker_tests::{Client, Place, Transport};
use bytes::BytesMut;
use transport_api::{ConnectError, Framing, Subprotocol};

broker_tests::over_every_transport!(
    malformed_input_ends_that_connection_alone_with_a_code,
    a_truncated_frame_in_a_packet_is_malformed,
    a_frame_out_of_place_is_unexpected,
    frames_of_a_later_version_are_skipped,
    a_refused_command_costs_nothing_but_itself,
    what_is_reserved_is_unsupported,
    what_is_no_callback_is_refused_and_costs_nothing_else,
    another_major_version_is_refused,
    another_protocol_is_refused_with_a_word,
);

/// Two clients between which messages must go on flowing.
struct Witness {
    reader: Client,
    writer: Client,
    seq: u64,
}

impl Witness {
    async fn new(place: &Place) -> Self {
        let mut reader = Client::connect(place, Bincode, "reader").await;
        let writer = Client::connect(place, Json, "writer").await;
        reader.subscribe("witness").await;
        Self { reader, writer, seq: 0 }
    }

    async fn notices_nothing(&mut self) {
        self.seq += 1;
        self.writer.publish("witness", "").await;
        assert_eq!(self.reader.message().await.seq, self.seq);
        assert_eq!(self.reader.unasked().chain(self.writer.unasked()).count(), 0);
    }
}

async fn malformed_input_ends_that_connection_alone_with_a_code(over: Transport) {
    use ErrorCode::{FrameTooLarge, Malformed};
    let offences: [(Codec, &[u8], ErrorCode); 9] = [
        (Bincode, b"\xff\xff\xff\xff", Malformed),
        (Bincode, b"\xfd\xff\xff\xff\xff\xff\xff\xff\x7f", FrameTooLarge),
        (Bincode, b"\x01\x63", Malformed),
        (Bincode, b"\x03\x14\x01\xfb", Malformed),
        (Bincode, b"\x0a\x15\x00\x01\xff\x00\x00\x00\x00\x00\x00", Malformed),
        (Json, b"GET / HTTP/1.1\r\n\r\n", Malformed),
        (Json, b"{\"type\":\"dance\"}\n", Malformed),
        (Json, b"{\"type\":\"publish\",\"text\":\"where?\"}\n", Malformed),
        (
            Json,
            b"{\"type\":\"publish\",\"topic\":\"a\",\"topic\":\"a\",\"text\":\"\"}\n",
            Malformed,
        ),
    ];
    let setting = over.start().await.unwrap();
    let mut witness = Witness::new(&setting.place).await;
    for (codec, bytes, code) in offences {
        let mut offender = Client::connect(&setting.place, codec, "offender").await;
        offender.send_bytes(bytes).await;
        let word = offender.disconnect().await;
        assert_eq!(word.code, code, "{bytes:?}: {}", word.reason);
        assert!(!word.reason.is_empty());
        offender.end().await;
        witness.notices_nothing().await;
    }
}

async fn a_truncated_frame_in_a_packet_is_malformed(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut witness = Witness::new(&setting.place).await;
    let mut offender = Client::connect(&setting.place, Bincode, "offender").await;
    offender.send_bytes(b"\x0a\x15\x00").await;
    if offender.bare().link().properties().framing == Framing::Packets {
        assert_eq!(offender.disconnect().await.code, ErrorCode::Malformed);
        offender.end().await;
    }
    // On a stream the rest may still come; it doesn't.
    drop(offender);
    witness.notices_nothing().await;
}

async fn a_frame_out_of_place_is_unexpected(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut witness = Witness::new(&setting.place).await;
    for codec in [Bincode, Json] {
        let mut hasty = Client::open(&setting.place, codec).await;
        hasty.publish("witness", "too early").await;
        assert_eq!(hasty.disconnect().await.code, ErrorCode::Unexpected);
        hasty.end().await;

        let mut twice = Client::connect(&setting.place, codec, "twice").await;
        let connect = Connect { version: 1, ..Connect::default() };
        twice.send(&ClientFrame::Connect(connect)).await;
        assert_eq!(twice.disconnect().await.code, ErrorCode::Unexpected);
        twice.end().await;
        witness.notices_nothing().await;
    }
}

async fn frames_of_a_later_version_are_skipped(over: Transport) {
    let setting = over.start().await.unwrap();
    let later: [(Codec, &[u8]); 2] =
        [(Bincode, b"\x03\x80\x01\x02"), (Json, b"{\"type\":\"x-later\",\"more\":[{}]}\n")];
    for (codec, bytes) in later {
        let mut client = Client::connect(&setting.place, codec, "client").await;
        client.subscribe("topic").await;
        client.send_bytes(bytes).await;
        client.expect_nothing_else("topic").await;
    }
}

async fn a_refused_command_costs_nothing_but_itself(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut witness = Witness::new(&setting.place).await;
    let mut client = Client::connect(&setting.place, Json, "client").await;
    let topics = [
        ("a.*", ErrorCode::InvalidTopic),
        ("a..b", ErrorCode::InvalidTopic),
        ("", ErrorCode::InvalidTopic),
        ("a b", ErrorCode::InvalidTopic),
        ("$sys.x", ErrorCode::ReservedTopic),
        ("$to.reader", ErrorCode::ReservedTopic),
    ];
    for (topic, code) in topics {
        let refused = client.publish_acked(topic, "").await.unwrap_err();
        assert_eq!((refused.code, refused.field.as_deref()), (code, Some("topic")));
        client.publish(topic, "").await;
        assert_eq!(client.answer_to(0).await.unwrap_err().code, code, "without an id it is 0");
    }
    for filter in ["", "a.>.b", "a*", ">.", "a b"] {
        let subscribe = Subscribe { filter: filter.into(), ..Subscribe::default() };
        let refused = client.subscribe_as(subscribe).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidFilter, "{filter:?}");
        assert_eq!(refused.field.as_deref(), Some("filter"));
    }
    let subscribe = Subscribe { filter: "a".into(), lane: Some(16), ..Subscribe::default() };
    let refused = client.subscribe_as(subscribe).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::UnknownLane);
    ids_grow(&mut client).await;
    witness.notices_nothing().await;
}

async fn ids_grow(client: &mut Client) {
    client.publish_acked("topic", "").await.unwrap();
    let id = client.next_id() - 1;
    let again = Publish { id: Some(id), topic: "topic".into(), ..Publish::default() };
    let refused = client.ask(id, &ClientFrame::Publish(again)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidId);
}

async fn what_is_reserved_is_unsupported(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let mut client = Client::connect(&setting.place, codec, "client").await;
        for (id, frame) in reserved() {
            let refused = client.ask(id, &frame).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Unsupported, "{frame:?}");
        }
        client.subscribe("topic").await;
        client.expect_nothing_else("topic").await;
    }
}

fn reserved() -> Vec<(u64, ClientFrame<'static>)> {
    let replay =
        Subscribe { id: 7, filter: "a".into(), replay: Replay::Newest(1), ..<_>::default() };
    vec![
        (0, ClientFrame::Authenticate(Authenticate { credential: "c".into() })),
        (7, ClientFrame::Subscribe(replay)),
    ]
}

async fn what_is_no_callback_is_refused_and_costs_nothing_else(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let mut client = Client::connect(&setting.place, codec, "client").await;
        for token in ["", "c", "client", &"F".repeat(32), &"f".repeat(32), "0-0", "9-9-9"] {
            for (id, frame) in about_callback(token) {
                let refused = client.ask(id, &frame).await.unwrap_err();
                assert_eq!(refused.code, ErrorCode::UnknownCallback, "{frame:?}");
            }
            client.send(&ClientFrame::Release(Release { callback: token.into() })).await;
        }
        let offer = Offer { id: 7, interface: "i".into(), methods: Vec::new() };
        let refused = client.ask(7, &ClientFrame::Offer(offer)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidField);
        client.subscribe("topic").await;
        client.expect_nothing_else("topic").await;
    }
}

fn about_callback(token: &str) -> Vec<(u64, ClientFrame<'static>)> {
    let (callback, topic) = (token.to_owned(), "a".to_owned());
    let (to, method) = (token.to_owned().into(), Some("m".into()));
    let send = Send { to, method, ..<_>::default() };
    let attach = Attach { id: 7, topic: topic.clone(), callback: callback.clone() };
    let detach = Detach { id: 7, topic, callback: callback.clone() };
    vec![
        (7, ClientFrame::Hold(Hold { id: 7, callback, presence: false })),
        (7, ClientFrame::Attach(attach)),
        (7, ClientFrame::Detach(detach)),
        (0, ClientFrame::Send(send)),
    ]
}

async fn another_major_version_is_refused(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut client = Client::open(&setting.place, Json).await;
    client.send(&ClientFrame::Connect(Connect { version: 2, ..Connect::default() })).await;
    let word = client.disconnect().await;
    assert_eq!(word.code, ErrorCode::UnsupportedVersion);
    assert!(word.reason.contains('1'), "it says what is spoken: {}", word.reason);
    client.end().await;
}

async fn another_protocol_is_refused_with_a_word(over: Transport) {
    const CHESS: Subprotocol =
        Subprotocol { family: "chess", version: 1, codec: "json", text: true };
    let setting = over.start().await.unwrap();
    let mut witness = Witness::new(&setting.place).await;
    let connector = setting.place.connector();
    match connector.connect(&setting.place.url, &[CHESS]).await {
        Err(ConnectError::Refused { reason, .. }) => assert!(!reason.is_empty()),
        Err(other) => panic!("another error than a refusal: {other}"),
        Ok(_) => panic!("chess isn't spoken here"),
    }
    witness.notices_nothing().await;
}

/// Every frame, cut short at every place.
#[tokio::test]
async fn no_beginning_of_a_frame_harms_anybody() {
    let setting = Transport::Memory.start().await.unwrap();
    let mut witness = Witness::new(&setting.place).await;
    for codec in [Bincode, Json] {
        for (_, frame) in reserved() {
            let mut whole = BytesMut::new();
            codec.write_client(&frame, &mut whole);
            for bytes in 1..whole.len() - 1 {
                let mut offender = Client::connect(&setting.place, codec, "offender").await;
                offender.send_bytes(&whole[..bytes]).await;
                assert_eq!(offender.disconnect().await.code, ErrorCode::Malformed);
            }
        }
        witness.notices_nothing().await;
    }
}
