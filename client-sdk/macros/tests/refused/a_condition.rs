#[client_sdk::service]
trait Sums {
    #[cfg(unix)]
    async fn add(&self, one: i64, other: i64) -> i64;
}

fn main() {}
