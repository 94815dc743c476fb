#[client_sdk::service]
trait Store<'a> {
    async fn put(&self, value: u64);
}

#[client_sdk::service]
trait Sums
where
    Self: Sized,
{
    async fn sum(&self) -> u64;
}

#[client_sdk::service]
trait Shelf {
    async fn first<'a>(&'a self) -> u64;
    async fn count(&self) -> u64
    where
        Self: Sync;
    async fn all<T>(&self, like: T) -> u64;
}

struct Wood;

#[client_sdk::service]
impl Shelf for Wood {
    async fn first<'a>(&'a self) -> u64 {
        1
    }
    async fn count(&self) -> u64
    where
        Self: Sync,
    {
        1
    }
    async fn all<T>(&self, _like: T) -> u64 {
        1
    }
}

fn main() {}
