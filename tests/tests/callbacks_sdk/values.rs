//! A handle is a value.

use std::collections::HashSet;

use broker_tests::Transport;
use client_sdk::Client;
use client_sdk::interface::{Callback, ReleaseReason};
use tokio::task::JoinSet;

use crate::listener::{Call, Door, Ear, Guest, connect, hand, next, offer, open, within};

broker_tests::over_every_transport!(
    handles_are_copied_compared_and_kept_in_structures,
    a_handle_is_handed_on_while_who_had_it_lets_go,
    a_service_on_the_same_client_is_no_exception,
);

async fn handles_are_copied_compared_and_kept_in_structures(over: Transport) {
    let setting = over.start().await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let service = connect(&setting.place, "service").await;
    let (first, mut of_first) = offer(&owner).await;
    let (second, mut of_second) = offer(&owner).await;
    let (_serving, mut guests) = open(&service, "door").await;
    let door = within(owner.resolve::<dyn Door>("door")).await.unwrap();
    let ear = Some(first.callback());
    let guest = Guest {
        name: "bob".to_owned(),
        ear: ear.clone(),
        others: vec![second.callback(), first.callback()],
    };
    let back = within(door.enter(guest.clone())).await.unwrap();
    assert_eq!(back, guest, "it comes back as it went");
    back.others[0].said(1);
    assert_eq!(next(&mut of_second).await, Call::Said(1));

    let there = within(guests.recv()).await.unwrap();
    #[allow(clippy::mutable_key_type, reason = "only the token is hashed")]
    let left = they_are_told_apart(there);
    left.iter().for_each(|callback| drop(callback.said(4)));
    assert_eq!(next(&mut of_first).await, Call::Said(4));
    assert_eq!(next(&mut of_second).await, Call::Said(4));
}

/// Returns each once.
#[allow(clippy::mutable_key_type, reason = "only the token is hashed")]
fn they_are_told_apart(there: Guest) -> HashSet<Callback<dyn Ear>> {
    let (one, other) = (there.ear.clone().unwrap(), there.others[0].clone());
    assert_eq!(one, there.others[1], "they are the same");
    assert_ne!(one, other);
    let all: HashSet<_> = [&one, &other, &one.clone()].into_iter().cloned().collect();
    assert_eq!(all.len(), 2);
    all
}

async fn a_handle_is_handed_on_while_who_had_it_lets_go(over: Transport) {
    let setting = over.start().await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let a = connect(&setting.place, "a").await;
    let b = connect(&setting.place, "b").await;
    let (offered, mut calls) = offer(&owner).await;
    let at_a = hand(offered.callback(), &owner, &a).await;
    // What a had is gone with this.
    let at_b = hand(at_a, &a, &b).await;
    for number in 0..100 {
        at_b.said(number);
        assert_eq!(next(&mut calls).await, Call::Said(number));
    }
    assert_eq!(within(at_b.confirm(7)).await, Ok(8));
    drop(at_b);
    assert_eq!(within(offered.released()).await, ReleaseReason::Released);
}

async fn a_service_on_the_same_client_is_no_exception(over: Transport) {
    let setting = over.start().await.unwrap();
    let client = connect(&setting.place, "both").await;
    let (offered, mut calls) = offer(&client).await;
    let callback = hand(offered.callback(), &client, &client).await;
    assert_eq!(callback, offered.callback());
    callback.said(1);
    assert_eq!(within(callback.confirm(2)).await, Ok(3));
    assert_eq!(next(&mut calls).await, Call::Said(1));
    assert_eq!(next(&mut calls).await, Call::Asked(2));
    drop(offered);
    assert_eq!(within(callback.released()).await, ReleaseReason::Released);
}

/// Callbacks on one connection.
const MANY: usize = 10_000;

/// Handles that are handed over together.
const TOGETHER: usize = 1000;

#[tokio::test]
async fn ten_thousand_callbacks_share_a_connection() {
    let setting = Transport::WebSocket.start().await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let service = connect(&setting.place, "service").await;
    let before = resident_bytes();
    let mut all = offer_many(&owner).await;
    let (_serving, mut guests) = open(&service, "door").await;
    let door = within(owner.resolve::<dyn Door>("door")).await.unwrap();
    let mut held: Vec<Callback<dyn Ear>> = Vec::new();
    for some in all.chunks(TOGETHER) {
        let others = some.iter().map(|(offered, _)| offered.callback()).collect();
        let guest = Guest { others, ..Guest::default() };
        within(door.enter(guest)).await.unwrap();
        held.extend(within(guests.recv()).await.unwrap().others);
    }
    assert_eq!(held.iter().collect::<HashSet<_>>().len(), MANY);
    // No more at a time than their lane has room for.
    let mut numbered = (0..).zip(held.iter().zip(&mut all));
    for _ in 0..MANY / TOGETHER {
        let some: Vec<_> = numbered.by_ref().take(TOGETHER).collect();
        for (number, (callback, _)) in &some {
            within(callback.said(*number).into_future()).await.unwrap();
        }
        for (number, (_, (_, calls))) in some {
            assert_eq!(next(calls).await, Call::Said(number));
        }
    }
    assert_eq!(service.statistics().publishes_refused, 0);
    let each = resident_bytes().saturating_sub(before) / MANY as u64;
    println!("a callback costs {each} bytes at owner, broker and holder together");
    assert!(each < 20_000, "{each} bytes");
    assert_eq!(within(held[MANY - 1].confirm(1)).await, Ok(2));
}

type Listening = (client_sdk::interface::Offered<dyn Ear>, tokio::sync::mpsc::Receiver<Call>);

async fn offer_many(owner: &Client) -> Vec<Listening> {
    let mut offers = JoinSet::new();
    for _ in 0..MANY {
        let owner = owner.clone();
        offers.spawn(async move { offer(&owner).await });
    }
    within(offers.join_all()).await
}

/// What of this process lies in memory, brokers included.
pub(crate) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
