#[client_sdk::callback]
trait Guest {
    #[lane(priority = 8)]
    fn urgent(&self);
    #[lane(priority = "high")]
    fn worded(&self);
    #[lane(speed = 3)]
    fn fast(&self);
    #[lane(min_interval = "fast")]
    fn often(&self);
    #[lane(min_interval = "10ms")]
    fn seldom(&self);
    #[lane(unreliable)]
    fn lossy(&self);
    #[lane(drop_oldest)]
    async fn asked(&self) -> bool;
    #[lane(bound_messages = 0)]
    fn bound(&self);
    #[lane(priority = 1, priority = 2)]
    fn twice(&self);
}

fn main() {}
