#[client_sdk::callback]
#[keep(latest)]
trait Guest {
    fn heard(&self, text: String);
}

#[client_sdk::service]
#[timeout("5s")]
trait Sums {
    async fn add(&self, one: i64, other: i64) -> i64;
}

#[client_sdk::service]
#[client_sdk::callback]
trait Both {
    async fn add(&self, one: i64, other: i64) -> i64;
}

async fn call(sums: client_sdk::Service<dyn Sums>, both: client_sdk::Service<dyn Both>) {
    let _ = sums.add(1, 2).await;
    let _ = both.add(1, 2).await;
}

fn main() {}
