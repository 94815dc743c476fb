#[client_sdk::callback]
trait Guest {
    #[expires_in("5s")]
    async fn confirm(&self) -> bool;
    #[expires_in = "5s"]
    fn said(&self, text: String);
    #[expires_in("soon")]
    fn moved(&self, x: u32);
    #[expires_in("1s")]
    #[expires_in("2s")]
    fn rang(&self);
}

#[client_sdk::service]
trait Sums {
    #[expires_in("5s")]
    async fn add(&self, one: i64, other: i64) -> i64;
}

fn main() {}
