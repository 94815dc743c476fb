//! What the benches share: a fleet of subscribers, and the processor time of the broker's shards. The
//! broker itself and the way to it are those of `broker-tests`.

pub mod cpu;
pub mod fleet;
pub mod peers;
pub mod table;

/// Whether the benches run in their short mode: enough to see that they work, too little for
/// figures. Set by the environment variable `BENCH_SHORT=1`.
pub fn is_short() -> bool {
    std::env::var_os("BENCH_SHORT").is_some_and(|value| value != "0")
}
