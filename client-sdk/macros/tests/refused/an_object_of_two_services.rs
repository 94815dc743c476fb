use client_sdk::Client;

#[client_sdk::service]
trait Sums {
    async fn add(&self, one: i64, other: i64) -> i64;
}

#[client_sdk::service]
trait Words {
    async fn count(&self, text: String) -> u64;
}

struct Both;

#[client_sdk::service]
impl Sums for Both {
    async fn add(&self, one: i64, other: i64) -> i64 {
        one + other
    }
}

#[client_sdk::service]
impl Words for Both {
    async fn count(&self, text: String) -> u64 {
        text.len() as u64
    }
}

async fn hand_over(client: &Client) {
    let _ = client.serve("both", Both).await;
}

fn main() {
    let _ = hand_over;
}
