use client_sdk::{Client, Service};

#[client_sdk::service]
trait Words {
    async fn count(&self, text: &str) -> u64;
    async fn total(&self) -> u64;
}

struct Counter;

#[client_sdk::service]
impl Words for Counter {
    async fn count(&self, text: &str) -> u64 {
        text.len() as u64
    }
    async fn total(&self) -> u64 {
        0
    }
}

async fn both_ends(client: &Client) {
    let _ = client.serve("words", Counter).await;
    let words: Service<dyn Words> = client.resolve("words").await.unwrap();
    let _ = words.total().await;
}

fn main() {
    let _ = both_ends;
}
