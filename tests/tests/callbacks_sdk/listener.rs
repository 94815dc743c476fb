//! What the scenarios share: an interface, an object that tells what it heard, and a door through
//! which handles get from one client to another.

use std::future::Future;
use std::time::Duration;

use broker::{Broker, Builder, Liveness, ShardConfig};
use broker_tests::{PATIENCE, Place};
use client_sdk::interface::{Callback, Offered};
use client_sdk::{Client, Serving};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;

#[client_sdk::callback]
pub(crate) trait Ear {
    fn said(&self, number: u64);
    #[keep(latest, key = who)]
    fn typing(&self, who: u64, number: u64);
    async fn confirm(&self, number: u64) -> u64;
}

/// What carries handles.
#[client_sdk::data]
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Guest {
    pub(crate) name: String,
    pub(crate) ear: Option<Callback<dyn Ear>>,
    pub(crate) others: Vec<Callback<dyn Ear>>,
}

/// Takes handles in, and gives them back.
#[client_sdk::service]
pub(crate) trait Door {
    async fn enter(&self, guest: Guest) -> Guest;
}

/// What is heard and not looked at, at most: more than any scenario has.
pub(crate) const HEARD_MAX: usize = 1 << 18;

/// A call that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Said(u64),
    Typing(u64, u64),
    Asked(u64),
}

/// Tells what it hears, and confirms each number with the next one.
pub(crate) struct Listener(pub(crate) Sender<Call>);

#[client_sdk::callback]
impl Ear for Listener {
    fn said(&self, number: u64) {
        let _ = self.0.try_send(Call::Said(number));
    }

    fn typing(&self, who: u64, number: u64) {
        let _ = self.0.try_send(Call::Typing(who, number));
    }

    async fn confirm(&self, number: u64) -> u64 {
        let _ = self.0.try_send(Call::Asked(number));
        number + 1
    }
}

/// Where handles come out that were handed in.
pub(crate) struct Hall(Sender<Guest>);

#[client_sdk::service]
impl Door for Hall {
    async fn enter(&self, guest: Guest) -> Guest {
        let _ = self.0.try_send(guest.clone());
        guest
    }
}

/// How often a broker that is [`watchful`] pings who is silent, and how often in vain.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(1);
pub(crate) const PING_MISSES: u32 = 2;

/// A broker that soon sees that somebody is frozen.
pub(crate) fn watchful() -> Builder {
    pinging(PING_INTERVAL)
}

/// A broker that lets nobody ask for pings sooner than it waits for anything. Who is stopped isn't missed,
/// however long the machine takes for what is done meanwhile; and who is missed, of that the system told.
pub(crate) fn unhurried() -> Builder {
    pinging(2 * PATIENCE)
}

/// Its clients live in different shards.
fn pinging(interval: Duration) -> Builder {
    let liveness = Liveness {
        ping_interval: interval,
        ping_interval_min: interval,
        ping_misses: PING_MISSES,
        ..Liveness::default()
    };
    let config = ShardConfig { liveness, ..ShardConfig::default() };
    Broker::builder().config(config).shards(3)
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

pub(crate) async fn connect(place: &Place, name: &str) -> Client {
    let builder = Client::builder(&place.url).name(name).with_connector(place.connector());
    within(builder.connect()).await.unwrap()
}

/// Offers a listener, and returns what it hears.
pub(crate) async fn offer(client: &Client) -> (Offered<dyn Ear>, Receiver<Call>) {
    let (heard, calls) = mpsc::channel(HEARD_MAX);
    (within(client.offer(Listener(heard))).await.unwrap(), calls)
}

/// Serves a door under a name, and returns what comes in.
pub(crate) async fn open(client: &Client, name: &str) -> (Serving, Receiver<Guest>) {
    let (hall, guests) = mpsc::channel(HEARD_MAX);
    (within(client.serve(name, Hall(hall))).await.unwrap(), guests)
}

/// Hands a handle from its client to another one.
pub(crate) async fn hand(
    callback: Callback<dyn Ear>,
    from: &Client,
    to: &Client,
) -> Callback<dyn Ear> {
    let name = format!("door.of.{}", to.name().unwrap());
    let (_serving, mut guests) = open(to, &name).await;
    let door = within(from.resolve::<dyn Door>(&name)).await.unwrap();
    let guest = Guest { ear: Some(callback), ..Guest::default() };
    within(door.enter(guest)).await.unwrap();
    within(guests.recv()).await.unwrap().ear.unwrap()
}

/// All that a client said before has come to the broker.
pub(crate) async fn settle(client: &Client) {
    within(client.publish_acked("settled", "")).await.unwrap();
}

pub(crate) async fn next(calls: &mut Receiver<Call>) -> Call {
    within(calls.recv()).await.expect("the object is there")
}
