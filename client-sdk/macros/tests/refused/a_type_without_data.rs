struct Welcome;

#[client_sdk::service]
trait Chat {
    async fn join(&self) -> Welcome;
}

#[client_sdk::callback]
trait Guest {
    fn welcome(&self, how: Welcome);
}

fn main() {}
