#[client_sdk::callback]
trait Guest {
    fn heard(&self, text: String) -> ();
}

struct Ear;

#[client_sdk::callback]
impl Guest for Ear {
    fn heard(&self, _text: String) -> () {}
}

fn main() {}
