//! Processes that are killed or stopped and whose sessions end with their connections: who is left is
//! told.

use std::time::{Duration, Instant};

use broker::Builder;
use broker_tests::Transport;
use client_sdk::interface::{CallError, Callback, ReleaseReason};

use crate::listener::{
    Door, Ear, Guest, connect, offer, open, settle, unhurried, watchful, within,
};
use crate::other::{CALLBACKS, Role, handed_over, signal, start};

/// A broker by which it is soon told that a process is gone: by the system, at once, or where nobody
/// tells but silence, after that.
pub(crate) fn broker(over: Transport) -> Builder {
    match over {
        Transport::Quic => watchful(),
        _ => unhurried(),
    }
}

/// Where the end of a process is the end of its links, and where silence tells.
macro_rules! over_those_between_processes {
    ($($scenario:ident),+ $(,)?) => {
        broker_tests::over_transport!(ws WebSocket: $($scenario),+);
        broker_tests::over_transport!(quic Quic: $($scenario),+);
        broker_tests::over_transport!(unix Unix: $($scenario),+);
    };
}
pub(crate) use over_those_between_processes;

over_those_between_processes!(
    a_hundred_ends_are_told_after_a_process_is_killed,
    a_hundred_ends_are_told_in_time_after_a_process_is_stopped,
    a_service_that_is_killed_has_let_go,
);

async fn all_released(callbacks: &[Callback<dyn Ear>]) {
    for callback in callbacks {
        assert_eq!(within(callback.released()).await, ReleaseReason::TimedOut);
    }
}

async fn a_hundred_ends_are_told_after_a_process_is_killed(over: Transport) {
    let setting = over.start_with(broker(over)).await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let mut child = start(over, &setting.place, Role::Owner, Duration::ZERO);
    let callbacks = handed_over(&service, &mut guests).await;
    let since = Instant::now();
    child.start_kill().unwrap();
    all_released(&callbacks).await;
    println!("{}: {CALLBACKS} ends were told {:?} after kill -9", over.name(), since.elapsed());
    child.wait().await.unwrap();
}

async fn a_hundred_ends_are_told_in_time_after_a_process_is_stopped(over: Transport) {
    const CALLS: u64 = 10_000;
    let setting = over.start_with(watchful()).await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let mut child = start(over, &setting.place, Role::Owner, Duration::ZERO);
    let callbacks = handed_over(&service, &mut guests).await;
    signal(&child, "-STOP").await;
    let since = Instant::now();
    all_released(&callbacks).await;
    println!("{}: frozen ones were released after {:?}", over.name(), since.elapsed());
    for number in 0..CALLS {
        assert_eq!(callbacks[0].said(number).ok(), Err(CallError::Released));
    }
    child.kill().await.unwrap();
}

async fn a_service_that_is_killed_has_let_go(over: Transport) {
    let setting = over.start_with(broker(over)).await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let (_serving, mut guests) = open(&owner, "door").await;
    let mut child = start(over, &setting.place, Role::Keeper, Duration::ZERO);
    within(guests.recv()).await.unwrap();
    let (offered, _calls) = offer(&owner).await;
    let door = within(owner.resolve::<dyn Door>("other-door")).await.unwrap();
    let ear = Some(offered.callback());
    within(door.enter(Guest { ear, ..Guest::default() })).await.unwrap();
    child.start_kill().unwrap();
    assert_eq!(within(offered.released()).await, ReleaseReason::TimedOut);
    child.wait().await.unwrap();
}

#[tokio::test]
async fn calls_of_a_process_that_is_stopped_are_paced_by_nobody() {
    const CALLS: u64 = 100_000;
    let setting = Transport::WebSocket.start_with(unhurried()).await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let mut child = start(Transport::WebSocket, &setting.place, Role::Owner, Duration::ZERO);
    let callbacks = handed_over(&service, &mut guests).await;
    signal(&child, "-STOP").await;
    let since = Instant::now();
    for number in 0..CALLS {
        let callback = &callbacks[number as usize % CALLBACKS];
        let told = if number % 2 == 0 { callback.said(number) } else { callback.typing(1, number) };
        // Where its own queue is full, its own link paces it.
        within(told.into_future()).await.unwrap();
    }
    println!("{CALLS} calls of a stopped process took {:?}", since.elapsed());
    settle(&service).await;
    signal(&child, "-CONT").await;
    // Its lane is still full, for a moment.
    let answer = within(async {
        loop {
            match callbacks[0].confirm(1).await {
                Err(CallError::Busy { .. }) => {}
                answer => return answer,
            }
        }
    });
    assert_eq!(answer.await, Ok(2));
    child.kill().await.unwrap();
}
