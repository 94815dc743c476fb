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

impl Sums for Abacus {
    async fn add(&self, one: i64, other: i64) -> i64 {
        one + other
    }
}

struct Ear;

impl Heard for Ear {
    fn heard(&self, _text: String) {}
}

async fn hand_over(client: &Client) {
    let _ = client.serve("sums", Abacus).await;
    let _ = client.offer(Ear).await;
}

fn main() {
    let _ = hand_over;
}
