#[client_sdk::data]
struct Place {
    x: u32,
}

#[client_sdk::callback]
trait Guest {
    #[keep(latest, key = at)]
    fn moved(&self, at: Place, on: bool);
    #[keep(latest, key = who)]
    fn typing(&self, who: Option<String>, on: bool);
}

fn main() {}
