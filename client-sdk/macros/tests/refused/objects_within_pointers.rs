use std::sync::Arc;

use client_sdk::Client;

#[client_sdk::service]
trait Sums {
    async fn add(&self, one: i64, other: i64) -> i64;
}

struct Abacus;

#[client_sdk::service]
impl Sums for Abacus {
    async fn add(&self, one: i64, other: i64) -> i64 {
        one + other
    }
}

async fn hand_over(client: &Client) {
    let abacus = Arc::new(Abacus);
    let _ = client.serve("sums", Arc::clone(&abacus)).await;
    let _ = client.serve("sums", &*abacus).await;
}

fn main() {
    let _ = hand_over;
}
