//! Signs of life.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use broker_protocol::frame::{BrokerFrame, ClientFrame, Ping};
use client_sdk::{ClosedReason, ConnectionState, Message, Reconnect};
use tokio::time::Instant;
use transport_memory::{Direction, Stall};

use crate::place::Place;

const INTERVAL: Duration = Duration::from_secs(10);

#[tokio::test]
async fn pings_are_answered_with_their_mark() {
    let mut place = Place::new();
    let (_client, mut peer) = place.connect().await;
    for mark in [None, Some(1), Some(1 << 50)] {
        peer.say(&BrokerFrame::Ping(Ping { mark })).await;
        let frame = peer.frame().await;
        let ClientFrame::Pong(pong) = frame.read() else { panic!("{:?}", frame.read()) };
        assert_eq!(pong.mark, mark);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_broker_is_pinged_after_an_interval_and_not_before() {
    let mut place = Place::new();
    let builder = place.builder().ping_interval(INTERVAL);
    let (_client, mut peer) = place.connect_with(builder).await;
    let begun = Instant::now();
    let frame = peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Ping(_)), "{:?}", frame.read());
    assert!(begun.elapsed() >= INTERVAL && begun.elapsed() < INTERVAL + Duration::from_millis(10));
    peer.say(&BrokerFrame::Pong(Default::default())).await;
    let answered = Instant::now();
    peer.frame().await;
    assert!(answered.elapsed() >= INTERVAL - Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_broker_counts_as_gone_after_two_intervals() {
    let mut place = Place::new();
    let builder = place.builder().ping_interval(INTERVAL).reconnect(Reconnect::OFF);
    let (client, _peer) = place.connect_with(builder).await;
    let begun = Instant::now();
    for link in place.network.links() {
        link.change(Direction::ToClient, |conditions| conditions.stall = Stall::Everything);
    }
    let closed = client.closed().await;
    let ClosedReason::Lost { error, .. } = closed else { panic!("{closed:?}") };
    assert!(error.contains("no sign of life"), "{error}");
    assert!(begun.elapsed() >= INTERVAL * 2);
    assert!(begun.elapsed() < INTERVAL * 2 + Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(matches!(client.state(), ConnectionState::Closed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_program_that_was_frozen_asks_before_it_gives_up() {
    let mut place = Place::new();
    let builder = place.builder().ping_interval(INTERVAL).reconnect(Reconnect::OFF);
    let (client, mut peer) = place.connect_with(builder).await;
    tokio::time::advance(INTERVAL * 100).await;
    let frame = peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Ping(_)), "{:?}", frame.read());
    peer.say(&BrokerFrame::Pong(Default::default())).await;
    peer.heard().await;
    assert!(matches!(client.state(), ConnectionState::Connected(_)));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_never_opens_the_session_times_out() {
    let mut place = Place::new();
    let builder = place.builder().connect_timeout(Duration::from_secs(3));
    let begun = Instant::now();
    let (refused, _peer) = tokio::join!(builder.connect(), place.accept_silently());
    assert!(matches!(refused, Err(client_sdk::ConnectError::TimedOut(_))), "{refused:?}");
    assert_eq!(begun.elapsed().as_secs(), 3);
}

/// Calls that take long, made with messages that come at once.
const SLOW_CALLS: u32 = 100;

/// How many of them were made when a ping was answered that came while they were made.
async fn slow_calls_before_a_pong() -> u32 {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let made = Arc::new(AtomicU32::new(0));
    let making = Arc::clone(&made);
    let slow = move |_: &Message| {
        std::thread::sleep(Duration::from_millis(5));
        making.fetch_add(1, Ordering::Relaxed);
    };
    let (begun, _) = tokio::join!(client.subscribe("t", slow), peer.subscribed(1));
    let _subscription = begun.unwrap();
    for seq in 1..=SLOW_CALLS {
        peer.message("t", seq.into(), "x").await;
    }
    while made.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    peer.heard().await;
    made.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_slow_callback_does_not_stop_pings_where_there_is_one_thread() {
    let made = slow_calls_before_a_pong().await;
    assert!(made < SLOW_CALLS / 2, "{made}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nor_does_it_where_calls_can_be_made_aside() {
    let made = slow_calls_before_a_pong().await;
    assert!(made < SLOW_CALLS / 2, "{made}");
}
