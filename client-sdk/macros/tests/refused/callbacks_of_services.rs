use client_sdk::Callback;

#[client_sdk::service]
trait Other {
    async fn ping(&self);
}

#[client_sdk::service]
trait Chat {
    async fn join(&self, callback: Callback<dyn Other>);
}

fn main() {}
