#[client_sdk::callback]
trait Heard {
    fn heard(&self, text: String);
    fn heard(&self, number: u64);
}

#[client_sdk::service]
trait Sums {
    async fn add(&self, one: i64, one: i64) -> i64;
}

fn main() {}
