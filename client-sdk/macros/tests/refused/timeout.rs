#[client_sdk::callback]
trait Guest {
    #[timeout("5s")]
    fn said(&self, text: String);
    #[timeout("soon")]
    async fn confirm(&self) -> bool;
    #[timeout(5)]
    async fn number(&self) -> bool;
    #[timeout]
    async fn nothing(&self) -> bool;
    #[timeout("0ms")]
    async fn never(&self) -> bool;
}

fn main() {}
