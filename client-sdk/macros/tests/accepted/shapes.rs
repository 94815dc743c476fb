//! Interfaces of every shape.

use std::cell::Cell;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use client_sdk::{Callback, Client};

#[client_sdk::service]
trait Nothing {}

#[client_sdk::callback]
trait Silent {}

struct Nobody;

#[client_sdk::service]
impl Nothing for Nobody {}

#[client_sdk::callback]
impl Silent for Nobody {}

/// Where things are kept.
trait Store: Send + Sync + 'static {
    fn put(&self, value: u64) -> u64;
}

struct Memory(AtomicU64);

impl Store for Memory {
    fn put(&self, value: u64) -> u64 {
        self.0.swap(value, Ordering::Relaxed)
    }
}

#[client_sdk::data]
#[derive(Debug, Clone, PartialEq)]
struct Page<T> {
    items: Vec<T>,
    more: bool,
}

type Answer<T> = Result<T, Refused>;

#[client_sdk::data]
#[derive(Debug)]
enum Refused {
    Full,
    Because { why: String },
}

#[client_sdk::service]
trait Rooms {
    async fn put(&self, value: u64) -> u64;
    async fn page(&self, at: u64) -> Result<Page<u64>, Refused>;
    async fn again(&self) -> Answer<u64>;
    async fn many(&self, all: HashMap<String, Vec<(u8, [u16; 4])>>, none: ()) -> Option<Box<str>>;
    #[timeout("2min")]
    async fn sum(&self, values: Box<[u64]>) -> u64 {
        let mut sum = 0;
        for value in values {
            sum += self.put(value).await;
        }
        sum
    }
    async fn checked(&self, text: String) -> Result<u64, Refused> {
        if text.is_empty() {
            return Err(Refused::Because { why: "it is empty".to_owned() });
        }
        let number = text.parse().map_err(|_| Refused::Full)?;
        Ok(self.put(number).await)
    }
    async fn unused(&self, one: u64) {}
}

struct Room<S>(S);

#[client_sdk::service]
impl<S: Store> Rooms for Room<S> {
    async fn put(&self, value: u64) -> u64 {
        self.0.put(value)
    }
    async fn page(&self, at: u64) -> Result<Page<u64>, Refused> {
        Ok(Page { items: vec![at], more: false })
    }
    async fn again(&self) -> Answer<u64> {
        Err(Refused::Full)
    }
    async fn many(&self, all: HashMap<String, Vec<(u8, [u16; 4])>>, (): ()) -> Option<Box<str>> {
        all.into_keys().next().map(String::into_boxed_str)
    }
}

#[client_sdk::service]
trait Serial {
    async fn add(&mut self, one: u64) -> u64;
    async fn total(&self) -> u64;
    async fn twice(&mut self, one: u64) -> u64 {
        self.add(one).await;
        self.add(one).await
    }
}

struct Total(u64);

#[client_sdk::service]
impl Serial for Total {
    async fn add(&mut self, one: u64) -> u64 {
        self.0 += one;
        self.0
    }
    async fn total(&self) -> u64 {
        self.0
    }
}

#[client_sdk::service]
trait Alone {
    async fn add(&mut self, one: u64);
}

/// What no two threads may look at.
struct Unshared(Cell<u64>);

#[client_sdk::service]
impl Alone for Unshared {
    async fn add(&mut self, one: u64) {
        std::future::ready(()).await;
        self.0.set(self.0.get() + one);
    }
}

#[client_sdk::callback]
trait Guest {
    #[keep(latest, key = who)]
    #[lane(priority = 2, min_interval = "50ms", bound_messages = 10, bound_bytes = 1_000)]
    fn typing(&self, who: u64, on: bool);
    #[keep(latest(3))]
    #[lane(drop_oldest = false)]
    fn moved(&self, x: f64);
    #[keep(latest)]
    #[lane(unreliable)]
    fn pointed(&self, x: f64, y: f64);
    #[keep(all)]
    #[lane(drop_oldest, priority = 7)]
    fn said(&self, text: String) {
        let _ = text.len();
    }
    #[expires_in("5s")]
    fn ignored(&self, text: String) {}
    async fn handed(&self, on: Option<Callback<dyn Guest>>, all: Vec<Callback<dyn Guest>>) {
        for guest in all.iter().chain(&on) {
            guest.said(String::new());
        }
    }
}

struct Ear;

#[client_sdk::callback]
impl Guest for Ear {
    fn typing(&self, _who: u64, _on: bool) {}
    fn moved(&self, _x: f64) {}
    fn pointed(&self, _x: f64, _y: f64) {}
}

#[cfg(unix)]
#[client_sdk::service]
trait Here {
    async fn here(&self);
}

#[client_sdk::service]
#[cfg(not(unix))]
trait Here {
    async fn here(&self);
}

#[client_sdk::data]
#[cfg(not(unix))]
struct There {
    place: Nowhere,
}

#[client_sdk::data]
struct Tree {
    leaves: Vec<Tree>,
    kind: PhantomData<fn() -> Tree>,
    #[cfg(not(unix))]
    there: Nowhere,
}

#[client_sdk::service]
trait Forest {
    async fn plant(&self, tree: Tree);
}

#[client_sdk::service]
#[cfg(not(unix))]
trait Elsewhere {
    async fn elsewhere(&self);
}

#[client_sdk::service]
#[cfg(not(unix))]
impl Elsewhere for Nobody {
    async fn elsewhere(&self) {}
}

#[client_sdk::service]
trait Old {
    #[deprecated = "it is old"]
    async fn old(&self);
}

async fn both_ends(client: &Client) {
    let _ = client.serve("nothing", Nobody).await;
    let _ = client.serve("room", Room(Memory(AtomicU64::new(0)))).await;
    let _ = client.serve("total", Total(0)).await;
    let _ = client.serve("alone", Unshared(Cell::new(0))).await;
    let _ = client.offer(Ear).await;
    let _ = client.offer(Nobody).await;
}

pub(super) fn check() {
    let _ = both_ends;
}
