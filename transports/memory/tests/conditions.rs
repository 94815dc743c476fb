//! What a test may ask a link to do, and that it does just that.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use transport_api::{
    Channel, CloseCode, CloseReason, Framing, Lanes, Link, LinkError, Packet, Received, Sent,
};
use transport_memory::{Conditions, Config, MemoryLink, Stall, pair};

fn send(link: &mut MemoryLink, bytes: &[u8]) -> Sent {
    link.try_send(Channel::Control, Packet::lent(bytes)).expect("the link is open")
}

/// What one poll hands over, or `None` if it would wait.
fn receive_now(link: &mut MemoryLink) -> Option<Result<Vec<Vec<u8>>, LinkError>> {
    match poll_receive(link, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(received) => Some(received),
        Poll::Pending => None,
    }
}

fn poll_receive(
    link: &mut MemoryLink,
    cx: &mut Context<'_>,
) -> Poll<Result<Vec<Vec<u8>>, LinkError>> {
    let mut pieces = Vec::new();
    let mut sink = |received: Received<'_>| {
        if let Received::Data(_, bytes) = received {
            pieces.push(bytes.to_vec());
        }
        true
    };
    link.poll_receive(cx, &mut [], &mut sink).map_ok(|()| pieces)
}

async fn receive(link: &mut MemoryLink) -> Result<Vec<Vec<u8>>, LinkError> {
    poll_fn(|cx| poll_receive(link, cx)).await
}

fn with(change: impl FnOnce(&mut Conditions)) -> Config {
    let mut conditions = Conditions::default();
    change(&mut conditions);
    Config::default().with_conditions(conditions)
}

#[test]
fn a_packet_arrives_without_a_runtime_and_without_a_copy() {
    let (mut client, mut server) = pair(Config::default());
    let block = Bytes::from_static(b"0123456789");
    let packet = Packet::shared(&block, 2..5);
    assert_eq!(client.try_send(Channel::Control, packet).expect("it is open"), Sent::Taken);
    let mut arrived_at = None;
    let mut sink = |received: Received<'_>| {
        let Received::Data(Channel::Control, bytes) = received else { return true };
        arrived_at = Some(bytes.as_ptr());
        true
    };
    let mut cx = Context::from_waker(Waker::noop());
    assert!(server.poll_receive(&mut cx, &mut [], &mut sink).is_ready());
    assert_eq!(arrived_at, Some(block[2..].as_ptr()));
}

