#[client_sdk::service]
trait Store<T> {
    async fn put(&self, value: T);
}

#[client_sdk::service]
trait Shelf
where
    u8: Copy,
{
    async fn put(&self, value: u8);
}

fn main() {}
