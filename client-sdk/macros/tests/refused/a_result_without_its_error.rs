use std::io;

#[client_sdk::service]
trait Files {
    async fn size(&self, name: String) -> io::Result<u64>;
}

fn main() {}
