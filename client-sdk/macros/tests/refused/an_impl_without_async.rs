#[client_sdk::service]
trait Sums {
    async fn add(&self, one: i64, other: i64) -> i64;
    async fn note(&self, text: String);
}

struct Abacus;

#[client_sdk::service]
impl Sums for Abacus {
    fn add(&self, one: i64, other: i64) -> i64 {
        one + other
    }
    fn note(&self, _text: String) {}
}

#[client_sdk::callback]
trait Guest {
    async fn confirm(&self, question: String) -> bool;
}

struct Nobody;

#[client_sdk::callback]
impl Guest for Nobody {
    fn confirm(&self, _question: String) -> bool {
        false
    }
}

fn main() {}
