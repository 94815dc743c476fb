//! What the benches share: a broker, a fleet of subscribers, and the processor time of its shards.

pub mod cpu;
pub mod fleet;
pub mod link;
pub mod setting;
pub mod table;

/// Whether the benches run in their short mode: enough to see that they work, too little for
/// figures. Set by the environment variable `BENCH_SHORT=1`.
pub fn is_short() -> bool {
    std::env::var_os("BENCH_SHORT").is_some_and(|value| value != "0")
}
