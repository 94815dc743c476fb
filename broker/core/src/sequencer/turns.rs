//! Those who take turns: the members of a queue group, the providers of a topic.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use slab::Slab;

use crate::Addressee;

/// Rosters of addressees, of which the one that waited longest is chosen.
///
/// Joining, leaving and a turn cost the logarithm of a roster, however many stand in it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    rosters: Slab<Roster>,
    /// How many places were given so far, in all rosters together.
    given: u64,
}

/// Some who take turns, by the order in which their turns come.
#[derive(Debug, Default)]
struct Roster {
    queue: BTreeMap<u64, Addressee>,
    places: HashMap<Addressee, u64>,
}

impl Turns {
    /// Makes a roster without anybody. Returns its place.
    pub(super) fn open(&mut self) -> usize {
        self.rosters.insert(Roster::default())
    }

    pub(super) fn join(&mut self, roster: usize, addressee: Addressee) {
        let place = self.next_place();
        self.rosters[roster].stand(place, addressee);
    }

    /// Takes an addressee off a roster. An empty roster is removed: returns whether it was.
    pub(super) fn leave(&mut self, roster: usize, addressee: Addressee) -> bool {
        let left = &mut self.rosters[roster];
        if let Some(place) = left.places.remove(&addressee) {
            left.queue.remove(&place);
        }
        let empty = left.queue.is_empty();
        if empty {
            self.rosters.remove(roster);
        }
        empty
    }

    /// The first on some rosters that is ready; the first of all if none is. Whoever is chosen or
    /// passed over goes to the end.
    pub(super) fn choose(
        &mut self,
        rosters: &[usize],
        ready: impl Fn(Addressee) -> bool,
    ) -> Option<Addressee> {
        let counts = rosters.iter().filter_map(|roster| self.rosters.get(*roster));
        let count: usize = counts.map(|roster| roster.queue.len()).sum();
        for _ in 0..count {
            let first = self.take_first(rosters)?;
            if ready(first) {
                return Some(first);
            }
        }
        self.take_first(rosters)
    }

    fn take_first(&mut self, rosters: &[usize]) -> Option<Addressee> {
        let firsts = rosters.iter().filter_map(|roster| {
            let (place, _) = self.rosters.get(*roster)?.queue.first_key_value()?;
            Some((*place, *roster))
        });
        let (place, roster) = firsts.min()?;
        let behind = self.next_place();
        let roster = &mut self.rosters[roster];
        let first = roster.queue.remove(&place).expect("it was the first just now");
        roster.stand(behind, first);
        Some(first)
    }

    fn next_place(&mut self) -> u64 {
        self.given += 1;
        self.given
    }
}

impl Roster {
    fn stand(&mut self, place: u64, addressee: Addressee) {
        self.queue.insert(place, addressee);
        self.places.insert(addressee, place);
    }
}
