//! Processes that are killed or stopped: who is left is told.

use std::env;
use std::process::Stdio;
use std::time::{Duration, Instant};

use broker_tests::{PATIENCE, Transport};
use client_sdk::Client;
use client_sdk::interface::{CallError, Callback, ReleaseReason};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::listener::{
    Door, Ear, Guest, PING_INTERVAL, PING_MISSES, connect, offer, open, watchful, within,
};

/// What the other process connects to, and by what.
const URL: &str = "BROKER_TESTS_URL";
const TRANSPORT: &str = "BROKER_TESTS_TRANSPORT";
/// What it does there.
const ROLE: &str = "BROKER_TESTS_ROLE";

const CALLBACKS: usize = 100;

/// Within how much of the last missed ping a frozen peer is released.
const MARGIN: Duration = Duration::from_secs(1);

fn start(over: Transport, url: &str, role: &str) -> Child {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "processes::the_other_process", "--nocapture"])
        .env(URL, url)
        .env(TRANSPORT, over.name())
        .env(ROLE, role)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

async fn signal(child: &Child, signal: &str) {
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
}

#[tokio::test]
#[ignore = "it is the other process of others here"]
async fn the_other_process() {
    let (Ok(url), Ok(over), Ok(role)) = (env::var(URL), env::var(TRANSPORT), env::var(ROLE)) else {
        return;
    };
    let over = Transport::ALL.into_iter().find(|one| one.name() == over).unwrap();
    let place = over.place_at(url, None);
    let builder = Client::builder(&place.url).session_expiry(Duration::ZERO);
    let client = builder.with_connector(place.connector()).connect().await.unwrap();
    let doing = async {
        match role.as_str() {
            "owner" => own(&client).await,
            _ => keep(&client).await,
        }
    };
    // Whoever started it ends it; without that it ends by itself.
    let _ = tokio::time::timeout(3 * PATIENCE, doing).await;
}

/// Hands over callbacks, and stays.
async fn own(client: &Client) {
    let door = client.resolve::<dyn Door>("door").await.unwrap();
    let mut all = Vec::new();
    for _ in 0..CALLBACKS {
        all.push(offer(client).await);
    }
    let others = all.iter().map(|(offered, _)| offered.callback()).collect();
    door.enter(Guest { others, ..Guest::default() }).await.unwrap();
    std::future::pending::<()>().await;
}

/// Keeps what it is handed.
async fn keep(client: &Client) {
    let (_serving, mut guests) = open(client, "other-door").await;
    let hello = client.resolve::<dyn Door>("door").await.unwrap();
    hello.enter(Guest::default()).await.unwrap();
    let mut kept = Vec::new();
    while let Some(guest) = guests.recv().await {
        kept.push(guest);
    }
}

async fn handed_over(guests: &mut tokio::sync::mpsc::Receiver<Guest>) -> Vec<Callback<dyn Ear>> {
    within(guests.recv()).await.unwrap().others
}

async fn all_released(callbacks: &[Callback<dyn Ear>]) {
    for callback in callbacks {
        assert_eq!(within(callback.released()).await, ReleaseReason::TimedOut);
    }
}

#[tokio::test]
async fn over_websocket_a_hundred_ends_are_told_soon_after_a_process_is_killed() {
    a_hundred_ends_are_told_soon_after_a_process_is_killed(Transport::WebSocket).await;
}

#[tokio::test]
async fn over_unix_a_hundred_ends_are_told_soon_after_a_process_is_killed() {
    a_hundred_ends_are_told_soon_after_a_process_is_killed(Transport::Unix).await;
}

async fn a_hundred_ends_are_told_soon_after_a_process_is_killed(over: Transport) {
    let setting = over.start().await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let child = start(over, &setting.place.url, "owner");
    let callbacks = handed_over(&mut guests).await;
    assert_eq!(callbacks.len(), CALLBACKS);
    let pid = child.id().unwrap().to_string();
    let since = Instant::now();
    let mut kill = std::process::Command::new("kill").args(["-9", &pid]).spawn().unwrap();
    all_released(&callbacks).await;
    println!("{}: {CALLBACKS} ends were told {:?} after kill -9", over.name(), since.elapsed());
    assert!(since.elapsed() < Duration::from_secs(5));
    kill.wait().unwrap();
}

#[tokio::test]
async fn calls_of_a_stopped_process_return_and_its_callbacks_end_in_time() {
    const CALLS: u64 = 100_000;
    let setting = Transport::WebSocket.start_with(watchful()).await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let mut child = start(Transport::WebSocket, &setting.place.url, "owner");
    let callbacks = handed_over(&mut guests).await;
    signal(&child, "-STOP").await;
    let since = Instant::now();
    all_released(&callbacks).await;
    println!("frozen ones were released after {:?}", since.elapsed());
    assert!(since.elapsed() < PING_INTERVAL * PING_MISSES + MARGIN, "{:?}", since.elapsed());
    let since = Instant::now();
    for number in 0..CALLS {
        let _ = callbacks[0].said(number).ok();
    }
    assert!(since.elapsed() < PATIENCE);
    child.kill().await.unwrap();
}

#[tokio::test]
async fn calls_of_a_process_that_is_stopped_are_paced_by_nobody() {
    const CALLS: u64 = 100_000;
    let setting = Transport::WebSocket.start().await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let mut child = start(Transport::WebSocket, &setting.place.url, "owner");
    let callbacks = handed_over(&mut guests).await;
    signal(&child, "-STOP").await;
    let since = Instant::now();
    for number in 0..CALLS {
        let callback = &callbacks[number as usize % CALLBACKS];
        let told = if number % 2 == 0 { callback.said(number) } else { callback.typing(1, number) };
        // Where its own queue is full, its own link paces it.
        within(told.into_future()).await.unwrap();
    }
    println!("{CALLS} calls of a stopped process took {:?}", since.elapsed());
    within(service.publish_acked("settled", "")).await.unwrap();
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

#[tokio::test]
async fn a_service_that_is_killed_has_let_go() {
    let setting = Transport::WebSocket.start().await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let (_serving, mut guests) = open(&owner, "door").await;
    let mut child = start(Transport::WebSocket, &setting.place.url, "service");
    within(guests.recv()).await.unwrap();
    let (offered, _calls) = offer(&owner).await;
    let door = within(owner.resolve::<dyn Door>("other-door")).await.unwrap();
    let ear = Some(offered.callback());
    within(door.enter(Guest { ear, ..Guest::default() })).await.unwrap();
    child.kill().await.unwrap();
    assert_eq!(within(offered.released()).await, ReleaseReason::TimedOut);
}
