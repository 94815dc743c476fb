#[client_sdk::callback]
trait Guest {
    fn confirm(&self, question: String) -> bool;
}

fn main() {}
