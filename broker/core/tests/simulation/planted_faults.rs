//! The judge is judged: whatever goes wrong once, it notices.

use crate::tamper::{Fault, Tamper};
use crate::world::World;

/// In how many worlds each fault has to happen, of how many at most.
const WORLDS: usize = 60;
const SEEDS_MAX: u64 = 2000;

/// How many of the worlds in which it happened must have noticed. The rest are those in which
/// nobody can, such as a loss just before the victim goes.
const NOTICED: usize = 30;

#[test]
fn whatever_goes_wrong_once_is_noticed() {
    for fault in Fault::ALL {
        let (mut happened, mut noticed) = (0, 0);
        for seed in 0..SEEDS_MAX {
            let tamper = Tamper::plant(fault, seed as usize % 4);
            let mut world = World::new(seed, tamper, false);
            let found = world.run().is_err();
            happened += usize::from(world.tamper.victim.is_some());
            noticed += usize::from(found);
            if happened == WORLDS {
                break;
            }
        }
        eprintln!("{fault:?} was noticed in {noticed} of {happened} worlds");
        assert_eq!(happened, WORLDS, "{fault:?} is too rare");
        assert!(noticed >= NOTICED, "{fault:?}: noticed in {noticed} of {happened} worlds");
    }
}
