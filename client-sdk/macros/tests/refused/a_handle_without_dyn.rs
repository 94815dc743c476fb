use client_sdk::{Callback, Client};

#[client_sdk::callback]
trait Heard {
    fn heard(&self, text: String);
}

#[client_sdk::service]
trait Chat {
    async fn join(&self, callback: Callback<Heard>);
}

async fn find(client: &Client) {
    let _ = client.resolve::<Chat>("chat").await;
}

fn main() {
    let _ = find;
}
