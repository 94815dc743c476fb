//! The bare send loops serve the broker's clients as the broker does, as far as they go.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::process::Stdio;

use broker_protocol::Codec::Bincode;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Disconnect, LaneOptions, Ping, Publish, Subscribe,
};
use broker_tests::{Client, Place, Transport};
use bytes::BytesMut;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The transports that are served, by the name of the command.
const SERVED: [(&str, Transport); 3] =
    [("ws", Transport::WebSocket), ("wss", Transport::SecureWebSocket), ("quic", Transport::Quic)];

/// A bare send loop, which ends with this.
struct Loop {
    place: Place,
    _process: Child,
}

async fn start(command: &str, transport: Transport) -> Loop {
    let mut process = Command::new(env!("CARGO_BIN_EXE_bare"))
        .args([command, "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let greeting = lines.next_line().await.unwrap().unwrap();
    let url = greeting.strip_prefix("listening on ").unwrap().to_owned();
    let fingerprint = if transport == Transport::WebSocket {
        None
    } else {
        let line = lines.next_line().await.unwrap().unwrap();
        Some(line.rsplit(' ').next().unwrap().parse().unwrap())
    };
    Loop { place: transport.place_at(url, fingerprint), _process: process }
}

#[tokio::test]
async fn every_subscriber_gets_every_message_of_its_topics_in_order() {
    for (command, transport) in SERVED {
        let server = start(command, transport).await;
        let mut publisher = Client::connect(&server.place, Bincode, "publisher").await;
        let mut one = Client::connect(&server.place, Bincode, "one").await;
        let mut both = Client::connect(&server.place, Bincode, "both").await;
        one.subscribe("room.a").await;
        both.subscribe("room.a").await;
        both.subscribe("room.b").await;
        // What is subscribed to twice arrives once.
        both.subscribe("room.b").await;
        for round in 0..100_u64 {
            let mut packet = BytesMut::new();
            for at in 0..10 {
                let topic = ["room.a", "room.b", "room.c"][at % 3];
                let payload = (round * 10 + at as u64).to_be_bytes();
                let publish = ClientFrame::Publish(Publish::bytes(topic, &payload));
                Bincode.write_client(&publish, &mut packet);
            }
            publisher.send_bytes(&packet).await;
        }
        expect(&mut one, &[("room.a", 400)]).await;
        expect(&mut both, &[("room.a", 400), ("room.b", 300)]).await;
    }
}

#[tokio::test]
async fn each_lane_gets_its_own_copy_behind_its_answer() {
    for (command, transport) in SERVED {
        let server = start(command, transport).await;
        let mut client = Client::connect(&server.place, Bincode, "client").await;
        let subscribe = Subscribe { filter: "room".to_owned(), ..Subscribe::default() };
        for lane in [3, 5] {
            let subscribe = Subscribe { lane: Some(lane), ..subscribe.clone() };
            assert_eq!(client.subscribe_as(subscribe).await.unwrap().lane, Some(lane));
        }
        let own = Subscribe { options: Some(LaneOptions::default()), ..subscribe };
        assert_eq!(client.subscribe_as(own).await.unwrap().lane, Some(1));
        client.publish("room", b"hello").await;
        let mut lanes = Vec::new();
        for _ in 0..3 {
            let lane = client.wait_for("a message", |heard| match &heard.frame {
                BrokerFrame::Message(_) => Some(heard.header.lane),
                _ => None,
            });
            lanes.push(lane.await);
        }
        lanes.sort_unstable();
        assert_eq!(lanes, [1, 3, 5]);
    }
}

/// Receives exactly these many messages of each topic, each in its order.
async fn expect(client: &mut Client, topics: &[(&str, u64)]) {
    let mut seen = vec![0; topics.len()];
    let mut last = vec![None; topics.len()];
    for _ in 0..topics.iter().map(|(_, count)| count).sum() {
        let message = client.message().await;
        let topic = topics.iter().position(|(topic, _)| *topic == message.topic).unwrap();
        seen[topic] += 1;
        assert_eq!(message.seq, seen[topic], "{}", message.topic);
        assert_eq!(message.from.as_deref(), Some("publisher"));
        let payload = message.body.payload.into_owned();
        assert!(last[topic].as_ref() < Some(&payload), "payloads grow");
        last[topic] = Some(payload);
    }
    assert_eq!(seen, topics.iter().map(|(_, count)| *count).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_reads_late_gets_everything_and_holds_up_nobody() {
    const MESSAGES: u64 = 200;
    let payload = vec![b'x'; 100_000];
    for (command, transport) in SERVED {
        let server = start(command, transport).await;
        let mut late = Client::connect(&server.place, Bincode, "late").await;
        late.subscribe("room").await;
        let mut publisher = Client::connect(&server.place, Bincode, "publisher").await;
        for _ in 0..MESSAGES {
            publisher.publish_acked("room", &payload).await.unwrap();
        }
        for seq in 1..=MESSAGES {
            let message = late.message().await;
            assert_eq!((message.seq, message.body.payload.len()), (seq, payload.len()));
        }
    }
}

#[tokio::test]
async fn an_unsubscribed_client_gets_no_more_and_a_subscriber_only_what_comes_after() {
    for (command, transport) in SERVED {
        let server = start(command, transport).await;
        let mut client = Client::connect(&server.place, Bincode, "client").await;
        let mut packet = BytesMut::new();
        // All in one packet: what stands before the subscription isn't for it.
        let subscribe = Subscribe { id: 1, filter: "room".to_owned(), ..Subscribe::default() };
        for frame in [
            ClientFrame::Publish(Publish::bytes("room", b"before")),
            ClientFrame::Subscribe(subscribe),
            ClientFrame::Publish(Publish::bytes("room", b"after")),
        ] {
            Bincode.write_client(&frame, &mut packet);
        }
        client.send_bytes(&packet).await;
        let accepted = client.answer_to(1).await.unwrap();
        assert_eq!(&*client.message().await.body.payload, b"after");
        client.next_id();
        client.unsubscribe(accepted.subscription.unwrap()).await.unwrap();
        client.publish_acked("room", b"unheard").await.unwrap();
        client.subscribe("room").await;
        client.publish("room", b"heard").await;
        let message = client.message().await;
        assert_eq!((message.seq, &*message.body.payload), (4, &b"heard"[..]));
    }
}

#[tokio::test]
async fn pings_are_answered_and_what_is_not_served_is_refused() {
    for (command, transport) in SERVED {
        let server = start(command, transport).await;
        let mut client = Client::connect(&server.place, Bincode, "client").await;
        client.send(&ClientFrame::Ping(Ping { mark: Some(7) })).await;
        let mark = client.wait_for("a pong", |heard| match &heard.frame {
            BrokerFrame::Pong(pong) => Some(pong.mark),
            _ => None,
        });
        assert_eq!(mark.await, Some(7));
        let wildcard = Subscribe { filter: "room.*".to_owned(), ..Subscribe::default() };
        let rejected = client.subscribe_as(wildcard).await.unwrap_err();
        assert_eq!(rejected.field.as_deref(), Some("filter"));
        let goodbye = Disconnect { reason: String::new(), keep_session: false };
        client.send(&ClientFrame::Disconnect(goodbye)).await;
        client.disconnect().await;
    }
}
