//! So many turns of one shard with many lanes, without links, and nothing else: for a profiler that counts
//! instructions, as callgrind does.

use broker_benches::lanes::{Lanes, Subject};
use clap::Parser;

/// What to measure.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many lanes there are.
    #[arg(long, default_value_t = 256)]
    lanes: usize,
    /// The lane's number: with 0 a session has one lane, else lane 0 is beside it and idle.
    #[arg(long, default_value_t = 1)]
    number: u8,
    /// How many messages come in a turn: with one, each delivery is a packet of its own.
    #[arg(long, default_value_t = 64)]
    messages: usize,
    /// How many seconds a session outlives its connection; 0: nothing that was sent is kept.
    #[arg(long, default_value_t = 30)]
    session_expiry: u64,
    /// Turns before those that count.
    #[arg(long, default_value_t = 300)]
    warm_up: u32,
    /// How many turns are taken, in `counted`.
    #[arg(long, default_value_t = 2000)]
    turns: u32,
}

fn main() {
    let Arguments { lanes, number, messages, session_expiry, warm_up, turns } = Arguments::parse();
    let topics = messages;
    let subject = Subject { lanes, number, topics, session_expiry, ..Subject::default() };
    let mut world = Lanes::new(subject);
    (0..warm_up).for_each(|_| world.publish());
    counted(&mut world, turns);
    println!("{} deliveries", u64::from(turns) * (lanes * messages) as u64);
}

/// What a profiler is to look at: callgrind with `--toggle-collect='*counted*'`.
#[inline(never)]
fn counted(world: &mut Lanes, turns: u32) {
    (0..turns).for_each(|_| world.publish());
}
