use client_sdk::{Callback, Client};

#[client_sdk::callback]
trait Guest {
    fn said(&self, text: String);
    async fn confirm(&self, question: String) -> bool;
}

#[client_sdk::service]
trait Sums {
    async fn add(&self, one: i64, other: i64) -> i64;
}

async fn call(client: &Client, guest: Callback<dyn Guest>) {
    if guest.confirm("sure?".to_owned()).await {
        guest.said("sure");
    }
    let sums = client.resolve::<dyn Sums>("sums").await.unwrap();
    let _: i64 = sums.add(20, 22).await;
    sums.subtract(22, 20).await;
}

fn main() {
    let _ = call;
}
