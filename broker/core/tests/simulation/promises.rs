//! Every promise, in every world that the seeds make.

use std::time::Duration;

use crate::shrink::tell;
use crate::tamper::Tamper;
use crate::world::World;

/// How many worlds are tried unless `SIM_SEEDS` says otherwise.
const SEEDS: u64 = 200;

/// For how long a shorter story is looked for.
const SHRINK_FOR: Duration = Duration::from_secs(20);

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIM_SEEDS").unwrap_or(SEEDS),
    }
}

#[test]
fn every_promise_holds_in_every_world() {
    let mut broken = Vec::new();
    for seed in seeds() {
        if let Err(violation) = World::new(seed, Tamper::default(), false).run() {
            broken.push((seed, violation.what));
        }
    }
    let Some((first, _)) = broken.first() else { return };
    let all: String = broken.iter().map(|(seed, what)| format!("\n{seed}: {what}")).collect();
    panic!(
        "{}\nbroken in {} worlds:{all}",
        tell(*first, &Tamper::default(), SHRINK_FOR),
        broken.len()
    );
}

#[test]
fn the_worlds_have_laggards_for_whom_messages_move_out_of_the_log() {
    let copied_out = |seed| {
        let mut world = World::new(seed, Tamper::default(), false);
        assert!(world.run().is_ok());
        world.copied_out()
    };
    let worlds = (0..20).filter(|seed| copied_out(*seed) > 0).count();
    assert!(worlds >= 3, "only in {worlds} of 20");
}

#[test]
fn the_worlds_have_lanes_that_conflate() {
    let conflated = |seed| {
        let mut world = World::new(seed, Tamper::default(), false);
        assert!(world.run().is_ok());
        world.judge.conflated
    };
    let worlds = (0..40).filter(|seed| conflated(*seed) > 0).count();
    assert!(worlds >= 10, "only in {worlds} of 40");
}
