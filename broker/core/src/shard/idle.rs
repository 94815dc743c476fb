//! Of which idle topics something waits, for the sequencer that would forget them.
//!
//! The log is searched for their entries first: mostly there are none. Then those who are behind are
//! looked at, some in each turn: whether their lanes hold these, or retained values of the topics. What waits of an idle topic can only become
//! less meanwhile, so that a look at each of them is enough.

use std::sync::Arc;

use broker_delivery::lane::{Extent, Item};

use super::Shard;
use super::inspect::steps_of;
use crate::session::{LaneFrame, Session, Stage};
use crate::{Command, Log, TopicId};

/// How many entries of the log, sessions, and messages of lanes that conflate are looked at in one turn.
/// It takes a fraction of a millisecond.
const LOOKS_PER_TURN: usize = 10_000;

/// Idle topics, and how far it is known of which of them something waits.
#[derive(Debug)]
pub(super) struct Search {
    round: u64,
    topics: Arc<[TopicId]>,
    /// Whether something waits of each.
    waits: Vec<bool>,
    /// The slots of those who are behind, once their lanes are looked at, and how many were.
    behind: Option<Vec<u32>>,
    seen: usize,
}

impl Shard {
    /// The sequencer would forget these topics.
    pub(super) fn search_for(&mut self, round: u64, topics: Arc<[TopicId]>) {
        self.log.search_for(&topics);
        let waits = vec![false; topics.len()];
        self.search = Some(Box::new(Search { round, topics, waits, behind: None, seen: 0 }));
    }

    /// Whether it isn't known yet of which topics something waits.
    pub(super) fn has_to_search(&self) -> bool {
        self.search.is_some()
    }

    /// Goes on with the search, if there is one, and says what was found at its end.
    pub(super) fn search_some(&mut self) {
        let Some(mut search) = self.search.take() else { return };
        if !self.is_done(&mut search) {
            self.search = Some(search);
            return;
        }
        self.log.end_search();
        let Search { round, topics, waits, .. } = *search;
        let waiting = topics.iter().zip(waits).filter(|(_, waits)| *waits);
        let (shard, topics) = (self.id, waiting.map(|(topic, _)| *topic).collect());
        self.outgoing.push(Command::StillWaiting { round, shard, topics });
    }

    fn is_done(&mut self, search: &mut Search) -> bool {
        let mut steps = LOOKS_PER_TURN;
        if !self.log.search_some(&mut steps) {
            return false;
        }
        let Self { log, late, sessions, .. } = &*self;
        let Search { waits, behind, seen, .. } = search;
        let slots = behind.get_or_insert_with(|| {
            if !log.found().is_empty() {
                late.visit_waiting(|extent| mark(log.found(), waits, extent));
            }
            self.behind()
        });
        while let Some(slot) = slots.get(*seen) {
            if steps == 0 {
                return false;
            }
            *seen += 1;
            let looks = sessions.get(*slot as usize).map_or(0, |one| one.mark_waiting(log, waits));
            steps = steps.saturating_sub(1 + looks);
        }
        true
    }
}

impl Session {
    /// Marks the topics of which something waits; for who is away, also what may not have arrived.
    /// Returns what it cost, beside one look.
    fn mark_waiting(&self, log: &Log, waits: &mut [bool]) -> usize {
        self.mark_values(log, waits);
        let found = log.found();
        let Some((first, _)) = found.first() else { return 0 };
        for lane_slot in &self.lanes {
            lane_slot.lane.visit_since(*first, |extent| mark(found, waits, extent));
            if self.stage == Stage::Away {
                lane_slot.lane.kept_extents().for_each(|extent| mark(found, waits, extent));
            }
        }
        steps_of(self)
    }

    /// The same of retained values, which aren't in the log: a page of them waits in a lane at most.
    fn mark_values(&self, log: &Log, waits: &mut [bool]) {
        let mut mark = |frame: &LaneFrame| {
            if let LaneFrame::Replayed(value) = frame
                && let Some(place) = log.searched(value.1.topic_id)
            {
                waits[place as usize] = true;
            }
        };
        for lane_slot in &self.lanes {
            if lane_slot.replaying > 0 {
                let frames = lane_slot.lane.items().filter_map(|item| match item {
                    Item::Frame(frame) => Some(frame),
                    _ => None,
                });
                frames.for_each(&mut mark);
            }
            if self.stage == Stage::Away {
                lane_slot.lane.kept_frames().for_each(&mut mark);
            }
        }
    }
}

/// Marks the topics of the entries that are in an extent.
fn mark(found: &[(u64, u32)], waits: &mut [bool], extent: Extent) {
    let from = found.partition_point(|(entry, _)| *entry < extent.start);
    for (_, place) in found[from..].iter().take_while(|(entry, _)| *entry < extent.end) {
        waits[*place as usize] = true;
    }
}
