use client_sdk::{CallbackSet, Offered, Service};

#[client_sdk::callback]
trait Guest {
    fn heard(&self, text: String);
}

#[client_sdk::service]
trait Other {
    async fn join(&self) -> u32;
}

#[client_sdk::service]
trait Room {
    async fn next(&self, other: Service<dyn Other>) -> u32;
    async fn all(&self, guests: CallbackSet<dyn Guest>) -> u32;
    async fn enter(&self, guest: Option<Offered<dyn Guest>>) -> u32;
    async fn leave(&self) -> Result<u32, Box<dyn std::error::Error + Send + Sync>>;
}

fn main() {}
