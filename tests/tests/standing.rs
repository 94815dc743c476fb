//! Who is there: queue groups and presence.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeSet;

use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::frame::{BrokerFrame, Subscribe};
use broker_tests::{Client, Transport};

broker_tests::over_every_transport!(
    each_message_goes_to_one_member_of_a_queue_group,
    presence_tells_who_is_there_who_comes_and_who_leaves,
    a_client_that_is_there_twice_counts_once,
);

async fn each_message_goes_to_one_member_of_a_queue_group(over: Transport) {
    const MESSAGES: usize = 20;
    let setting = over.start().await.unwrap();
    let mut first = Client::connect(&setting.place, Bincode, "first").await;
    let mut second = Client::connect(&setting.place, Json, "second").await;
    let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
    let member =
        Subscribe { filter: "work.*".into(), group: Some("crew".into()), ..<_>::default() };
    let of_first = first.subscribe_as(member.clone()).await.unwrap().subscription;
    second.subscribe_as(member).await.unwrap();
    for _ in 0..MESSAGES {
        publisher.publish("work.item", "").await;
    }
    let mut seen = BTreeSet::new();
    for _ in 0..MESSAGES / 2 {
        let (header, seq) = first
            .wait_for("a message", |heard| match &heard.frame {
                BrokerFrame::Message(message) => Some((heard.header, message.seq)),
                _ => None,
            })
            .await;
        assert_eq!(header.subscription, of_first, "a `lane` frame names the subscription");
        assert!(seen.insert(seq) && seen.insert(second.message().await.seq), "nothing comes twice");
    }
    assert_eq!(seen, (1..=MESSAGES as u64).collect());
    drop(first);
    assert_who_is_left_gets_everything(publisher, second).await;
}

async fn assert_who_is_left_gets_everything(mut publisher: Client, mut second: Client) {
    watch(&mut publisher, "work.*").await;
    follow_until(&mut publisher, &mut BTreeSet::new(), &["publisher", "second"]).await;
    for seq in 1..=4 {
        publisher.publish("work.more", "").await;
        assert_eq!(second.message().await.seq, seq, "who is left gets everything");
    }
}

async fn watch(client: &mut Client, filter: &str) {
    let watch =
        Subscribe { filter: filter.into(), lane: Some(9), presence: true, ..<_>::default() };
    client.subscribe_as(watch).await.unwrap();
}

/// Brings who is there up to date with the next word on it.
async fn follow(client: &mut Client, there: &mut BTreeSet<String>) {
    let presence = client.wait_for("presence", |heard| match &heard.frame {
        BrokerFrame::Presence(presence) => Some(presence.clone()),
        _ => None,
    });
    let presence = presence.await;
    there.extend(presence.joined);
    there.retain(|name| !presence.left.contains(name));
}

async fn follow_until(client: &mut Client, there: &mut BTreeSet<String>, wanted: &[&str]) {
    while !there.iter().eq(wanted) {
        follow(client, there).await;
    }
}

async fn presence_tells_who_is_there_who_comes_and_who_leaves(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut early = Client::connect(&setting.place, Bincode, "early").await;
    let subscription = early.subscribe("room.*").await;
    let mut watcher = Client::connect(&setting.place, Json, "watcher").await;
    watch(&mut watcher, "room.*").await;
    let mut there = BTreeSet::new();
    follow_until(&mut watcher, &mut there, &["early", "watcher"]).await;

    let mut late = Client::connect(&setting.place, Json, "late").await;
    late.subscribe("room.*").await;
    follow_until(&mut watcher, &mut there, &["early", "late", "watcher"]).await;
    early.unsubscribe(subscription).await.unwrap();
    follow_until(&mut watcher, &mut there, &["late", "watcher"]).await;
    drop(late);
    follow_until(&mut watcher, &mut there, &["watcher"]).await;
    early.subscribe("room.other").await;
    early.subscribe("room.*").await;
    follow_until(&mut watcher, &mut there, &["early", "watcher"]).await;
}

async fn a_client_that_is_there_twice_counts_once(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut watcher = Client::connect(&setting.place, Bincode, "watcher").await;
    watch(&mut watcher, "room").await;
    let mut twice = Client::connect(&setting.place, Json, "twice").await;
    let one = twice.subscribe("room").await;
    let two = twice.subscribe("room").await;
    let mut there = BTreeSet::new();
    follow_until(&mut watcher, &mut there, &["twice", "watcher"]).await;
    twice.unsubscribe(one).await.unwrap();
    let mut third = Client::connect(&setting.place, Json, "third").await;
    third.subscribe("room").await;
    follow_until(&mut watcher, &mut there, &["third", "twice", "watcher"]).await;
    twice.unsubscribe(two).await.unwrap();
    follow_until(&mut watcher, &mut there, &["third", "watcher"]).await;
}
