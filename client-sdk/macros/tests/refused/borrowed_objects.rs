#[client_sdk::callback]
trait Heard {
    fn heard(&self, text: String);
}

struct Ear<'a>(&'a str);

#[client_sdk::callback]
impl<'a> Heard for Ear<'a> {
    fn heard(&self, _text: String) {}
}

#[client_sdk::callback]
impl Heard for (Ear<'_>, u8) {
    fn heard(&self, _text: String) {}
}

#[client_sdk::callback]
impl Heard for &str {
    fn heard(&self, _text: String) {}
}

fn main() {}
