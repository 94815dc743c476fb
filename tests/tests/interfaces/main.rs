//! What programs that call services by typed interfaces may rely on.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

mod calls;
mod endings;
mod instances;
mod json;
mod serial;
mod sums;
mod versions;

use std::future::Future;

use broker_tests::{PATIENCE, Place};
use client_sdk::Client;
use tokio::time::timeout;

async fn connect(place: &Place, name: &str) -> Client {
    let builder = Client::builder(&place.url).name(name).with_connector(place.connector());
    within(builder.connect()).await.unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}