#[tokio::test(start_paused = true)]
async fn a_delayed_packet_arrives_after_just_its_delay() {
    let (mut client, mut server) = pair(with(|it| it.delay = Duration::from_millis(250)));
    let start = Instant::now();
    send(&mut client, b"late");
    assert!(receive_now(&mut server).is_none());
    assert_eq!(receive(&mut server).await.expect("it is open"), [b"late"]);
    assert_eq!(start.elapsed(), Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_link_moves_nothing_until_it_is_thawed() {
    let (mut client, mut server) = pair(Config::default());
    let faults = client.faults();
    faults.freeze();
    send(&mut client, b"held");
    client.close(CloseReason::new(CloseCode::Normal, "done"));
    assert!(receive_now(&mut server).is_none());
    let waiting = tokio::spawn(async move {
        let pieces = receive(&mut server).await.expect("the packet comes first");
        (pieces, receive(&mut server).await)
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    faults.thaw();
    let (pieces, end) = waiting.await.expect("the task ends");
    assert_eq!(pieces, [b"held"]);
    assert!(matches!(end, Err(LinkError::Closed(reason)) if reason.text() == "done"));
}

#[test]
fn the_capacity_is_met_exactly_and_the_next_byte_is_refused() {
    let (mut client, mut server) = pair(with(|it| it.capacity_bytes = 10));
    assert_eq!(send(&mut client, &[1; 9]), Sent::Taken);
    assert_eq!(send(&mut client, &[2; 1]), Sent::Taken);
    assert_eq!(send(&mut client, &[3; 1]), Sent::Refused);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(client.poll_writable(&mut cx).is_pending());
    receive_now(&mut server).expect("something arrived").expect("it is open");
    assert!(client.poll_writable(&mut cx).is_ready());
    assert_eq!(send(&mut client, &[4; 10]), Sent::Taken);
}

#[test]
fn a_packet_over_the_capacity_is_taken_in_part_on_a_stream() {
    let config = Config { framing: Framing::Stream, ..with(|it| it.capacity_bytes = 10) };
    let (mut client, mut server) = pair(config);
    assert_eq!(send(&mut client, &[1; 25]), Sent::TakenAndBlocked);
    assert_eq!(client.unsent(), 15);
    let mut cx = Context::from_waker(Waker::noop());
    let mut arrived = 0;
    while arrived < 25 {
        arrived += receive_now(&mut server).expect("more").expect("open").concat().len();
        let _ = client.poll_writable(&mut cx);
    }
    assert_eq!((arrived, client.unsent()), (25, 0));
}

#[test]
fn partial_takes_hold_the_rest_back_although_there_is_room() {
    let (mut client, mut server) = pair(with(|it| it.partial = 1.0));
    assert_eq!(send(&mut client, &[1; 100]), Sent::TakenAndBlocked);
    assert_eq!(client.unsent(), 100, "a packet with borders moves as a whole");
    assert!(receive_now(&mut server).is_none());
    client.faults().change_both(|it| it.partial = 0.0);
    assert!(client.poll_writable(&mut Context::from_waker(Waker::noop())).is_ready());
    assert_eq!(receive_now(&mut server).expect("it moved").expect("open"), [[1; 100]]);
}

#[test]
fn chopped_arrival_is_the_same_bytes_in_small_pieces_and_the_same_for_a_seed() {
    let run = |seed| {
        let config = with(|it| it.chop_bytes_max = Some(7));
        let (mut client, mut server) = pair(Config { framing: Framing::Stream, seed, ..config });
        let sent: Vec<u8> = (0..=255).collect();
        sent.chunks(20).for_each(|packet| assert_eq!(send(&mut client, packet), Sent::Taken));
        let pieces = receive_now(&mut server).expect("all is there").expect("open");
        assert_eq!(pieces.concat(), sent);
        assert!(pieces.iter().all(|piece| piece.len() <= 7));
        pieces
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn loss_takes_datagrams_silently_and_breaks_the_link_for_anything_else() {
    let config = Config { datagram_bytes_max: Some(100), ..with(|it| it.loss = 1.0) };
    let (mut client, mut server) = pair(config);
    let datagram = client.try_send(Channel::Datagram(3), Packet::lent(b"gone"));
    assert_eq!(datagram.expect("it is open"), Sent::Taken);
    assert!(receive_now(&mut server).is_none());
    let packet = client.try_send(Channel::Control, Packet::lent(b"gone"));
    assert!(matches!(packet, Err(LinkError::Broken(_))));
    assert!(matches!(receive_now(&mut server), Some(Err(LinkError::Broken(_)))));
}

#[test]
fn a_stalled_lane_stops_that_lane_alone() {
    let (mut client, mut server) = pair(Config { lanes: Lanes::Separate, ..Config::default() });
    server.faults().change_both(|it| it.stall = Stall::Channel(Channel::Lane(1)));
    for lane in [1, 2] {
        let sent = server.try_send(Channel::Lane(lane), Packet::lent(&[lane]));
        assert_eq!(sent.expect("it is open"), Sent::Taken);
    }
    assert_eq!(receive_now(&mut client).expect("lane 2 moves").expect("open"), [[2]]);
    server.faults().thaw();
    assert_eq!(receive_now(&mut client).expect("lane 1 moves").expect("open"), [[1]]);
}

#[test]
fn what_a_lane_holds_back_moves_while_its_end_only_receives() {
    let conditions = Conditions { capacity_bytes: 10, ..Conditions::default() };
    let config = Config { lanes: Lanes::Separate, ..Config::default() };
    let (mut client, mut server) = pair(config.with_conditions(conditions));
    for sent in [Sent::Taken, Sent::TakenAndBlocked] {
        assert_eq!(server.try_send(Channel::Lane(1), Packet::lent(&[1; 6])).expect("open"), sent);
    }
    assert_eq!(receive_now(&mut client).expect("the first").expect("open"), [[1; 6]]);
    assert!(receive_now(&mut client).is_none());
    assert!(receive_now(&mut server).is_none());
    assert_eq!(server.unsent(), 0);
    assert_eq!(receive_now(&mut client).expect("the second").expect("open"), [[1; 6]]);
}

#[test]
fn a_cut_link_is_an_error_for_both_ends_and_loses_what_is_under_way() {
    let (mut client, mut server) = pair(Config::default());
    send(&mut client, b"lost");
    client.faults().cut();
    assert!(matches!(receive_now(&mut server), Some(Err(LinkError::Broken(_)))));
    let sent = client.try_send(Channel::Control, Packet::lent(b"x"));
    assert!(matches!(sent, Err(LinkError::Broken(_))));
}

#[test]
fn a_link_closed_on_demand_brings_what_is_under_way_and_the_reason_to_both_ends() {
    let (mut client, mut server) = pair(Config::default());
    send(&mut client, b"first");
    client.faults().close(CloseReason::new(CloseCode::GoingAway, "test"));
    assert_eq!(receive_now(&mut server).expect("it arrived").expect("first"), [b"first"]);
    for end in [&mut client, &mut server] {
        let ended = receive_now(end).expect("it ended");
        assert!(matches!(ended, Err(LinkError::Closed(reason)) if reason.text() == "test"));
    }
}

#[test]
fn a_dropped_end_is_a_broken_link_after_what_it_sent() {
    let (mut client, server) = pair(Config::default());
    let faults = client.faults();
    send(&mut client, b"last");
    drop(client);
    let mut server = server;
    assert_eq!(receive_now(&mut server).expect("it arrived").expect("first"), [b"last"]);
    assert!(matches!(receive_now(&mut server), Some(Err(LinkError::Broken(_)))));
    assert!(faults.is_in_use());
    drop(server);
    assert!(!faults.is_in_use());
}
