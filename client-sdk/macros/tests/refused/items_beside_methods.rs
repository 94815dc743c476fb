#[client_sdk::service]
trait Store {
    type Value;
    const MOST: usize;
    async fn get(&self) -> Self::Value;
}

fn main() {}
