use client_sdk::Client;

#[client_sdk::callback]
trait Heard {
    fn heard(&self, text: String);
}

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
    let _ = client.resolve::<dyn Heard>("ear").await;
    let _ = client.offer(Abacus).await;
    let _ = client.callback_set::<dyn Sums>("sums");
}

fn main() {
    let _ = hand_over;
}
