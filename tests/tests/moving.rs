//! Subscriptions whose options change under load: nothing is missing, doubled or out of order.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use broker_tests::{Place, Transport};
use client_sdk::{Client, Event, Keep, LaneOptions, Message, MessageStream, Overflow};
use tokio::sync::mpsc;
use tokio::time::timeout;

broker_tests::over_every_transport!(
    every_message_comes_once_and_in_order_while_a_subscription_moves,
    a_lane_that_is_updated_misses_nothing,
    a_lane_goes_on_when_it_begins_to_conflate_however_much_of_it_was_consumed,
);

const MESSAGES: u64 = 3000;
const PATIENCE: Duration = Duration::from_secs(20);

async fn within<T>(doing: impl Future<Output = T>) -> T {
    timeout(PATIENCE, doing).await.expect("it takes too long")
}

async fn connect(place: &Place) -> Client {
    let builder = Client::builder(&place.url).with_connector(place.connector());
    within(builder.connect()).await.unwrap()
}

fn priority(priority: u8) -> LaneOptions {
    LaneOptions { priority: Some(priority), ..LaneOptions::default() }
}

async fn publish(publisher: &Client) {
    for number in 0..MESSAGES {
        let topic = if number % 2 == 0 { "a.even" } else { "a.odd" };
        within(publisher.publish(topic, "x")).await.unwrap();
        if number % 100 == 99 {
            within(publisher.publish_acked("other", "so that others get their turn"))
                .await
                .unwrap();
        }
    }
}

/// Takes everything, changing the options after every so many messages.
async fn read_changing(stream: &mut MessageStream, changes: impl Iterator<Item = LaneOptions>) {
    let mut changes = changes.fuse();
    let (mut seqs, mut begun) = ([0, 0], 0);
    while seqs.iter().sum::<u64>() < MESSAGES {
        match within(stream.next()).await.unwrap() {
            Event::Message(message) => {
                let last = &mut seqs[usize::from(&*message.topic == "a.odd")];
                assert_eq!(message.seq, *last + 1, "{}", message.topic);
                *last = message.seq;
                let all: u64 = seqs.iter().sum();
                if all.is_multiple_of(200)
                    && let Some(options) = changes.next()
                {
                    begun += 1;
                    within(change(stream, options)).await;
                }
            }
            Event::Subscribed(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(begun > 5, "{begun} changes");
}

/// Changes the options once the change before is over.
async fn change(stream: &MessageStream, options: LaneOptions) {
    loop {
        match stream.set_options(options.clone()).await {
            Ok(granted) => return assert_eq!(granted.options.priority, options.priority),
            Err(client_sdk::SubscribeError::Changing) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
}

async fn every_message_comes_once_and_in_order_while_a_subscription_moves(over: Transport) {
    let setting = over.start().await.unwrap();
    let subscriber = connect(&setting.place).await;
    // In each lane somebody else, who has the same filter: the lanes are shared.
    let mut others = Vec::new();
    for one in 1..=4 {
        let builder = subscriber.subscription("a.*").lane_options(priority(one));
        others.push(within(builder.start(|_: &Message| {})).await.unwrap());
    }
    let mut stream = within(subscriber.stream("a.*")).await.unwrap();
    let publisher = connect(&setting.place).await;
    let changes = (0..).map(|number| priority([1, 2, 4, 3][number % 4]));
    tokio::join!(read_changing(&mut stream, changes), publish(&publisher));
}

async fn a_lane_that_is_updated_misses_nothing(over: Transport) {
    let setting = over.start().await.unwrap();
    let subscriber = connect(&setting.place).await;
    let building = subscriber.subscription("a.*").lane_options(priority(1)).stream();
    let mut stream = within(building).await.unwrap();
    let publisher = connect(&setting.place).await;
    let changes = (0..).map(|number: u8| priority(number % 8));
    tokio::join!(read_changing(&mut stream, changes), publish(&publisher));
}

/// The receive window that a client asks for. A quarter of it is consumed before the broker is told of a
/// lane that keeps everything: more than is on its way of one that conflates.
const WINDOW_BYTES: usize = 1 << 20;
const PAYLOAD_BYTES: usize = 900;

async fn a_lane_goes_on_when_it_begins_to_conflate_however_much_of_it_was_consumed(
    over: Transport,
) {
    let setting = over.start().await.unwrap();
    let subscriber = connect(&setting.place).await;
    let (seqs, mut came) = mpsc::channel(1000);
    let all = LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
    let latest = LaneOptions { keep: Some(Keep::Latest(1)), ..all.clone() };
    let callback = move |message: &Message| {
        seqs.try_send(message.seq).expect("there is room for all of them");
    };
    let building = subscriber.subscription("a").lane_options(all).start(callback);
    let subscription = within(building).await.unwrap();
    let publisher = connect(&setting.place).await;
    let untold = (WINDOW_BYTES / 4 / (PAYLOAD_BYTES + 100)) as u64;
    for seq in 1..=untold {
        within(publisher.publish("a", vec![0; PAYLOAD_BYTES])).await.unwrap();
        assert_eq!(within(came.recv()).await, Some(seq));
    }
    within(subscription.set_options(latest)).await.unwrap();
    let last = untold + 100;
    for _ in untold..last {
        within(publisher.publish("a", vec![0; PAYLOAD_BYTES])).await.unwrap();
    }
    while within(came.recv()).await.unwrap() < last {}
}
