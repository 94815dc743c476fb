//! Lanes are streams of their own: what one of them waits for, the others don't.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

mod ends;

use std::task::Poll;

use bytes::Bytes;
use ends::{BINCODE, End, JSON, Server};
use quinn::{TransportConfig, VarInt};
use transport_api::{Channel, CloseCode, CloseReason, Sent};
use transport_quic::Config;

const KIB: usize = 1024;

fn server() -> Server {
    Server::start(Config::default(), &[BINCODE, JSON])
}

#[tokio::test]
async fn each_lane_is_a_stream_that_begins_with_its_number() {
    let mut server = server();
    let (foreign, mut broker) = server.foreign_link(TransportConfig::default()).await;
    let foreign = foreign.connection;
    broker.send(Channel::Lane(3), &"three".into()).await.unwrap();
    broker.send(Channel::Lane(0), &"zero".into()).await.unwrap();
    broker.send(Channel::Lane(3), &"!".into()).await.unwrap();
    broker.close(CloseReason::new(CloseCode::Normal, "")).await;
    let mut third = foreign.accept_uni().await.unwrap();
    assert_eq!(third.read_to_end(KIB).await.unwrap(), b"\x03three!");
    let mut first = foreign.accept_uni().await.unwrap();
    assert_eq!(first.read_to_end(KIB).await.unwrap(), b"\x00zero");
}

#[tokio::test]
async fn a_client_receives_control_lanes_and_datagrams_apart() {
    let mut server = server();
    let (mut client, mut broker) = server.link().await;
    broker.send(Channel::Lane(15), &"fifteen".into()).await.unwrap();
    broker.send(Channel::Control, &"control".into()).await.unwrap();
    broker.send(Channel::Datagram(7), &"seven".into()).await.unwrap();
    let mut received = Vec::new();
    while received.len() < 3 {
        received.push(client.receive().await.unwrap());
    }
    received.sort();
    let expected = [
        (Channel::Control, b"control".to_vec()),
        (Channel::Lane(15), b"fifteen".to_vec()),
        (Channel::Datagram(7), b"seven".to_vec()),
    ];
    assert_eq!(received, expected);
    let bytes_max = broker.0.properties().datagram_bytes_max.unwrap();
    assert!(bytes_max > KIB, "{bytes_max}");
    assert_eq!(client.0.properties().datagram_bytes_max, None);
}

#[tokio::test]
async fn a_lane_that_is_not_read_stops_neither_control_nor_other_lanes() {
    let config = Config { send_window_bytes: 128 * KIB as u32, ..Default::default() };
    let mut server = Server::start(config, &[JSON]);
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(64 * KIB as u32));
    let (foreign, mut broker) = server.foreign_link(transport).await;
    let (foreign, mut control) = (foreign.connection, foreign.receiver);

    let packet = Bytes::from(vec![7; 16 * KIB]);
    while broker.try_send(Channel::Lane(1), &packet) == Sent::Taken {}
    assert_eq!(broker.try_send(Channel::Lane(1), &packet), Sent::Refused);
    assert!(broker.0.unsent() > 0 && broker.0.unsent() <= packet.len());
    let mut stalled = foreign.accept_uni().await.unwrap();

    let (length, rounds) = (packet.len(), 50);
    let reading = async {
        let mut lane = foreign.accept_uni().await.unwrap();
        let mut buffer = vec![0; rounds * length + 1];
        lane.read_exact(&mut buffer).await.unwrap();
        assert_eq!(buffer[0], 2);
        control.read_exact(&mut buffer[..rounds * length]).await.unwrap();
    };
    let writing = async {
        for channel in [Channel::Lane(2), Channel::Control] {
            for _ in 0..rounds {
                offer(&mut broker, channel, &packet).await;
            }
        }
        // What is held back leaves while the link is waiting to receive.
        broker.receive().await.unwrap()
    };
    tokio::select! {
        () = reading => {}
        received = writing => panic!("nothing was sent, but {received:?}"),
    }
    assert_eq!(broker.try_send(Channel::Lane(1), &packet), Sent::Refused);

    let mut buffer = vec![0; 64 * KIB + 1];
    let (read, ()) = tokio::join!(
        stalled.read_exact(&mut buffer),
        offer(&mut broker, Channel::Lane(1), &packet)
    );
    read.unwrap();
}

