#[client_sdk::service]
trait Sums {
    #[keep(latest)]
    async fn add(&self, one: i64, other: i64) -> i64;
    #[lane(priority = 7)]
    async fn total(&self) -> i64;
}

fn main() {}
