#[client_sdk::data]
enum Move {
    To(Place),
    Away,
}

struct Place;

#[client_sdk::service]
trait Game {
    async fn play(&self, one: Move);
}

fn main() {}
