//! Subscriptions that begin with what is retained.

use broker_protocol::frame::{BrokerFrame, CaughtUp, ClientFrame, LaneHeader, Replay};

use crate::peer::Peer;
use crate::place::Place;
use crate::recorder::recorder;

impl Peer {
    /// Sends values of one topic to a subscription alone, and says that it has caught up.
    async fn replay(&mut self, subscription: u64, seqs: std::ops::RangeInclusive<u64>) {
        let alone = LaneHeader { lane: 0, subscription: Some(subscription) };
        self.say(&BrokerFrame::Lane(alone)).await;
        for seq in seqs {
            self.message("t", seq, "kept").await;
        }
        self.say(&BrokerFrame::CaughtUp(CaughtUp { subscription })).await;
        self.say(&BrokerFrame::Lane(LaneHeader::default())).await;
    }
}

#[tokio::test]
async fn what_is_retained_is_told_apart_and_comes_again_with_each_session() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let subscribing = client.subscription("t").replay_last().start(calls);
    let (subscription, asked) = tokio::join!(subscribing, peer.subscribed(1));
    let _subscription = subscription.unwrap();
    assert_eq!(asked.replay, Replay::Last);
    peer.replay(1, 3..=3).await;
    peer.message("t", 4, "new").await;
    peer.heard().await;
    drop(peer);
    let mut peer = place.accept().await;
    assert_eq!(peer.subscribed(7).await.replay, Replay::Last);
    peer.replay(7, 6..=6).await;
    peer.message("t", 7, "new").await;
    record.expect(&["subscribed 1", "t 3 kept again", "caught up", "t 4 new"]).await;
    record.expect(&["interrupted", "subscribed 7", "t 6 kept again", "caught up"]).await;
    record.expect(&["gap t 2 Interrupted", "t 7 new"]).await;
}

#[tokio::test]
async fn who_asks_for_nothing_gets_nothing_again() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let subscribing = client.subscribe("t", |_: &client_sdk::Message| {});
    let (subscription, asked) = tokio::join!(subscribing, peer.subscribed(1));
    let _subscription = subscription.unwrap();
    assert_eq!(asked.replay, Replay::None);
}

#[tokio::test]
async fn a_retained_message_says_so_to_the_broker() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    client.publication("t", "x").retain().publish().await.unwrap();
    let frame = peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Publish(publish) if publish.retain));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_replay_ends_no_slow_subscriber_and_is_conflated_with_nothing() {
    for latest in [false, true] {
        let mut place = Place::new();
        let (client, mut peer) = place.connect().await;
        let (calls, mut record) = recorder();
        let (calls, mut hold) = calls.holding();
        let mut wish = client.subscription("t").replay_last().inbox(3, 1 << 20);
        if latest {
            wish = wish.keep(client_sdk::Keep::Latest(1));
        }
        let (subscription, _) = tokio::join!(wish.start(calls), peer.granted(1));
        let _subscription = subscription.unwrap();
        peer.message("t", 1, "hold").await;
        hold.entered().await;
        peer.replay(1, 2..=100).await;
        peer.message("t", 101, "new").await;
        peer.message("t", 102, "new").await;
        peer.heard().await;
        hold.release();
        record.expect(&["subscribed 1", "t 1 hold"]).await;
        for seq in 2..=100 {
            record.expect(&[&format!("t {seq} kept again")]).await;
        }
        record.expect(&["caught up"]).await;
        let came = if latest { "gap t 1 Conflated" } else { "t 101 new" };
        record.expect(&[came, "t 102 new"]).await;
    }
}
