#[client_sdk::service]
struct Abacus {
    beads: u64,
}

#[client_sdk::callback]
fn heard() {}

#[client_sdk::service]
impl Abacus {
    async fn add(&self) {}
}

#[client_sdk::data]
fn datum() {}

#[client_sdk::data]
type Number = u64;

fn main() {}
