//! From a world in which a promise is broken to the shortest story that still breaks one.
//!
//! Every step draws its random numbers from a seed of its own, so that steps can be left out and the
//! others stay what they were. Halves are left out first, then smaller and smaller parts.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::judge::Violation;
use crate::tamper::Tamper;
use crate::world::World;

/// How many letters at the beginning or the end make two sentences tell the same.
const ALIKE: usize = 16;

/// What of a world's steps is lived through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The steps that are taken; all where `None`.
    pub(crate) steps: Option<BTreeSet<u64>>,
    /// How many messages are published at a time, at most.
    pub(crate) at_once: usize,
}

impl Default for Cut {
    fn default() -> Self {
        Self { steps: None, at_once: usize::MAX }
    }
}

impl Cut {
    pub(crate) fn takes(&self, step: u64) -> bool {
        self.steps.as_ref().is_none_or(|steps| steps.contains(&step))
    }
}

/// Looks for the shortest story.
struct Search<'a> {
    seed: u64,
    tamper: &'a Tamper,
    /// What was wrong.
    what: String,
    until: Instant,
}

impl Search<'_> {
    /// Whether the same promise is broken.
    fn breaks(&self, cut: &Cut) -> bool {
        let mut world = World::new(self.seed, self.tamper.clone(), false).cut(cut.clone());
        world.run().is_err_and(|violation| alike(&violation.what, &self.what))
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Publishes as little at a time as will do.
    fn fewer_at_once(&self, cut: Cut) -> Cut {
        let fewer = [1, 2, 4].map(|at_once| Cut { at_once, ..cut.clone() });
        fewer.into_iter().find(|fewer| self.breaks(fewer)).unwrap_or(cut)
    }

    /// Leaves out parts of so many steps, one after the other, wherever that still breaks a promise.
    fn leave_out(&self, mut cut: Cut, part: usize) -> Cut {
        let all: Vec<u64> = cut.steps.iter().flatten().copied().collect();
        for some in all.chunks(part).rev() {
            if self.is_over() {
                break;
            }
            let mut steps = cut.steps.clone().unwrap_or_default();
            steps.retain(|step| !some.contains(step));
            let shorter = Cut { steps: Some(steps), ..cut.clone() };
            if self.breaks(&shorter) {
                cut = shorter;
            }
        }
        cut
    }

    fn shorten(&self, mut cut: Cut) -> Cut {
        let len = |cut: &Cut| cut.steps.as_ref().map_or(0, BTreeSet::len);
        let mut part = len(&cut).div_ceil(2);
        while part > 0 && !self.is_over() {
            let before = len(&cut);
            cut = self.leave_out(cut, part);
            // What couldn't be left out at first may have become superfluous.
            let again = part == 1 && len(&cut) < before;
            part = if again { 1 } else { part / 2 };
        }
        cut
    }
}

/// Whether two sentences tell the same of different things: they begin or end alike.
fn alike(one: &str, other: &str) -> bool {
    let letters =
        |text: &str| -> Vec<char> { text.chars().filter(char::is_ascii_alphabetic).collect() };
    let (one, other) = (letters(one), letters(other));
    let (some, same) = (one.len().min(other.len()).min(ALIKE), |(a, b): (&char, &char)| a == b);
    let ends = one.iter().rev().zip(other.iter().rev()).take(some).all(same);
    ends || one.iter().zip(&other).take(some).all(same)
}

/// The steps that are left when as many as possible in the time were left out, if a promise is broken
/// at all.
pub(crate) fn shrink(seed: u64, tamper: &Tamper, time: Duration) -> Option<Cut> {
    let mut world = World::new(seed, tamper.clone(), false);
    let Violation { what, .. } = world.run().err()?;
    let steps = Some((0..=world.steps_taken()).collect());
    let search = Search { seed, tamper, what, until: Instant::now() + time };
    let cut = search.fewer_at_once(Cut { steps, ..Cut::default() });
    let cut = search.shorten(cut);
    Some(search.fewer_at_once(cut))
}

/// A world that is lived through once more, and told.
pub(crate) fn tell(seed: u64, tamper: &Tamper, time: Duration) -> String {
    let Some(cut) = shrink(seed, tamper, time) else { return "it isn't repeated".to_owned() };
    let steps = cut.steps.as_ref().map_or(0, BTreeSet::len);
    let mut world = World::new(seed, tamper.clone(), true).cut(cut);
    let Err(Violation { client, what, .. }) = world.run() else {
        return "it isn't repeated".to_owned();
    };
    let (who, story, plan) = (world.judge.who(client), world.judge.story(), &world.plan);
    format!(
        "A promise is broken, with seed {seed}, in {steps} steps:\n{story}\
         So {who} sees: {what}\n\n{plan:?}\n\
         Again: SIM_SEED={seed} cargo test -p broker-core --test simulation every_promise\n"
    )
}