#[tokio::test]
async fn a_lane_that_became_free_while_receiving_is_told_though_another_is_blocked() {
    let mut server = server();
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(64 * KIB as u32));
    let (foreign, mut broker) = server.foreign_link(transport).await;
    let packet = Bytes::from(vec![7; 16 * KIB]);
    for lane in [1, 2] {
        while broker.try_send(Channel::Lane(lane), &packet) == Sent::Taken {}
    }
    let writable = std::future::poll_fn(|cx| Poll::Ready(broker.0.poll_writable(cx).is_ready()));
    assert!(!writable.await);
    let _stalled = foreign.connection.accept_uni().await.unwrap();
    let mut lane = foreign.connection.accept_uni().await.unwrap();
    let unsent = broker.0.unsent();
    let receiving = async {
        let mut buffer = vec![0; 64 * KIB + 1];
        lane.read_exact(&mut buffer).await.unwrap();
    };
    tokio::select! {
        () = receiving => {}
        received = broker.receive() => panic!("nothing was sent, but {received:?}"),
    }
    assert!(broker.0.unsent() < unsent);
    std::future::poll_fn(|cx| broker.0.poll_writable(cx)).await.unwrap();
    assert_eq!(broker.try_send(Channel::Lane(1), &packet), Sent::Refused);
    assert_ne!(broker.try_send(Channel::Lane(2), &packet), Sent::Refused);
}

/// Whoever came first had all of what is sent and not acknowledged, as long as it had more.
#[tokio::test]
async fn lanes_share_a_window_that_is_too_small_for_all_of_them() {
    const ENOUGH: usize = 2048 * KIB;
    let config = Config { send_window_bytes: 64 * KIB as u32, ..Default::default() };
    let mut server = Server::start(config, &[JSON]);
    let (foreign, mut broker) = server.foreign_link(TransportConfig::default()).await;
    let packet = Bytes::from(vec![7; 64 * KIB]);
    let writing = async {
        loop {
            for lane in [1, 2] {
                while broker.try_send(Channel::Lane(lane), &packet) == Sent::Taken {}
            }
            std::future::poll_fn(|cx| broker.0.poll_writable(cx)).await.unwrap();
        }
    };
    let reading = async {
        let mut read = [0, 0];
        let mut lanes = Vec::new();
        for _ in 0..2 {
            let mut lane = foreign.connection.accept_uni().await.unwrap();
            let mut number = [0];
            lane.read_exact(&mut number).await.unwrap();
            lanes.push((number[0], lane));
        }
        lanes.sort_by_key(|(number, _)| *number);
        let [(1, first), (2, second)] = &mut lanes[..] else { panic!("lanes 1 and 2") };
        while read[0] + read[1] < ENOUGH {
            tokio::select! {
                chunk = first.read_chunk(KIB, true) => read[0] += chunk.unwrap().unwrap().bytes.len(),
                chunk = second.read_chunk(KIB, true) => read[1] += chunk.unwrap().unwrap().bytes.len(),
            }
        }
        read
    };
    let read = tokio::select! {
        () = writing => unreachable!("it never ends"),
        read = reading => read,
    };
    assert!(read.iter().all(|lane| *lane > ENOUGH / 4), "{read:?}");
}

/// Offers a packet until it is taken, whatever else is blocked.
async fn offer(end: &mut End, channel: Channel, packet: &Bytes) {
    while end.try_send(channel, packet) == Sent::Refused {
        std::future::poll_fn(|cx| end.0.poll_writable(cx)).await.unwrap();
    }
}

#[tokio::test]
async fn a_peer_that_allows_fewer_streams_than_lanes_gets_the_others_later() {
    let mut server = server();
    let mut transport = TransportConfig::default();
    transport.max_concurrent_uni_streams(VarInt::from_u32(1));
    let (foreign, mut broker) = server.foreign_link(transport).await;
    let foreign = foreign.connection;
    assert_eq!(broker.try_send(Channel::Lane(0), &"zero".into()), Sent::Taken);
    assert_eq!(broker.try_send(Channel::Lane(1), &"one".into()), Sent::TakenAndBlocked);
    assert_eq!(broker.try_send(Channel::Lane(1), &"more".into()), Sent::Refused);
    foreign.set_max_concurrent_uni_streams(VarInt::from_u32(2));
    offer(&mut broker, Channel::Lane(1), &"more".into()).await;
    let _zero = foreign.accept_uni().await.unwrap();
    let mut one = foreign.accept_uni().await.unwrap();
    let mut buffer = [0; 8];
    one.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"\x01onemore");
}
