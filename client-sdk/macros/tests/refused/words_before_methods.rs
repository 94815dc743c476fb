#[client_sdk::callback]
trait Odd {
    const fn early(&self);
    unsafe fn trusted(&self);
    extern "C" fn foreign(&self);
}

fn main() {}
