#[client_sdk::callback]
trait Guest {
    #[priority(2)]
    fn urgent(&self);
    #[kep(latest)]
    fn idle(&self);
    #[latest(key = who)]
    fn typing(&self, who: String);
    #[expire_in("1s")]
    fn rang(&self);
    #[time_out("1s")]
    async fn confirm(&self, question: String) -> bool;
    #[lane(latest)]
    fn moved(&self);
    #[keep(latest, priority = 2)]
    fn came(&self);
    #[keep(latest, kee = who)]
    fn left(&self, who: String);
    #[keep(lastest)]
    fn said(&self);
}

#[client_sdk::service]
trait Room {
    #[timeuot("1s")]
    async fn join(&self, name: String);
}

fn main() {}
