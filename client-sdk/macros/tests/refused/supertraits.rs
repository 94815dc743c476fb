#[client_sdk::service]
unsafe trait Sums: std::fmt::Debug + Send {
    async fn add(&self, one: i64, other: i64) -> i64;
}

fn main() {}
