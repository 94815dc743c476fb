#[client_sdk::service]
trait Sums {
    fn new() -> Self;
    async fn copy(&self) -> Self;
    async fn same(&self, other: Self) -> bool;
}

struct Abacus;

#[client_sdk::service]
impl Sums for Abacus {
    fn new() -> Self {
        Self
    }
    async fn copy(&self) -> Self {
        Self
    }
    async fn same(&self, _other: Self) -> bool {
        true
    }
}

fn main() {}
