#[client_sdk::service]
trait Shapes {
    async fn area(&self, (width, height): (u32, u32)) -> u32;
    async fn name(&self, _: String);
    async fn grow(&self, mut by: u32) {
        by += 1;
        let _ = by;
    }
    async fn hidden(&self, #[allow(unused)] by: u32);
    async fn sides<const N: usize>(&self, all: [u32; N]);
}

fn main() {}
