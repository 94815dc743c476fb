#[client_sdk::callback]
trait Guest {
    #[client_sdk::keep(latest, key = who)]
    fn typing(&self, who: String);
    #[client_sdk::expires_in("5s")]
    fn heard(&self, text: String);
    #[client_sdk::timeout("5s")]
    async fn confirm(&self, question: String) -> bool;
}

fn main() {}
