#[client_sdk::data]
struct Page<'a> {
    text: &'a str,
}

#[client_sdk::data]
enum Shape {
    Named(&'static str),
    Drawn(Box<dyn Fn()>),
}

fn main() {}
