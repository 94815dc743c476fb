#[client_sdk::service]
trait Sums {
    async fn add(one: i64, other: i64) -> i64;
    async fn zero() -> i64;
    async fn taken(self) -> i64;
    async fn changed(mut self) -> i64;
    async fn shared(self: std::sync::Arc<Self>) -> i64;
}

#[client_sdk::callback]
trait Heard {
    fn heard(&mut self, text: String);
}

fn main() {}
