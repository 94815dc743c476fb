//! Every promise, in every world that the seeds make.

use std::ops::Range;
use std::time::Duration;

use crate::plan::{FORGETFUL_FROM, SLEEPY_FROM};
use crate::shrink::tell;
use crate::tamper::Tamper;
use crate::world::World;

/// How many worlds are tried unless `SIM_SEEDS` says otherwise.
const SEEDS: u64 = 200;

/// After how many broken worlds no more are tried.
const BROKEN_MAX: usize = 20;

/// For how long a shorter story is looked for.
const SHRINK_FOR: Duration = Duration::from_secs(20);

/// What isn't a matter of course and happens in many worlds.
const HAPPENS: [&str; 11] = [
    "returns",
    "changes of the shard",
    "takeovers",
    "expiries",
    "moves",
    "updates",
    "values",
    "replays",
    "merged",
    "expired",
    "sends expired",
];

/// The same of callbacks.
const OF_CALLBACKS: [&str; 8] =
    ["callbacks", "calls", "calls expired", "attached", "detached", "unheld", "ends", "owners"];

fn seeds() -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let from = number("SIM_FROM").unwrap_or(0);
            from..from + number("SIM_SEEDS").unwrap_or(SEEDS)
        }
    }
}

#[test]
fn every_promise_holds_in_every_world() {
    hold_in(seeds());
}

/// What such a client lost is more than is kept: messages are told, and answers come all the same.
#[test]
fn every_promise_holds_where_clients_fall_asleep_and_lose_their_links() {
    let Range { start, end } = seeds();
    if start < SLEEPY_FROM {
        hold_in(start + SLEEPY_FROM..end + SLEEPY_FROM);
    }
}

/// A topic that is used again after its time has a new epoch, unless something of it waits.
#[test]
fn every_promise_holds_where_time_flies_and_topics_are_forgotten() {
    let Range { start, end } = seeds();
    if start < SLEEPY_FROM {
        hold_in(start + FORGETFUL_FROM..end + FORGETFUL_FROM);
    }
}

fn hold_in(seeds: Range<u64>) {
    let mut broken = Vec::new();
    for seed in seeds {
        if let Err(violation) = World::new(seed, Tamper::default(), false).run() {
            broken.push((seed, violation.what));
        }
        if broken.len() == BROKEN_MAX {
            break;
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
    assert!(worlds >= 8, "only in {worlds} of 40");
}

#[test]
fn the_worlds_have_clients_that_come_back_and_change_their_mind() {
    let worlds: Vec<World> = (0..80)
        .map(|seed| {
            let mut world = World::new(seed, Tamper::default(), false);
            assert!(world.run().is_ok());
            world
        })
        .collect();
    for what in HAPPENS {
        let happened = |world: &&World| world.judge.happened.contains_key(what);
        let count = worlds.iter().filter(happened).count();
        assert!(count >= 5, "{what} only in {count} of 80");
    }
}

#[test]
fn the_worlds_have_clients_that_call_each_other_back() {
    let worlds = (0..160).map(|seed| World::new(seed, Tamper::default(), false));
    let worlds: Vec<World> = worlds
        .filter(|world| world.plan.calls)
        .map(|mut world| {
            assert!(world.run().is_ok());
            world
        })
        .collect();
    for what in OF_CALLBACKS {
        let happened = |world: &&World| world.judge.happened.contains_key(what);
        let count = worlds.iter().filter(happened).count();
        assert!(count >= 8, "{what} only in {count} of {}", worlds.len());
    }
}
