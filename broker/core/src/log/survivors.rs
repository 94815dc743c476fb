//! What laggards still want of blocks that are gone.

use std::num::NonZeroU64;
use std::ops::Range;

use bytes::Bytes;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry::Occupied;

use super::Entry;
use crate::TopicId;

/// Entries whose bytes were copied out of their block, each with the number of lanes that want it.
#[derive(Debug, Default)]
pub(super) struct Survivors {
    table: HashMap<u64, Survivor, foldhash::fast::FixedState>,
    /// How many there are of each topic.
    topics: HashMap<TopicId, u32, foldhash::fast::FixedState>,
    bytes: usize,
}

/// What a survivor costs beside its frame, in bytes: its place in a table that may be half empty, and at most
/// one for its topic.
pub(super) const SURVIVOR_BYTES: usize =
    2 * (size_of::<(u64, Survivor)>() + size_of::<(TopicId, u32)>());

#[derive(Debug)]
struct Survivor {
    entry: Entry,
    frame: Bytes,
    wanted_by: u32,
}

impl Survivors {
    /// Keeps a copy of an entry for the lanes that want it.
    pub(super) fn keep(&mut self, number: u64, entry: &Entry, frame: &[u8], lanes: u32) {
        let entry = Entry { json: None, ..entry.clone() };
        let frame = Bytes::copy_from_slice(frame);
        self.bytes += frame.len() + SURVIVOR_BYTES;
        *self.topics.entry(entry.topic_id).or_default() += 1;
        self.table.insert(number, Survivor { entry, frame, wanted_by: lanes });
    }

    /// Notes that one lane no longer wants these entries. Whose last lane that was is gone, and with
    /// it what it was about.
    pub(super) fn let_go(&mut self, numbers: Range<u64>, mut gone: impl FnMut(NonZeroU64)) {
        for number in numbers {
            let survivor = self.table.get_mut(&number).expect("what a lane wants survives");
            survivor.wanted_by -= 1;
            if survivor.wanted_by == 0 {
                self.bytes -= survivor.frame.len() + SURVIVOR_BYTES;
                survivor.entry.thing.into_iter().for_each(&mut gone);
                if let Occupied(mut topic) = self.topics.entry(survivor.entry.topic_id) {
                    *topic.get_mut() -= 1;
                    if *topic.get() == 0 {
                        topic.remove();
                    }
                }
                self.table.remove(&number);
            }
        }
        if self.table.is_empty() {
            (self.table, self.topics) = (HashMap::default(), HashMap::default());
        }
    }

    /// Notes what an entry is about.
    pub(super) fn set_thing(&mut self, number: u64, thing: NonZeroU64) {
        let survivor = self.table.get_mut(&number).expect("what a lane wants survives");
        survivor.entry.thing = Some(thing);
    }

    pub(super) fn entry(&self, number: u64) -> &Entry {
        &self.table.get(&number).expect("what a lane wants survives").entry
    }

    pub(super) fn frame(&self, number: u64) -> &Bytes {
        &self.table.get(&number).expect("what a lane wants survives").frame
    }

    /// Whether some are of a topic.
    pub(super) fn has_of(&self, topic: TopicId) -> bool {
        self.topics.contains_key(&topic)
    }

    /// All of them, with their topics, in no order.
    pub(super) fn topics(&self) -> impl Iterator<Item = (u64, TopicId)> + '_ {
        self.table.iter().map(|(number, survivor)| (*number, survivor.entry.topic_id))
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.table.contains_key(&number)
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
