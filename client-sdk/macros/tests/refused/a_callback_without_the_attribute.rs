use client_sdk::Callback;

trait Heard {
    fn heard(&self, text: String);
}

#[client_sdk::service]
trait Chat {
    async fn join(&self, callback: Callback<dyn Heard>);
}

fn main() {}
