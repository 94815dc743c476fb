use client_sdk::Client;

trait Sums {
    fn add(&self, one: i64, other: i64) -> i64;
}

async fn find(client: &Client) {
    let _ = client.resolve::<dyn Sums>("sums").await;
}

fn main() {
    let _ = find;
}
