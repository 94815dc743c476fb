#[client_sdk::callback]
trait Guest {
    #[keep(latest)]
    async fn confirm(&self, question: String) -> bool;
    #[keep(latest, key = whom)]
    fn typing(&self, who: String, on: bool);
    #[keep(latest, key = who)]
    fn idle(&self);
    #[keep(all, key = who)]
    fn said(&self, who: String);
    #[keep(newest)]
    fn moved(&self, who: String);
    #[keep(latest(0))]
    fn rang(&self);
    #[keep]
    fn left(&self);
    #[keep(latest, who)]
    fn came(&self, who: String);
    #[keep(latest)]
    #[keep(all)]
    fn twice(&self);
}

fn main() {}
