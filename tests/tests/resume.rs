//! A session goes on over another connection: nothing is missing, and nothing comes twice.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use broker_protocol::Codec::Bincode;
use broker_tests::narrow::Narrow;
use broker_tests::{PATIENCE, Place, Transport};
use client_sdk::{Client, ConnectionState, Event, LaneOptions, MessageStream, Overflow, Reconnect};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often the connection is cut.
const CUTS: usize = 5;

/// What is received between two cuts at least.
const BETWEEN: u64 = 50;

/// More than ever comes: the relays forward as fast as they can.
const BYTES_PER_SECOND: u32 = 1 << 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_websocket_everything_comes_once() {
    everything_comes_once(&[Transport::WebSocket]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_quic_everything_comes_once() {
    everything_comes_once(&[Transport::Quic]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_websocket_to_quic_and_back_everything_comes_once() {
    everything_comes_once(&[Transport::WebSocket, Transport::Quic]).await;
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Reads until the message of the number that is told at last, each once and in order, and tells how
/// far it is.
async fn read(
    mut stream: MessageStream,
    mut last: watch::Receiver<Option<u64>>,
    far: watch::Sender<u64>,
) {
    let mut newest = 0;
    while last.borrow_and_update().is_none_or(|last| newest < last) {
        let next = tokio::select! {
            next = within(stream.next()) => next.unwrap(),
            told = last.changed() => {
                told.unwrap();
                continue;
            }
        };
        match next {
            Event::Message(message) => {
                assert_eq!(message.seq, newest + 1, "of {}", message.topic);
                newest = message.seq;
                far.send_replace(newest);
            }
            Event::Subscribed(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn everything_comes_once(transports: &[Transport]) {
    let (setting, places) = start(transports).await;
    let direct = broker_tests::Client::connect(&setting.place, Bincode, "feeder").await;
    let mut observer = broker_tests::Client::connect(&setting.place, Bincode, "observer").await;
    observer.subscribe("own").await;
    let mut relays = relays(transports, &places).await;
    let (count, mut resumed) = watch::channel(0);
    let client = connect(&relays, &places, count).await;

    // Whoever reads stops once the last number is known and was read.
    let (ends, last) = watch::channel(None);
    let mut readers = Vec::new();
    let mut far = Vec::new();
    for stream in streams(&client).await {
        let (how_far, told) = watch::channel(0);
        readers.push(tokio::spawn(read(stream, last.clone(), how_far)));
        far.push(told);
    }
    let (stop, stopped) = watch::channel(false);
    let (fed, how_much) = watch::channel(0);
    let feeding = tokio::spawn(feed(direct, stopped.clone(), fed));
    let publishing = tokio::spawn(publish(client.clone(), stopped));
    for cut in 1..=CUTS as u64 {
        // What waited meanwhile has come, or else more would wait each time.
        let goal = *how_much.borrow() + BETWEEN;
        all_reach(&mut far, goal).await;
        cut_until(&mut relays, &mut resumed, cut).await;
    }
    stop.send_replace(true);
    let published = within(publishing).await.unwrap();
    ends.send_replace(Some(within(feeding).await.unwrap()));
    for reader in readers {
        within(reader).await.unwrap();
    }
    every_number_once(&mut observer, published).await;
    let statistics = client.statistics();
    assert_eq!(statistics.sessions, 1);
    assert!(statistics.resumed >= CUTS as u64);
    within(client.close()).await;
}

/// Relays, each of which is cut once.
async fn relays(transports: &[Transport], places: &[Place]) -> VecDeque<Narrow> {
    let mut relays = VecDeque::new();
    for number in 0..=2 * CUTS {
        let turn = number % places.len();
        let relay = Narrow::open(transports[turn], &places[turn], BYTES_PER_SECOND).await;
        relays.push_back(relay.unwrap());
    }
    relays
}

/// Two subscriptions in two lanes.
async fn streams(client: &Client) -> [MessageStream; 2] {
    let options = LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
    let first = within(client.stream("t")).await.unwrap();
    let second = client.subscription("u").lane_options(options);
    [first, within(second.stream()).await.unwrap()]
}

async fn all_reach(far: &mut [watch::Receiver<u64>], goal: u64) {
    for far in far {
        within(far.wait_for(|far| *far >= goal)).await.unwrap();
    }
}

/// Cuts the way that the client came by. Where an attempt failed, it is one relay further.
async fn cut_until(relays: &mut VecDeque<Narrow>, resumed: &mut watch::Receiver<u64>, cut: u64) {
    loop {
        drop(relays.pop_front().expect("a client gets through by one of them"));
        let back = resumed.wait_for(|resumed| *resumed >= cut);
        if timeout(PATIENCE / 4, back).await.is_ok() {
            return;
        }
    }
}

/// Publishes numbers, each once it is acknowledged that the one before is there. Returns the last.
async fn publish(client: Client, stopped: watch::Receiver<bool>) -> u64 {
    let mut published = 0_u64;
    while !*stopped.borrow() {
        published += 1;
        within(client.publish_acked("own", published.to_string())).await.unwrap();
    }
    published
}

async fn every_number_once(observer: &mut broker_tests::Client, published: u64) {
    for number in 1..=published {
        let message = observer.message().await;
        assert_eq!(*message.body.payload, *number.to_string().as_bytes(), "seq {}", message.seq);
    }
    observer.expect_nothing_else("own").await;
}

async fn start(transports: &[Transport]) -> (broker_tests::Setting, Vec<Place>) {
    match transports {
        [first, second] => {
            let (setting, other) = first.start_beside(*second).await.unwrap();
            let here = setting.place.by_way_of(setting.place.url.clone());
            (setting, vec![here, other])
        }
        _ => {
            let setting = transports[0].start().await.unwrap();
            let here = setting.place.by_way_of(setting.place.url.clone());
            (setting, vec![here])
        }
    }
}

/// A client that comes by one relay after the other, and counts how often its session went on.
async fn connect(
    relays: &VecDeque<Narrow>,
    places: &[Place],
    resumed: watch::Sender<u64>,
) -> Client {
    let mut urls = relays.iter().map(|relay| relay.place.url.clone());
    let mut builder = Client::builder(urls.next().unwrap())
        .connect_timeout(Duration::from_secs(5))
        .ping_interval(Duration::from_millis(200))
        .on_state(move |state| {
            let goes_on = matches!(state, ConnectionState::Connected(session) if session.resumed);
            resumed.send_modify(|count| *count += u64::from(goes_on));
        })
        .request_timeout(PATIENCE)
        .reconnect(Reconnect { max: Duration::from_millis(50), ..Reconnect::default() });
    for url in urls {
        builder = builder.also_at(url);
    }
    for place in places {
        builder = builder.with_connector(place.connector());
    }
    within(builder.connect()).await.unwrap()
}

/// Publishes to both topics in turn, until it is to stop. Returns how much to each.
async fn feed(
    mut client: broker_tests::Client,
    stopped: watch::Receiver<bool>,
    fed: watch::Sender<u64>,
) -> u64 {
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut published = 0_u64;
    while !*stopped.borrow() {
        ticks.tick().await;
        published += 1;
        for topic in ["t", "u"] {
            client.publish_acked(topic, published.to_string()).await.unwrap();
        }
        fed.send_replace(published);
    }
    published
}
