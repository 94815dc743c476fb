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

    fn noted(&self) -> i64 {
        0
    }
}

fn main() {}
