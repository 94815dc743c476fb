#[client_sdk::service]
trait Sums {
    fn add(&self, one: i64, other: i64) -> i64;
    fn note(&self, text: String);
}

struct Abacus;

#[client_sdk::service]
impl Sums for Abacus {
    fn add(&self, one: i64, other: i64) -> i64 {
        one + other
    }
    fn note(&self, _text: String) {}
}

fn main() {}
