#[client_sdk::service]
trait Sums {
    async fn add(&self, one: i64, other: i64) -> i64 {
        (one + other) as u8
    }
    async fn double(&self, one: i64) -> i64 {
        self.add(one, one)
    }
}

fn main() {}
