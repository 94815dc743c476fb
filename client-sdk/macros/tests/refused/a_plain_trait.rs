trait Sums {
    fn add(&self, one: i64, other: i64) -> i64;
}

struct Abacus;

#[client_sdk::service]
impl Sums for Abacus {
    fn add(&self, one: i64, other: i64) -> i64 {
        one + other
    }
}

fn main() {}
