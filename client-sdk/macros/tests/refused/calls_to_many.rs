use client_sdk::CallbackSet;

#[client_sdk::callback]
trait Guest {
    fn said(&self, text: String);
    async fn confirm(&self, question: String) -> bool;
}

async fn ask(guests: &CallbackSet<dyn Guest>) {
    guests.said(5);
    guests.confirm("all?".to_owned()).await;
}

fn main() {
    let _ = ask;
}
