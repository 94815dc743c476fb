use std::rc::Rc;

#[client_sdk::service]
trait Sums {
    async fn add(&self, one: i64, other: i64) -> i64;
}

struct Abacus;

#[client_sdk::service]
impl Sums for Abacus {
    async fn add(&self, one: i64, other: i64) -> i64 {
        let one = Rc::new(one);
        std::future::ready(()).await;
        *one + other
    }
}

fn main() {}
