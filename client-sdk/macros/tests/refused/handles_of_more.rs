use client_sdk::{Callback, Client};

#[client_sdk::callback]
trait Heard {
    fn heard(&self, text: String);
}

trait Plain {}

struct Lobby;

#[client_sdk::service]
trait Chat {
    async fn join(&self, ear: Callback<dyn Heard + Send + Sync>);
}

#[client_sdk::data]
struct Kept {
    all: Vec<Callback<dyn Plain>>,
}

async fn find(client: &Client) {
    let _ = client.resolve::<Lobby>("lobby").await;
}

fn main() {
    let _ = find;
}
