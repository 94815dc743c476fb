use std::pin::Pin;

/// As `#[async_trait]` makes it, above ours.
#[client_sdk::service]
trait Sums {
    #[allow(clippy::type_complexity)]
    fn add<'life0, 'async_trait>(
        &'life0 self,
        one: i64,
    ) -> Pin<Box<dyn Future<Output = i64> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait;
}

#[client_sdk::service]
#[async_trait::async_trait]
trait Halves {
    async fn halve(&self, one: i64) -> i64;
}

/// By hand.
#[client_sdk::service]
trait Products {
    fn multiply(&self, one: i64) -> Pin<Box<dyn Future<Output = i64> + Send + '_>>;
}

struct Abacus;

#[client_sdk::service]
impl Sums for Abacus {
    fn add<'life0, 'async_trait>(
        &'life0 self,
        one: i64,
    ) -> Pin<Box<dyn Future<Output = i64> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move { one })
    }
}

#[client_sdk::service]
#[async_trait::async_trait]
impl Halves for Abacus {
    async fn halve(&self, one: i64) -> i64 {
        one / 2
    }
}

#[client_sdk::service]
impl Products for Abacus {
    fn multiply(&self, one: i64) -> Pin<Box<dyn Future<Output = i64> + Send + '_>> {
        Box::pin(async move { one })
    }
}

fn main() {}
