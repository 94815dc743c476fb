#[client_sdk::callback]
trait Guest {
    #[keep("latest")]
    fn quoted(&self);
    #[keep(latest = 3)]
    fn equal(&self);
    #[keep(latest(all))]
    fn worded(&self);
    #[keep(latest, key)]
    fn half(&self, who: String);
    #[keep(latest, key = "who")]
    fn a_text(&self, who: String);
    #[keep(latest, key = who.name)]
    fn a_field(&self, who: String);
    #[keep(latest, key = (who, at))]
    fn two(&self, who: String, at: u32);
    #[kept(latest)]
    fn another(&self);
    #[lane(priority)]
    fn unsaid(&self);
    #[lane(min_interval)]
    fn often(&self);
    #[lane(drop_oldest = "yes")]
    fn dropped(&self);
}

fn main() {}
