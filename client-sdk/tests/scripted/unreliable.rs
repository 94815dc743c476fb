//! Datagrams: they may be lost, and overtake each other.

use broker_protocol::frame::{BrokerFrame, ClientFrame};
use client_sdk::{Client, Keep, LaneOptions, Subscription};
use transport_api::{Channel, Lanes};
use transport_memory::Config;

use crate::peer::{Peer, message};
use crate::place::{Place, resumed};
use crate::recorder::{Recorder, recorder};

/// A place whose links have lanes of their own and datagrams.
fn place() -> Place {
    let (lanes, datagram_bytes_max) = (Lanes::Separate, Some(1200));
    Place::with(Config { lanes, datagram_bytes_max, ..Config::default() })
}

async fn subscribe(client: &Client, peer: &mut Peer, subscriber: Recorder) -> Subscription {
    let granting = async {
        let frame = peer.frame().await;
        let ClientFrame::Subscribe(asked) = frame.read() else { panic!("{:?}", frame.read()) };
        let expected = LaneOptions {
            keep: Some(Keep::Latest(1)),
            unreliable: Some(true),
            ..LaneOptions::default()
        };
        assert_eq!(asked.options, Some(expected));
        let (subscription, lane) = (Some(1), asked.lane);
        let accepted = broker_protocol::frame::Accepted {
            id: asked.id,
            subscription,
            lane,
            granted: asked.options.clone(),
            ..Default::default()
        };
        peer.say(&BrokerFrame::Accepted(accepted)).await;
    };
    let starting = client.subscription(">").unreliable().start(subscriber);
    let (begun, ()) = tokio::join!(starting, granting);
    begun.unwrap()
}

#[tokio::test]
async fn what_comes_as_datagrams_is_delivered_and_what_is_missing_is_not_told() {
    let mut place = place();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let _subscription = subscribe(&client, &mut peer, calls).await;
    peer.say_in(Channel::Datagram(1), &[message("t", 1, "one"), message("u", 1, "in the same")]);
    peer.say_in(Channel::Datagram(1), &[message("t", 4, "later")]);
    record.expect(&["subscribed 1", "t 1 one", "u 1 in the same", "t 4 later"]).await;
}

#[tokio::test]
async fn no_older_value_is_delivered_after_a_newer_one_whatever_way_it_came() {
    let mut place = place();
    let (client, mut peer) = place.connect().await;
    let (calls, mut record) = recorder();
    let _subscription = subscribe(&client, &mut peer, calls).await;
    record.expect(&["subscribed 1"]).await;
    for seq in [2, 1, 2, 3] {
        peer.say_in(Channel::Datagram(1), &[message("t", seq, "datagram")]);
    }
    record.expect(&["t 2 datagram", "t 3 datagram"]).await;
    // One that was too large for a datagram comes late, and one in time.
    for seq in [2, 5] {
        peer.say_in(Channel::Lane(1), &[message("t", seq, "stream")]);
    }
    record.expect(&["t 5 stream"]).await;
    peer.say_in(Channel::Datagram(1), &[message("t", 4, "datagram"), message("u", 4, "datagram")]);
    record.expect(&["u 4 datagram"]).await;
    assert_eq!(client.statistics().messages_overtaken, 4);
}

#[tokio::test]
async fn what_overtakes_the_word_that_a_session_goes_on_is_heard_behind_it() {
    let mut place = place();
    let (client, mut peer) = place.connect_to_stay().await;
    let (calls, mut record) = recorder();
    let _subscription = subscribe(&client, &mut peer, calls).await;
    record.expect(&["subscribed 1"]).await;
    drop(peer);
    let mut peer = place.accept_silently().await;
    // It is heard where lanes are: in front of what is read there from here on.
    peer.say_in(Channel::Datagram(1), &[message("t", 1, "lost")]);
    peer.say_in(Channel::Lane(1), &[message("t", 2, "early")]);
    let frame = peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Connect(_)));
    tokio::task::yield_now().await;
    peer.say(&BrokerFrame::Connected(resumed(&[]))).await;
    peer.say_in(Channel::Lane(1), &[message("t", 3, "in time")]);
    record.expect(&["t 2 early", "t 3 in time"]).await;
}
