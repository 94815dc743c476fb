//! Nothing remains of what is over.

use std::time::Duration;

use broker_tests::Transport;
use client_sdk::Client;
use client_sdk::interface::CallbackSet;
use tokio::task::JoinSet;

use crate::listener::{Call, Door, Ear, Guest, connect, next, offer, open, within};
use crate::paces::statistic;
use crate::values::resident_bytes;

/// Offered, handed over, attached, called and released, in each round; ten thousand in all.
const EACH: usize = 2500;

/// The first ones fill what is kept, the last one is to add nothing to it.
const ROUNDS: usize = 4;

const TASKS: usize = 20;

/// What every round may leave behind in this process, in bytes: less than of each callback 1 KiB.
const LEFT_MAX: u64 = 2 << 20;

#[tokio::test]
async fn nothing_remains_of_ten_thousand_callbacks() {
    let setting = Transport::WebSocket.start().await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let service = connect(&setting.place, "service").await;
    // Other tests run in this process: what a leak leaves is left by every round.
    let mut left = u64::MAX;
    for _ in 0..ROUNDS {
        let before = resident_bytes();
        round(&owner, &service).await;
        for name in ["callbacks", "holds"] {
            within(async {
                while statistic(&service, name).await > 0 {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
            .await;
        }
        left = left.min(resident_bytes().saturating_sub(before));
    }
    println!("{left} bytes were left of {EACH} callbacks");
    assert!(left < LEFT_MAX, "{left} bytes");
}

async fn round(owner: &Client, service: &Client) {
    let set: CallbackSet<dyn Ear> = service.callback_set("leaks");
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (owner, service, set) = (owner.clone(), service.clone(), set.clone());
        tasks.spawn(async move {
            let name = format!("door.{task}");
            let (_serving, mut guests) = open(&service, &name).await;
            let door = within(owner.resolve::<dyn Door>(&name)).await.unwrap();
            for number in 0..EACH / TASKS {
                let (offered, mut calls) = offer(&owner).await;
                let ear = Some(offered.callback());
                within(door.enter(Guest { ear, ..Guest::default() })).await.unwrap();
                let callback = within(guests.recv()).await.unwrap().ear.unwrap();
                within(set.attach(&callback)).await.unwrap();
                callback.said(number as u64);
                assert_eq!(next(&mut calls).await, Call::Said(number as u64));
                if number % 2 == 0 {
                    drop((offered, callback));
                } else {
                    drop((callback, offered));
                }
            }
        });
    }
    tasks.join_all().await;
    within(async {
        while !set.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
