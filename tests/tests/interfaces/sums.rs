//! The service of most scenarios.

use std::future::pending;

use broker_tests::{Setting, Transport};
use client_sdk::interface::Caller;
use client_sdk::{Client, Service, Serving};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::{connect, within};

/// What the scenarios call.
#[client_sdk::service]
pub(crate) trait Sums {
    async fn add(&self, one: i64, other: i64) -> Result<i64, Overflow>;
    async fn repeat(&self, text: String, times: usize) -> String;
    async fn who(&self) -> Option<String>;
    async fn hang(&self);
    #[timeout("100ms")]
    async fn hang_briefly(&self);
    async fn fall(&self) -> u8;
}

/// The sum has no place in its type.
#[client_sdk::data]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overflow {
    pub(crate) one: i64,
    pub(crate) other: i64,
}

/// Something happened to a method that doesn't return by itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hung {
    Entered,
    Dropped,
}

/// More than any scenario has.
const HUNG_MAX: usize = 100;

/// An object that tells what becomes of those who hang.
pub(crate) struct Abacus(Sender<Hung>);

struct Guard(Sender<Hung>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.try_send(Hung::Dropped);
    }
}

impl Abacus {
    pub(crate) fn new() -> (Self, Receiver<Hung>) {
        let (tell, told) = channel(HUNG_MAX);
        (Self(tell), told)
    }
}

#[client_sdk::service]
impl Sums for Abacus {
    async fn add(&self, one: i64, other: i64) -> Result<i64, Overflow> {
        one.checked_add(other).ok_or(Overflow { one, other })
    }

    async fn repeat(&self, text: String, times: usize) -> String {
        text.repeat(times)
    }

    async fn who(&self) -> Option<String> {
        Caller::current()?.name.as_deref().map(str::to_owned)
    }

    async fn hang(&self) {
        let _guard = Guard(self.0.clone());
        self.0.try_send(Hung::Entered).unwrap();
        pending::<()>().await;
    }

    async fn hang_briefly(&self) {
        self.hang().await;
    }

    async fn fall(&self) -> u8 {
        panic!("the method falls")
    }
}

/// A broker, who serves sums there, and who calls it.
pub(crate) struct Scene {
    pub(crate) setting: Setting,
    pub(crate) provider: Client,
    pub(crate) serving: Serving,
    pub(crate) client: Client,
    pub(crate) sums: Service<dyn Sums>,
    pub(crate) hung: Receiver<Hung>,
}

impl Scene {
    pub(crate) async fn new(over: Transport) -> Self {
        let setting = over.start().await.unwrap();
        let provider = connect(&setting.place, "provider").await;
        let client = connect(&setting.place, "caller").await;
        let (abacus, hung) = Abacus::new();
        let serving = within(provider.serve("sums", abacus)).await.unwrap();
        let sums = within(client.resolve("sums")).await.unwrap();
        Self { setting, provider, serving, client, sums, hung }
    }

    /// What happens next to one who hangs.
    pub(crate) async fn hung(&mut self) -> Hung {
        within(self.hung.recv()).await.expect("the object lives")
    }
}
