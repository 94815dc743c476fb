#[client_sdk::service(name = "sums")]
trait Sums {
    async fn add(&self, one: i64, other: i64) -> i64;
}

#[client_sdk::data(json)]
struct Sum(i64);

fn main() {}
