//! Clients by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::SessionId;

/// The sessions of each name; the one that came last is the one that is reached.
///
/// Coming and going cost the logarithm of a name's sessions: clients may all have one name.
#[derive(Debug, Default)]
pub(super) struct Directory {
    names: HashMap<Arc<str>, Namesakes>,
    /// The place of each session behind which another of its name came.
    superseded: HashMap<SessionId, u64>,
    /// How many places were given so far.
    given: u64,
}

/// The sessions of one name.
#[derive(Debug)]
struct Namesakes {
    last: SessionId,
    /// By their places, in the order in which they came. Most names have nothing here.
    #[expect(
        clippy::box_collection,
        reason = "nearly all have none, and a word is less than three"
    )]
    earlier: Option<Box<BTreeMap<u64, SessionId>>>,
}

impl Directory {
    pub(super) fn enter(&mut self, name: &Arc<str>, session: SessionId) {
        let Some(namesakes) = self.names.get_mut(name) else {
            self.names.insert(name.clone(), Namesakes { last: session, earlier: None });
            return;
        };
        self.given += 1;
        let before = std::mem::replace(&mut namesakes.last, session);
        namesakes.earlier.get_or_insert_default().insert(self.given, before);
        self.superseded.insert(before, self.given);
    }

    pub(super) fn leave(&mut self, name: &Arc<str>, session: SessionId) {
        let Some(namesakes) = self.names.get_mut(name) else { return };
        if namesakes.last != session {
            if let Some(place) = self.superseded.remove(&session) {
                namesakes.remove(place);
            }
        } else if let Some(before) = namesakes.step_back() {
            self.superseded.remove(&before);
        } else {
            self.names.remove(name);
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<SessionId> {
        Some(self.names.get(name)?.last)
    }
}

impl Namesakes {
    fn remove(&mut self, place: u64) {
        if let Some(earlier) = &mut self.earlier {
            earlier.remove(&place);
            self.earlier.take_if(|earlier| earlier.is_empty());
        }
    }

    /// Makes the last of those before the last again, if there are any. Returns who that is.
    fn step_back(&mut self) -> Option<SessionId> {
        let (_, before) = self.earlier.as_mut()?.pop_last()?;
        self.earlier.take_if(|earlier| earlier.is_empty());
        self.last = before;
        Some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ShardId;

    fn session(slot: u32) -> SessionId {
        SessionId { shard: ShardId(0), slot, generation: 0 }
    }

    #[test]
    fn the_last_that_came_and_is_still_there_is_reached_whoever_leaves_when() {
        let (mut directory, name) = (Directory::default(), Arc::from("a"));
        (1..=4).for_each(|slot| directory.enter(&name, session(slot)));
        for (leaves, reached) in [(2, 4), (4, 3)] {
            directory.leave(&name, session(leaves));
            assert_eq!(directory.find("a"), Some(session(reached)));
        }
        directory.enter(&name, session(5));
        for (leaves, reached) in [(5, Some(3)), (3, Some(1)), (1, None)] {
            directory.leave(&name, session(leaves));
            assert_eq!(directory.find("a"), reached.map(session));
        }
        assert!(directory.names.is_empty() && directory.superseded.is_empty());
    }

    #[test]
    fn who_leaves_twice_or_never_came_takes_nobody_along() {
        let (mut directory, name) = (Directory::default(), Arc::from("a"));
        (1..=2).for_each(|slot| directory.enter(&name, session(slot)));
        [1, 1, 9].into_iter().for_each(|slot| directory.leave(&name, session(slot)));
        assert_eq!(directory.find("a"), Some(session(2)));
    }
}
