#[client_sdk::service]
trait Words {
    async fn count(&self, text: &str) -> u64;
    async fn join(&self, words: Vec<&str>, by: std::borrow::Cow<'_, str>) -> String;
    async fn sort(&self, words: &[String]) -> &'static str;
    async fn longest(&self, words: &Vec<String>) -> Option<&String>;
}

fn main() {}
