use client_sdk::Client;

#[client_sdk::service]
trait Sums {
    async fn add(&self, one: i64, other: i64) -> i64;
}

#[client_sdk::callback]
trait Heard {
    fn heard(&self, text: String);
}

struct Abacus;

#[client_sdk::callback]
impl Sums for Abacus {
    async fn add(&self, one: i64, other: i64) -> i64 {
        one + other
    }
}

struct Ear;

#[client_sdk::callback]
impl Heard for Ear {
    fn heard(&self, _text: String) {}
}

async fn hand_over(client: &Client) {
    let _ = client.serve("ear", Ear).await;
}

fn main() {
    let _ = hand_over;
}
