//! The judge is judged: whatever goes wrong once, it notices.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::plan::FORGETFUL_FROM;
use crate::shrink::{shrink, tell};
use crate::tamper::{CallFault, Fault, Tamper};
use crate::world::World;

/// In how many worlds each fault has to happen, of how many at most.
const WORLDS: usize = 16;
const SEEDS_MAX: u64 = 2000;

/// How many of the worlds in which it happened must have noticed. The rest are those in which
/// nobody can, such as a loss just before the victim goes.
const NOTICED: usize = 8;

/// The same for what is rare: what a lane lost with its link, the last call of a hold.
const WORLDS_OF_RARE: usize = 8;
const NOTICED_OF_RARE: usize = 4;

/// The same for what mostly has no consequences: a topic that is forgotten has to be used again, and that to
/// be seen, before what waits of it has left.
const WORLDS_OF_FORGETFUL: usize = 64;
const NOTICED_OF_FORGETFUL: usize = 4;

fn is_rare(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::MiscountLost
            | Fault::LoseLost
            | Fault::Of(
                CallFault::LateCall
                    | CallFault::LoseReleasedAtResume
                    | CallFault::SurvivingAttachment
                    | CallFault::ExpiredCall
            )
    )
}

/// Each in the worlds that have more of what it befalls.
fn may_happen(fault: Fault, world: &World) -> bool {
    let there = !fault.needs_absence() || world.plan.stays;
    let calls = matches!(fault, Fault::Of(_)) == world.plan.calls;
    there && (calls || fault == Fault::MiscountLost)
}

fn is_noticed(fault: Fault) {
    let wanted = std::env::var("SIM_FAULT");
    if wanted.is_ok_and(|wanted| wanted != format!("{fault:?}")) {
        return;
    }
    let (worlds, least, from) = match fault {
        Fault::ForgetWaiting => (WORLDS_OF_FORGETFUL, NOTICED_OF_FORGETFUL, FORGETFUL_FROM),
        Fault::OverdueValue => (WORLDS_OF_RARE, NOTICED_OF_RARE, FORGETFUL_FROM),
        _ if is_rare(fault) => (WORLDS_OF_RARE, NOTICED_OF_RARE, 0),
        _ => (WORLDS, NOTICED, 0),
    };
    let (mut happened, mut noticed) = (0, 0);
    for seed in from..from + SEEDS_MAX {
        // What is rare anyway befalls the first.
        let spared = if is_rare(fault) || from > 0 { 0 } else { seed as usize % 4 };
        let tamper = Tamper::plant(fault, spared);
        let mut world = World::new(seed, tamper, false);
        if !may_happen(fault, &world) {
            continue;
        }
        let found = world.run().is_err();
        let has_happened = world.tamper.victim.is_some();
        happened += usize::from(has_happened);
        noticed += usize::from(found && has_happened);
        if happened == worlds {
            break;
        }
    }
    eprintln!("{fault:?} was noticed in {noticed} of {happened} worlds");
    assert_eq!(happened, worlds, "{fault:?} is too rare");
    assert!(noticed >= least, "{fault:?}: noticed in {noticed} of {happened} worlds");
}

#[test]
fn whatever_goes_wrong_once_is_noticed() {
    let faults = Fault::ALL.into_iter().filter(|fault| !fault.needs_absence());
    faults.for_each(is_noticed);
}

#[test]
fn whatever_goes_wrong_once_is_noticed_when_clients_come_back() {
    let faults = Fault::ALL.into_iter().filter(|fault| fault.needs_absence());
    faults.for_each(is_noticed);
}

#[test]
fn whatever_goes_wrong_once_with_callbacks_is_noticed() {
    CallFault::ALL.into_iter().map(Fault::Of).for_each(is_noticed);
}

#[test]
fn a_story_is_as_short_as_what_matters() {
    let tamper = Tamper::plant(Fault::DoubleAtResume, 0);
    let finds = |seed: &u64| World::new(*seed, tamper.clone(), false).run().is_err();
    let seed = (0..SEEDS_MAX).find(finds).expect("it happens somewhere");
    let cut = shrink(seed, &tamper, Duration::from_secs(60)).expect("it happens again");
    let steps = cut.steps.as_ref().map_or(0, BTreeSet::len);
    // Somebody enters, subscribes, loses its link and comes back; somebody else publishes.
    assert!(steps <= 24, "{}", tell(seed, &tamper, Duration::from_secs(60)));
    let without = |step: &u64| {
        let mut shorter = cut.clone();
        shorter.steps.iter_mut().for_each(|steps| steps.retain(|one| one != step));
        World::new(seed, tamper.clone(), false).cut(shorter).run().is_ok()
    };
    // None of them can be left out.
    assert!(cut.steps.iter().flatten().all(without));
}
