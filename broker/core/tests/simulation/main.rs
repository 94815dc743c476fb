//! The rules under a seeded simulator: whole shards with the real log and flush, links that take,
//! refuse, stall, chop and die, and a judge who sees only frames and what publishers recorded.
//!
//! Clients publish, subscribe, move, change the options of lanes, send, ask, answer and leave; in half of
//! the worlds they offer callbacks too, call, hold, attach and release them (`judge/callbacks.rs`). Their
//! links break and are taken over, and they come back to their session over another kind of link, in
//! its shard or by way of another one. The judge holds every frame against the promises, and all books
//! against what was published whenever nothing is under way.
//!
//! 200 seeds are tried by default (`cargo test -p broker-core --test simulation`). More on demand:
//! `SIM_SEEDS=1000000 cargo test --release -p broker-core --test simulation every_promise`, from
//! `SIM_FROM=n` on; `SIM_SEED=x` tries one alone. A seed that fails is told as a story: the shortest
//! sequence of steps that was found to break the same promise (`shrink.rs`).
//!
//! `planted_faults.rs` proves that the judge sees: each of the faults in `tamper/fault.rs` and
//! `tamper/callbacks.rs`, planted once between the broker and its clients, has to be noticed;
//! `SIM_FAULT=name` plants one alone.

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
