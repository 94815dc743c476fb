//! Another process, to be killed or stopped.

use std::env;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker_tests::{PATIENCE, Place, Transport};
use client_sdk::Client;
use client_sdk::interface::{Callback, Offered};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::Receiver;

use crate::listener::{Door, Ear, Guest, open, settle, within};

/// What it connects to, by what, and what that is known by.
const URL: &str = "BROKER_TESTS_URL";
const TRANSPORT: &str = "BROKER_TESTS_TRANSPORT";
const FINGERPRINT: &str = "BROKER_TESTS_FINGERPRINT";
/// What it does there.
const ROLE: &str = "BROKER_TESTS_ROLE";
/// How long its session outlives its connection, in milliseconds.
const EXPIRY: &str = "BROKER_TESTS_EXPIRY";

/// How many callbacks an owner hands over.
pub(crate) const CALLBACKS: usize = 100;

/// How often it asks to be pinged when it is silent.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(1);

/// What another process does.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    /// It hands over callbacks to who serves `door`.
    Owner,
    /// It serves `other-door`, and keeps what it is handed.
    Keeper,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Keeper => "keeper",
        }
    }
}

/// Starts one whose session outlives its connection by `expiry`.
pub(crate) fn start(over: Transport, place: &Place, role: Role, expiry: Duration) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "other::the_other_process", "--nocapture"])
        .env(URL, &place.url)
        .env(TRANSPORT, over.name())
        .env(ROLE, role.name())
        .env(EXPIRY, expiry.as_millis().to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    if let Some(fingerprint) = place.fingerprint {
        command.env(FINGERPRINT, fingerprint.to_string());
    }
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

/// Sends it a signal.
pub(crate) async fn signal(child: &Child, signal: &str) {
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
}

/// What an owner has handed over, once the broker knows that the service holds it: what is over before
/// that is `Lost`, since nobody is told why.
pub(crate) async fn handed_over(
    service: &Client,
    guests: &mut Receiver<Guest>,
) -> Vec<Callback<dyn Ear>> {
    let callbacks = within(guests.recv()).await.unwrap().others;
    assert_eq!(callbacks.len(), CALLBACKS);
    settle(service).await;
    callbacks
}

#[tokio::test]
#[ignore = "it is the other process of others here"]
async fn the_other_process() {
    let said = |name| env::var(name).ok();
    let (Some(url), Some(over), Some(role), Some(expiry)) =
        (said(URL), said(TRANSPORT), said(ROLE), said(EXPIRY))
    else {
        return;
    };
    let over = Transport::ALL.into_iter().find(|one| one.name() == over).unwrap();
    let place = over.place_at(url, said(FINGERPRINT).map(|one| one.parse().unwrap()));
    let builder = Client::builder(&place.url)
        .session_expiry(Duration::from_millis(expiry.parse().unwrap()))
        .ping_interval(PING_INTERVAL)
        .with_connector(place.connector());
    let client = builder.connect().await.unwrap();
    let doing = async {
        match &*role {
            "owner" => own(&client).await,
            _ => keep(&client).await,
        }
    };
    // Whoever started it ends it; without that it ends by itself.
    let _ = tokio::time::timeout(3 * PATIENCE, doing).await;
}

/// Counts what it hears, and confirms 0 with that, other numbers with the next one.
#[derive(Default)]
struct Counting(AtomicU64);

#[client_sdk::callback]
impl Ear for Counting {
    fn said(&self, _number: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn typing(&self, _who: u64, _number: u64) {}

    async fn confirm(&self, number: u64) -> u64 {
        match number {
            0 => self.0.load(Ordering::Relaxed),
            number => number + 1,
        }
    }
}

/// Hands over callbacks, and stays.
async fn own(client: &Client) {
    let door = client.resolve::<dyn Door>("door").await.unwrap();
    let mut all = Vec::new();
    for _ in 0..CALLBACKS {
        all.push(client.offer(Counting::default()).await.unwrap());
    }
    let others = all.iter().map(Offered::callback).collect();
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
