#[client_sdk::callback]
trait Guest {
    fn released(&self);
    fn clone(&self);
    fn len(&self);
    fn expires_in(&self);
}

#[client_sdk::service]
trait Papers {
    async fn json(&self) -> String;
    async fn released(&self) -> u32;
}

fn main() {}
