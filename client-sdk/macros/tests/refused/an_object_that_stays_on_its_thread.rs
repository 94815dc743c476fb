use std::cell::Cell;

#[client_sdk::service]
trait Sums {
    async fn add(&self, one: i64) -> i64;
}

struct Abacus(Cell<i64>);

#[client_sdk::service]
impl Sums for Abacus {
    async fn add(&self, one: i64) -> i64 {
        self.0.set(self.0.get() + one);
        self.0.get()
    }
}

fn main() {}
