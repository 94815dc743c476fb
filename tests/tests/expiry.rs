//! Messages that expire: who keeps up gets them, who is behind is told that they are gone.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::{Duration, Instant};

use broker_protocol::Codec::{self, Bincode, Json};
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, ClientInfo, Connect, Consumed, GapReason, Keep, LaneOptions,
    Publish, Replay, Subscribe,
};
use broker_tests::{Client, Heard, Place, Transport};
use bytes::BytesMut;

broker_tests::over_every_transport!(
    what_waits_too_long_is_told_as_expired_and_the_books_balance,
    a_retained_value_that_expires_while_it_waits_is_not_sent,
);

/// More than the 64 KiB that may be on their way to begin with; each of a key of its own.
const MESSAGES: u64 = 3000;
const PAYLOAD_BYTES: usize = 200;
const EXPIRES_IN: Duration = Duration::from_secs(1);

async fn what_waits_too_long_is_told_as_expired_and_the_books_balance(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let base = codec.name();
        let mut stalled = Client::connect(&setting.place, codec, "stalled").await;
        let options = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
        let (filter, options) = (base.to_owned(), Some(options));
        let subscribe = Subscribe { filter, lane: Some(1), options, ..Subscribe::default() };
        stalled.subscribe_as(subscribe).await.unwrap();
        let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
        let mut neighbour = Client::connect(&setting.place, codec, "neighbour").await;
        neighbour.subscribe(base).await;
        let keeps_up = async {
            for _ in 0..MESSAGES {
                neighbour.message_or_gap().await.expect("who keeps up gets what expires");
            }
        };
        tokio::join!(publish(&mut publisher, base), keeps_up);
        let published = Instant::now();
        while published.elapsed() < EXPIRES_IN {
            publisher.publish_acked("meanwhile", "").await.unwrap();
        }
        check(&mut stalled, base).await;
    }
    let summary = setting.running.shutdown().await.shards;
    assert!(summary.expired > MESSAGES, "{} have expired", summary.expired);
    assert_eq!((summary.log_bytes, summary.survivors), (0, 0), "nothing is held any more");
}

/// Retained values, all in one page of a replay: several times what is sent before anything was consumed.
const VALUES: u64 = 60;
const VALUE_BYTES: usize = 400;
const WINDOW: u64 = 8 << 10;
/// Time enough for the first of them to arrive.
const VALUES_EXPIRE_IN: Duration = Duration::from_secs(3);

async fn a_retained_value_that_expires_while_it_waits_is_not_sent(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
    let mut readers = Vec::new();
    for codec in [Bincode, Json] {
        for number in 0..VALUES {
            let topic = format!("{}.{number}", codec.name());
            retain(&mut publisher, &topic, &[0; VALUE_BYTES], Some(VALUES_EXPIRE_IN)).await;
        }
        retain(&mut publisher, &format!("{}.lasts", codec.name()), b"x", None).await;
        readers.push(Reader::begin(&setting.place, codec).await);
    }
    let published = Instant::now();
    for reader in &mut readers {
        reader.read().await;
    }
    while published.elapsed() < VALUES_EXPIRE_IN {
        publisher.publish_acked("meanwhile", "").await.unwrap();
    }
    for reader in &mut readers {
        // What was on its way is read, and what lasts.
        while !reader.caught_up {
            reader.consume().await;
            reader.read().await;
        }
        assert!(reader.lasting && reader.passing_bytes <= WINDOW, "{}", reader.passing_bytes);
    }
}

async fn retain(client: &mut Client, topic: &str, payload: &[u8], expires_in: Option<Duration>) {
    let expires_in = expires_in.map(|time| time.as_millis() as u64);
    let id = client.next_id();
    let publish =
        Publish { id: Some(id), retain: true, expires_in, ..Publish::bytes(topic, payload) };
    client.ask(id, &ClientFrame::Publish(publish)).await.unwrap();
}

/// A client that is sent what is retained, and says what of it is consumed.
struct Reader {
    client: Client,
    codec: Codec,
    came: u64,
    /// How much of that were values that expire.
    passing_bytes: u64,
    lasting: bool,
    caught_up: bool,
}

impl Reader {
    async fn begin(place: &Place, codec: Codec) -> Self {
        let client = ClientInfo { name: Some(codec.name().to_owned()), sdk: None };
        let receive_window = Some(WINDOW);
        let connect = Connect { version: 1, client, receive_window, ..Connect::default() };
        let mut client = Client::connect_as(place, codec, connect).await;
        assert_eq!(client.connected.receive_window, Some(WINDOW));
        let id = client.next_id();
        let (filter, lane, replay) = (format!("{}.*", codec.name()), Some(1), Replay::Last);
        let options = Some(LaneOptions::default());
        let subscribe = Subscribe { id, filter, lane, options, replay, ..Subscribe::default() };
        client.send(&ClientFrame::Subscribe(subscribe)).await;
        let (came, passing_bytes, lasting, caught_up) = (0, 0, false, false);
        let mut reader = Self { client, codec, came, passing_bytes, lasting, caught_up };
        reader.read().await;
        reader
    }

    /// Reads one frame of its lane.
    async fn read(&mut self) {
        let of_lane = |heard: &Heard| match &heard.frame {
            BrokerFrame::Ping(_) => None,
            frame => (heard.header.lane == 1).then(|| frame.clone()),
        };
        let frame = self.client.wait_for("something of the lane", of_lane).await;
        let mut out = BytesMut::new();
        self.codec.write_broker(&frame, &mut out);
        self.came += out.len() as u64;
        match frame {
            BrokerFrame::Accepted(_) => {}
            BrokerFrame::Message(message) if message.topic.ends_with("lasts") => {
                self.lasting = true;
            }
            BrokerFrame::Message(_) => self.passing_bytes += out.len() as u64,
            BrokerFrame::CaughtUp(_) => self.caught_up = true,
            other => panic!("{other:?}"),
        }
    }

    async fn consume(&mut self) {
        let consumed = Consumed { lane: 1, frames: 0, bytes: self.came };
        self.client.send(&ClientFrame::Consumed(consumed)).await;
    }
}

/// Whether all is accounted for, and most of it has expired.
async fn check(stalled: &mut Client, topic: &str) {
    let (mut received, mut expired) = (0, 0);
    while received + expired < MESSAGES {
        match stalled.message_or_gap().await {
            Ok(_) => received += 1,
            Err(gap) => {
                assert_eq!(gap.reason, GapReason::Expired);
                assert_eq!(gap.topic.as_deref(), Some(topic));
                expired += gap.count;
            }
        }
    }
    assert_eq!(received + expired, MESSAGES);
    assert!(expired > MESSAGES / 2, "{expired} have expired");
}

/// Publishes everything, and waits until it is taken.
async fn publish(client: &mut Client, topic: &str) {
    let id = client.next_id();
    let mut packet = BytesMut::new();
    for number in 0..MESSAGES {
        let (key, payload) = (Some(number.to_string().into()), vec![0; PAYLOAD_BYTES].into());
        let publish = Publish {
            id: (number == MESSAGES - 1).then_some(id),
            topic: topic.into(),
            expires_in: Some(EXPIRES_IN.as_millis() as u64),
            body: Body { key, payload, ..Body::default() },
            ..Publish::default()
        };
        client.bare().codec().write_client(&ClientFrame::Publish(publish), &mut packet);
        if packet.len() > 16 << 10 {
            client.send_bytes(&packet.split()).await;
        }
    }
    client.send_bytes(&packet).await;
    client.answer_to(id).await.unwrap();
}
