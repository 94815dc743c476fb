//! The rules under a seeded simulator: whole shards with the real log and flush, links that take,
//! refuse, stall, chop and die, and a judge who sees only frames and what publishers recorded.
//!
//! `SIM_SEEDS=n` tries more seeds, `SIM_SEED=x` one alone. A seed that fails is told again, with
//! the last events of the client concerned.

mod client;
mod judge;
mod link;
mod plan;
mod planted_faults;
mod promises;
mod random;
mod script;
mod shrink;
mod tamper;
mod world;
