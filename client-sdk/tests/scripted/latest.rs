//! Subscribers that are behind, and when they have caught up.

use bytes::BytesMut;
use client_sdk::{Codec, Event, GapCause, Keep, LaneOptions, Message, Subscriber, Subscription};

use crate::peer::{Peer, message};
use crate::place::Place;
use crate::recorder::recorder;

async fn subscribe_latest(
    client: &client_sdk::Client,
    peer: &mut Peer,
    subscriber: impl Subscriber,
) -> Subscription {
    let (begun, _) = tokio::join!(client.subscribe_latest(">", subscriber), peer.granted(1));
    begun.unwrap()
}

#[tokio::test]
async fn what_is_asked_for_is_the_latest_and_nothing_else() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let options = |newest| LaneOptions { keep: Some(Keep::Latest(newest)), ..Default::default() };
    let subscribing = client.subscribe_latest("t", |_: &Message| {});
    let (one, asked) = tokio::join!(subscribing, peer.granted(1));
    assert_eq!((asked.options, asked.lane), (Some(options(1)), Some(1)));
    let subscribing = client.subscription("t").keep(Keep::Latest(3)).start(|_: &Message| {});
    let (three, asked) = tokio::join!(subscribing, peer.granted(2));
    assert_eq!((asked.options, asked.lane), (Some(options(3)), Some(2)));
    drop((one, three));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_callback_gets_the_newest_of_each_key_behind_a_gap_that_counts() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (calls, mut hold) = calls.holding();
    let _subscription = subscribe_latest(&client, &mut peer, calls).await;
    peer.message("t", 1, "hold").await;
    hold.entered().await;
    for seq in 2..=100 {
        peer.message("t", seq, "new").await;
        if seq % 10 == 0 {
            peer.message("u", seq / 10, "new").await;
        }
    }
    peer.heard().await;
    hold.release();
    record.expect(&["subscribed 1", "t 1 hold"]).await;
    record.expect(&["gap t 98 Conflated", "t 100 new", "gap u 9 Conflated", "u 10 new"]).await;
}

#[tokio::test]
async fn a_stream_that_nobody_asks_waits_as_for_a_slow_callback() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let builder = client.subscription("t").keep(Keep::Latest(2));
    let (stream, _) = tokio::join!(builder.stream(), peer.granted(1));
    let mut stream = stream.unwrap();
    assert!(matches!(stream.next().await, Some(Event::Subscribed(_))));
    for seq in 1..=9 {
        peer.message("t", seq, "x").await;
    }
    peer.heard().await;
    let Some(Event::Gap(gap)) = stream.next().await else { panic!("a gap comes first") };
    assert_eq!((gap.first_seq, gap.last_seq, gap.count), (Some(1), Some(7), 7));
    assert_eq!(gap.reason, GapCause::Conflated);
    assert!(gap.reason.is_conflated());
    for seq in [8, 9] {
        let next = stream.next().await;
        assert!(matches!(&next, Some(Event::Message(message)) if message.seq == seq), "{next:?}");
    }
}

#[tokio::test]
async fn a_subscriber_that_keeps_up_gets_all_of_a_packet_and_then_the_end_of_the_batch() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let _subscription = subscribe_latest(&client, &mut peer, calls.noting_batches()).await;
    record.expect(&["subscribed 1", "batch end"]).await;
    for first in [1, 4] {
        let mut packet = BytesMut::new();
        for seq in first..first + 3 {
            Codec::Bincode.write_broker(&message("t", seq, "x"), &mut packet);
        }
        peer.say_bytes(packet.freeze()).await;
        for seq in first..first + 3 {
            record.expect(&[&*format!("t {seq} x")]).await;
        }
        record.expect(&["batch end"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_ends_once_after_all_that_waited_behind_a_slow_call() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (calls, mut hold) = calls.noting_batches().holding();
    let _subscription = subscribe_latest(&client, &mut peer, calls).await;
    record.expect(&["subscribed 1", "batch end"]).await;
    peer.message("t", 1, "hold").await;
    hold.entered().await;
    peer.message("a", 1, "x").await;
    peer.message("b", 1, "x").await;
    peer.heard().await;
    hold.release();
    record.expect(&["t 1 hold", "a 1 x", "b 1 x", "batch end"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_never_longer_than_what_may_wait_together() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (calls, mut hold) = calls.noting_batches().holding();
    let builder = client.subscription(">").inbox(2, 1 << 20);
    let (begun, _) = tokio::join!(builder.start(calls), peer.granted(1));
    let _subscription = begun.unwrap();
    record.expect(&["subscribed 1", "batch end"]).await;
    peer.message("t", 1, "hold").await;
    hold.entered().await;
    peer.message("t", 2, "x").await;
    peer.message("t", 3, "x").await;
    peer.heard().await;
    hold.release();
    record.expect(&["t 1 hold", "t 2 x", "batch end", "t 3 x", "batch end"]).await;
}

/// Takes its time with each message.
struct Slow {
    calls: usize,
    batches: tokio::sync::mpsc::Sender<usize>,
}

impl Subscriber for Slow {
    fn on_message(&mut self, _: &Message) {
        self.calls += 1;
        std::thread::sleep(std::time::Duration::from_millis(10));
    }

    fn on_batch_end(&mut self) {
        let _ = self.batches.try_send(std::mem::take(&mut self.calls));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_slow_calls_ends_though_more_waits() {
    const WAITING: usize = 60;
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (batches, mut ended) = tokio::sync::mpsc::channel(100);
    let calls = Slow { calls: 0, batches };
    let (begun, _) = tokio::join!(client.subscribe(">", calls), peer.granted(1));
    let _subscription = begun.unwrap();
    assert_eq!(ended.recv().await, Some(0), "of the beginning alone");
    let mut packet = BytesMut::new();
    for seq in 1..=WAITING as u64 {
        Codec::Bincode.write_broker(&message("t", seq, "x"), &mut packet);
    }
    peer.say_bytes(packet.freeze()).await;
    let (mut handed, mut batches) = (0, 0);
    while handed < WAITING {
        handed += ended.recv().await.unwrap();
        batches += 1;
    }
    assert!(batches > 2, "{WAITING} calls of 10 ms in {batches} batches");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_batch_ends_before_the_subscription_does() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let (calls, mut hold) = calls.noting_batches().holding();
    let subscription = subscribe_latest(&client, &mut peer, calls).await;
    record.expect(&["subscribed 1", "batch end"]).await;
    peer.message("t", 1, "hold").await;
    hold.entered().await;
    let ended = tokio::spawn(subscription.unsubscribe());
    peer.unsubscribed().await;
    peer.heard().await;
    hold.release();
    ended.await.unwrap();
    record.expect(&["t 1 hold", "batch end", "ended unsubscribed", "gone"]).await;
}
