//! Which entries are of some topics: found a few at a time, while the log goes on.
//!
//! Of these topics nothing new is appended while they are searched for, but what is folded of them.
//! Entries keep their numbers wherever they move, so that what was found stays found.

use std::sync::Arc;

use hashbrown::HashMap;

use super::Log;
use crate::TopicId;

/// A search for the entries of some topics.
#[derive(Debug)]
pub(super) struct Search {
    /// The place of each topic among those that are searched for.
    topics: HashMap<TopicId, u32, foldhash::fast::FixedState>,
    /// The entry that is looked at next, and the one behind the last.
    next: u64,
    end: u64,
    /// What was found, and whether that is all, in the order of the log.
    found: Vec<(u64, u32)>,
    /// What was found out of this order, until that is all.
    apart: Vec<(u64, u32)>,
    is_done: bool,
}

impl Search {
    fn place(&self, entry: u64, topic: TopicId) -> Option<(u64, u32)> {
        self.topics.get(&topic).map(|place| (entry, *place))
    }

    /// All is found: it is put in order, which is little to do where most of it is.
    fn end(&mut self) {
        self.apart.sort_unstable();
        self.found.append(&mut self.apart);
        self.found.sort();
        self.found.dedup();
        self.is_done = true;
    }
}

impl Log {
    /// Begins to search for the entries of some topics, in place of others.
    pub(crate) fn search_for(&mut self, topics: &Arc<[TopicId]>) {
        let topics = topics.iter().copied().zip(0..).collect();
        let (next, end, found, apart) = (self.first, self.end(), Vec::new(), Vec::new());
        let search = Search { topics, next, end, found, apart, is_done: false };
        self.search = Some(Box::new(search));
    }

    /// Goes on with the search, by so many steps. Returns whether it is done. What has survived its
    /// block is looked at in one go, if some of it is of these topics, and takes as many steps.
    pub(crate) fn search_some(&mut self, steps: &mut usize) -> bool {
        let Self { search, entries, first, survivors, .. } = self;
        let Some(search) = search.as_mut().filter(|search| !search.is_done) else { return true };
        let start = search.next.max(*first).min(search.end);
        let end = search.end.min(start + *steps as u64);
        let places = (start.max(*first) - *first) as usize..(end.max(*first) - *first) as usize;
        for (entry, number) in entries.range(places).zip(start..) {
            let found = search.place(number, entry.topic_id);
            search.found.extend(found);
        }
        search.next = end;
        *steps -= (end - start) as usize;
        if end < search.end {
            return false;
        }
        *steps = steps.saturating_sub(search.topics.len());
        if search.topics.keys().any(|topic| survivors.has_of(*topic)) {
            for (number, topic) in survivors.topics() {
                let found = search.place(number, topic);
                search.apart.extend(found);
            }
            *steps = steps.saturating_sub(survivors.len());
        }
        search.end();
        true
    }

    /// The entries that were found, each with the place of its topic among those that were searched for.
    pub(crate) fn found(&self) -> &[(u64, u32)] {
        self.search.as_ref().map_or(&[], |search| &search.found)
    }

    /// The place of a topic among those that are searched for.
    pub(crate) fn searched(&self, topic: TopicId) -> Option<u32> {
        self.search.as_ref()?.topics.get(&topic).copied()
    }

    /// Ends the search.
    pub(crate) fn end_search(&mut self) {
        self.search = None;
    }

    /// Learns that an entry was made of others.
    pub(super) fn note_made(&mut self, entry: u64, topic: TopicId) {
        if let Some(search) = &mut self.search {
            let found = search.place(entry, topic);
            let list = if search.is_done { &mut search.found } else { &mut search.apart };
            list.extend(found);
        }
    }
}
