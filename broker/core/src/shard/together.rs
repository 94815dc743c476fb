//! Messages of one topic beside each other, where nobody can tell.
//!
//! Publishers that take topics in turn leave the messages of a topic scattered in the order, and
//! what a subscriber of one topic gets would be scattered in the log: a step into its lane for each
//! message, and a copy of each before it is sent. A lane that gets one topic alone can't tell in
//! which order messages of different topics are written. So those of a topic that only such lanes
//! get are moved together, to where the first of them stood; all others keep their order.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::routes::RoutePlace;
use crate::Publication;

/// How many messages' memory is kept for the next turns.
const KEPT: usize = 16 << 10;

/// Messages that came one behind the other, and the order in which they are to be written.
#[derive(Debug, Default)]
pub(super) struct Together {
    publications: Vec<Publication>,
    /// The place of each: where the first stood that it is moved to, and where it stood itself.
    order: Vec<(u32, u32)>,
    /// Where the first message of each topic stood that only narrow lanes get.
    firsts: HashMap<RoutePlace, u32, FixedState>,
}

impl Together {
    /// Adds a message.
    pub(super) fn push(&mut self, publication: Publication) {
        self.publications.push(publication);
    }

    /// Finds the order in which they are written. `narrow` tells the route of a message if all who
    /// get it get no other topic.
    pub(super) fn arrange(&mut self, mut narrow: impl FnMut(&Publication) -> Option<RoutePlace>) {
        let Self { publications, order, firsts } = self;
        let places = publications.iter().zip(0..).map(|(publication, place)| {
            let first = narrow(publication).map(|route| *firsts.entry(route).or_insert(place));
            (first.unwrap_or(place), place)
        });
        order.extend(places);
        order.sort_unstable();
    }

    /// The messages, in the order in which they are to be written.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Publication> {
        self.order.iter().map(|(_, place)| &self.publications[*place as usize])
    }

    /// The same memory without messages, unless it was much.
    pub(super) fn emptied(mut self) -> Self {
        if self.publications.capacity() > KEPT {
            return Self::default();
        }
        self.publications.clear();
        self.order.clear();
        self.firsts.clear();
        self
    }
}
