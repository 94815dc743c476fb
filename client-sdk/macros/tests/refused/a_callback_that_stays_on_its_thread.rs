use std::rc::Rc;

#[client_sdk::callback]
trait Ear {
    fn hear(&self, word: String);
    async fn repeat(&self) -> u64;
}

struct Heard(Rc<String>);

#[client_sdk::callback]
impl Ear for Heard {
    fn hear(&self, _word: String) {}

    async fn repeat(&self) -> u64 {
        self.0.len() as u64
    }
}

fn main() {}
