#[client_sdk::service]
trait Sums {
    async fn add(&self, one: i64, other: i64) -> i64;
    async fn negate(&self, one: i64) -> i64;
    async fn double(&self, one: i64) -> i64;
    async fn clear(&self);
}

struct Abacus;

#[client_sdk::service]
impl Sums for Abacus {
    async fn add(&self, one: u64, other: i64) -> i64 {
        one as i64 + other
    }
    async fn negate(&self, one: i64) -> u64 {
        one as u64
    }
    async fn double(&self, one: i64, other: i64) -> i64 {
        one + other
    }
    async fn clear(&mut self) {}
    async fn halve(&self, one: i64) -> i64 {
        one / 2
    }
}

#[client_sdk::callback]
trait Heard {
    fn heard(&self, text: String);
}

struct Ear;

#[client_sdk::callback]
impl Heard for Ear {
    async fn heard(&self, _text: String) {}
}

fn main() {}
