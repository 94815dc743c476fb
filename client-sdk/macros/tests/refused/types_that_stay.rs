#[client_sdk::service]
trait Odd {
    async fn one_of(&self, value: impl ToString);
    async fn object(&self, value: Box<dyn Fn()>);
    async fn bare(&self, value: dyn Fn());
    async fn code(&self, value: fn());
    async fn address(&self, value: *const u8);
    async fn unknown(&self, value: _);
    async fn itself(&self) -> Self;
}

fn main() {}
