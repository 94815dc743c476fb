//! What a call may do from inside: everything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use broker_tests::Transport;
use client_sdk::interface::{Callback, Offered, Service};
use client_sdk::{Client, Message, Subscription};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinSet;

use crate::listener::{HEARD_MAX, connect, within};

/// In all, over all tasks.
const TRIES: u64 = 10_000;
const TASKS: u64 = 20;

#[client_sdk::callback]
trait Busy {
    fn go(&self, number: u64);
    async fn come(&self, number: u64) -> u64;
}

/// Calls back, in both ways, while it is called.
#[client_sdk::service]
trait Caller {
    async fn call(&self, busy: Callback<dyn Busy>, number: u64) -> u64;
    async fn double(&self, number: u64) -> u64;
}

struct CallsBack;

#[client_sdk::service]
impl Caller for CallsBack {
    async fn call(&self, busy: Callback<dyn Busy>, number: u64) -> u64 {
        busy.go(number);
        busy.come(number).await.unwrap_or(number)
    }

    async fn double(&self, number: u64) -> u64 {
        number * 2
    }
}

/// Does from inside its calls what can be done.
struct Everything {
    client: Client,
    service: Service<dyn Caller>,
    done: Sender<()>,
    published: Arc<AtomicU64>,
    own: Own,
}

/// What a call may let go of.
#[derive(Clone, Default)]
struct Own {
    guard: Arc<Mutex<Option<Offered<dyn Busy>>>>,
    handle: Arc<Mutex<Option<Callback<dyn Busy>>>>,
    subscription: Arc<Mutex<Option<Subscription>>>,
}

struct Quiet;

#[client_sdk::callback]
impl Busy for Quiet {
    fn go(&self, _number: u64) {}

    async fn come(&self, number: u64) -> u64 {
        number
    }
}

#[client_sdk::callback]
impl Busy for Everything {
    fn go(&self, number: u64) {
        if self.client.try_publish("inside", number.to_string()).is_ok() {
            self.published.fetch_add(1, Ordering::Relaxed);
        }
        drop(self.own.subscription.lock().unwrap().take());
        drop(self.own.handle.lock().unwrap().take());
        let (client, done) = (self.client.clone(), self.done.clone());
        tokio::spawn(async move {
            let offered: Offered<dyn Busy> = client.offer(Quiet).await.unwrap();
            offered.callback().go(1);
            drop(offered);
            let _ = done.try_send(());
        });
        if number.is_multiple_of(3) {
            drop(self.own.guard.lock().unwrap().take());
        }
    }

    async fn come(&self, number: u64) -> u64 {
        let doubled = self.service.double(number).await.unwrap();
        self.client.publish("inside", "x").await.unwrap();
        let _other: Offered<dyn Busy> = self.client.offer(Quiet).await.unwrap();
        if number % 3 == 1 {
            // This ends the call that is being answered.
            drop(self.own.guard.lock().unwrap().take());
        }
        doubled
    }
}

async fn try_everything(client: &Client, service: &Service<dyn Caller>, number: u64) {
    let (own, (done, mut ended)) = (Own::default(), mpsc::channel(HEARD_MAX));
    let published = Arc::new(AtomicU64::new(0));
    let (on, with) = (client.clone(), service.clone());
    let object = Everything { client: on, service: with, done, published, own: own.clone() };
    let offered: Offered<dyn Busy> = within(client.offer(object)).await.unwrap();
    let subscription = within(client.subscribe("inside.none", |_: &Message| {})).await.unwrap();
    *own.subscription.lock().unwrap() = Some(subscription);
    let callback = offered.callback();
    *own.handle.lock().unwrap() = Some(callback.clone());
    *own.guard.lock().unwrap() = Some(offered);
    let answer = within(service.call(callback, number)).await.unwrap();
    assert!([number, 2 * number].contains(&answer));
    drop(own.guard.lock().unwrap().take());
    within(ended.recv()).await.unwrap();
}

async fn everything_may_be_done_from_inside_a_call(over: Transport, tries: u64) {
    let setting = over.start().await.unwrap();
    let server = connect(&setting.place, "server").await;
    let _serving = within(server.serve("caller", CallsBack)).await.unwrap();
    let client = connect(&setting.place, "client").await;
    let service = within(client.resolve::<dyn Caller>("caller")).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (client, service) = (client.clone(), service.clone());
        tasks.spawn(async move {
            for number in 0..tries / TASKS {
                try_everything(&client, &service, number * TASKS + task).await;
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(client.statistics().calls_panicked, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_threads_everything_may_be_done_from_inside_a_call() {
    everything_may_be_done_from_inside_a_call(Transport::WebSocket, TRIES).await;
}

#[tokio::test]
async fn on_one_thread_everything_may_be_done_from_inside_a_call() {
    everything_may_be_done_from_inside_a_call(Transport::Memory, TRIES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_quic_everything_may_be_done_from_inside_a_call() {
    everything_may_be_done_from_inside_a_call(Transport::Quic, TRIES / 10).await;
}
