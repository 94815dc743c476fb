#[client_sdk::service]
pub trait Sums {
    /// Adds two numbers.
    pub async fn add(&self, one: i64, other: i64) -> i64;

    #[timeout("1s")]
    pub(crate) async fn negate(&self, one: &i64) -> i64;
}

#[client_sdk::callback]
trait Guest {
    pub fn heard(&self, text: String);
}

struct Abacus;

#[client_sdk::service]
impl Sums for Abacus {
    async fn add(&self, one: i64, other: i64) -> i64 {
        one + other
    }

    async fn negate(&self, one: &i64) -> i64 {
        -one
    }
}

async fn call(sums: client_sdk::Service<dyn Sums>, guest: client_sdk::Callback<dyn Guest>) {
    let _ = sums.add(1, 2).await;
    guest.heard("hello".to_owned());
}

fn main() {}
