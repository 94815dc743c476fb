use std::rc::Rc;
use std::sync::Arc;

#[client_sdk::service]
trait Words {
    async fn count(&self, text: Rc<String>) -> u64;
    async fn longest(&self) -> Arc<str>;
}

fn main() {}
