//! One call at a time, and calls that are shared.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use broker_tests::{Setting, Transport};
use client_sdk::Service;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Duration, timeout};

use crate::{connect, within};

broker_tests::over_transport!(memory Memory: one_at_a_time_by_the_trait, one_at_a_time_by_choice);
broker_tests::over_transport!(quic Quic: one_at_a_time_by_the_trait, one_at_a_time_by_choice);
mod shared {
    use super::several_providers_share_the_calls;
    broker_tests::over_every_transport!(several_providers_share_the_calls);
}

const CALLERS: u64 = 4;
const CALLS: u64 = 10_000;
/// Calls of one caller that are under way at one time.
const AT_ONCE: u64 = 50;

#[client_sdk::service]
trait Counter {
    async fn increment(&mut self);
    async fn count(&self) -> u64;
}

struct Unprotected(u64);

#[client_sdk::service]
impl Counter for Unprotected {
    async fn increment(&mut self) {
        let before = self.0;
        yield_now().await;
        self.0 = before + 1;
    }

    async fn count(&self) -> u64 {
        self.0
    }
}

#[client_sdk::service]
trait Tally {
    async fn increment(&self);
}

/// Reads, waits and writes: whoever comes between is lost.
struct Torn(Arc<AtomicU64>);

#[client_sdk::service]
impl Tally for Torn {
    async fn increment(&self) {
        let before = self.0.load(Ordering::Relaxed);
        yield_now().await;
        self.0.store(before + 1, Ordering::Relaxed);
    }
}

/// Lets callers call, each over a connection of its own.
async fn call<F>(setting: &Setting, call: impl Fn(client_sdk::Client) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        callers.spawn(call(connect(&setting.place, &format!("caller-{number}")).await));
    }
    timeout(Duration::from_secs(120), callers.join_all()).await.expect("it takes too long");
}

/// Calls so often, several at a time.
async fn often<F>(one: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for _ in 0..CALLS / AT_ONCE {
        let calls: JoinSet<()> = (0..AT_ONCE).map(|_| one()).collect();
        calls.join_all().await;
    }
}

async fn one_at_a_time_by_the_trait(over: Transport) {
    let setting = over.start().await.unwrap();
    let provider = connect(&setting.place, "provider").await;
    let _serving = within(provider.serve("counter", Unprotected(0))).await.unwrap();
    call(&setting, |client| async move {
        let counter: Service<dyn Counter> = client.resolve("counter").await.unwrap();
        often(|| {
            let counter = counter.clone();
            async move { counter.increment().await.unwrap() }
        })
        .await;
    })
    .await;
    let counter = within(provider.resolve::<dyn Counter>("counter")).await.unwrap();
    assert_eq!(within(counter.count()).await.unwrap(), CALLERS * CALLS);
}

async fn one_at_a_time_by_choice(over: Transport) {
    let setting = over.start().await.unwrap();
    let provider = connect(&setting.place, "provider").await;
    let count = Arc::new(AtomicU64::new(0));
    let serving = provider.serving("tally").serial();
    let serving = serving.start::<dyn Tally, _>(Torn(Arc::clone(&count)));
    let _serving = within(serving).await.unwrap();
    call(&setting, |client| async move {
        let tally: Service<dyn Tally> = client.resolve("tally").await.unwrap();
        often(|| {
            let tally = tally.clone();
            async move { tally.increment().await.unwrap() }
        })
        .await;
    })
    .await;
    assert_eq!(count.load(Ordering::Relaxed), CALLERS * CALLS);
}

async fn several_providers_share_the_calls(over: Transport) {
    const SOME: u64 = 20;
    let setting = over.start().await.unwrap();
    let mut providers = Vec::new();
    for number in 0..2 {
        let provider = connect(&setting.place, &format!("provider-{number}")).await;
        let count = Arc::new(AtomicU64::new(0));
        let serving = within(provider.serve("tally", Torn(Arc::clone(&count)))).await.unwrap();
        providers.push((provider, serving, count));
    }
    let client = connect(&setting.place, "caller").await;
    let tally = within(client.resolve::<dyn Tally>("tally")).await.unwrap();
    for _ in 0..SOME {
        within(tally.increment()).await.unwrap();
    }
    let counts = providers.iter().map(|(_, _, count)| count.load(Ordering::Relaxed));
    let counts: Vec<u64> = counts.collect();
    assert_eq!(counts, [SOME / 2, SOME / 2], "they take turns");
    let (_, serving, _) = providers.swap_remove(0);
    drop(serving);
    let (_, _, count) = &providers[0];
    let before = count.load(Ordering::Relaxed);
    let mut calls = 0;
    // One that goes has calls on their way to it: those fail, and later ones come here.
    while count.load(Ordering::Relaxed) < before + SOME {
        calls += u64::from(within(tally.increment()).await.is_ok());
    }
    assert!(calls >= SOME, "the others carry on");
}
