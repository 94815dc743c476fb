#[client_sdk::callback]
trait Guest {
    fn typing(&self, who: String, on: bool);
    async fn confirm(&self) -> bool;
}

struct Nobody;

#[client_sdk::callback]
impl Guest for Nobody {
    #[keep(latest, key = who)]
    #[expires_in("1s")]
    fn typing(&self, _who: String, _on: bool) {}
    #[timeout("5s")]
    async fn confirm(&self) -> bool {
        true
    }
}

fn main() {}
