//! Of which idle topics something waits, for the sequencer that would forget them.
//!
//! The log is searched for their entries first: mostly there are none. Then those who are behind are
//! looked at, some lanes in each turn: whether they hold these, or retained values of the topics. What
//! waits of an idle topic can only become less meanwhile, and goes from what is noted into lanes, so
//! that a look at each of them is enough.

mod waits;

use std::sync::Arc;

use broker_delivery::lane::Item;

use super::Shard;
use super::late::Late;
use crate::session::{LaneFrame, LaneSlot, Session, Stage};
use crate::{Command, Log, TopicId};
use waits::Waits;

/// How many steps are made in one turn, but for those of the lane with which so many are reached: looks
/// at entries of the log, at sessions, at what waits for them, and at what was found in it. It takes a
/// fraction of a millisecond.
const STEPS_PER_TURN: usize = 10_000;

/// Idle topics, and how far it is known of which of them something waits.
#[derive(Debug)]
pub(super) struct Search {
    round: u64,
    topics: Arc<[TopicId]>,
    waits: Waits,
    /// The slots of those who are behind, once they are looked at, and how many were.
    behind: Option<Vec<u32>>,
    seen: usize,
    /// How many lanes of the next were.
    lanes_seen: usize,
}

impl Shard {
    /// The sequencer would forget these topics.
    pub(super) fn search_for(&mut self, round: u64, topics: Arc<[TopicId]>) {
        self.log.search_for(&topics);
        let (waits, behind, seen, lanes_seen) = (Waits::new(topics.len()), None, 0, 0);
        self.search = Some(Box::new(Search { round, topics, waits, behind, seen, lanes_seen }));
    }

    /// Whether it isn't known yet of which topics something waits.
    pub(super) fn has_to_search(&self) -> bool {
        self.search.is_some()
    }

    /// Goes on with the search, if there is one, and says what was found at its end.
    pub(super) fn search_some(&mut self) {
        let Some(mut search) = self.search.take() else { return };
        search.waits.steps = 0;
        let is_done = self.is_done(&mut search);
        let most = &mut self.statistics.idle_steps_most;
        *most = (*most).max(search.waits.steps as u64);
        if !is_done {
            self.search = Some(search);
            return;
        }
        self.log.end_search();
        let Search { round, topics, waits, .. } = *search;
        let waiting = topics.iter().zip(waits.into_topics()).filter(|(_, waits)| *waits);
        let (shard, topics) = (self.id, waiting.map(|(topic, _)| *topic).collect());
        self.outgoing.push(Command::StillWaiting { round, shard, topics });
    }

    fn is_done(&mut self, search: &mut Search) -> bool {
        let mut steps = STEPS_PER_TURN;
        let is_searched = self.log.search_some(&mut steps);
        search.waits.steps = STEPS_PER_TURN - steps;
        if !is_searched {
            return false;
        }
        let Self { log, late, sessions, .. } = &*self;
        let Search { waits, behind, seen, lanes_seen, .. } = search;
        let slots = behind.get_or_insert_with(|| self.behind());
        while let Some(slot) = slots.get(*seen).filter(|_| !waits.are_all_known()) {
            if waits.steps >= STEPS_PER_TURN {
                return false;
            }
            waits.steps += 1;
            let session = sessions.get(*slot as usize);
            if *lanes_seen == 0 {
                mark_noted(*slot, (log, late), waits);
            }
            match session.and_then(|session| Some((session, session.lanes.get(*lanes_seen)?))) {
                Some((session, lane_slot)) => {
                    session.mark_waiting(lane_slot, log, waits);
                    *lanes_seen += 1;
                }
                None => (*seen, *lanes_seen) = (*seen + 1, 0),
            }
        }
        true
    }
}

/// Marks the topics of what is noted for a session, and not in its lanes yet.
fn mark_noted(slot: u32, (log, late): (&Log, &Late), waits: &mut Waits) {
    let found = log.found();
    if let (Some((first, _)), Some((last, _))) = (found.first(), found.last()) {
        waits.steps += late.visit_noted(slot, (*first, *last), |extent| waits.mark(found, extent));
    }
}

impl Session {
    /// Marks the topics of which something waits in a lane; for who is away, also what may not have
    /// arrived.
    fn mark_waiting(&self, lane_slot: &LaneSlot, log: &Log, waits: &mut Waits) {
        self.mark_values(lane_slot, log, waits);
        let found = log.found();
        let Some((first, _)) = found.first() else { return };
        lane_slot.lane.visit_since(*first, |extent| waits.mark(found, extent));
        if self.stage == Stage::Away {
            lane_slot.lane.kept_extents().for_each(|extent| waits.mark(found, extent));
        }
    }

    /// The same of retained values, which aren't in the log: a page of them waits in a lane at most.
    fn mark_values(&self, lane_slot: &LaneSlot, log: &Log, waits: &mut Waits) {
        let mut mark = |frame: Option<&LaneFrame>| {
            waits.steps += 1;
            if let Some(LaneFrame::Replayed(value)) = frame
                && let Some(place) = log.searched(value.1.topic_id)
            {
                waits.note(place);
            }
        };
        if lane_slot.replaying > 0 {
            lane_slot.lane.items().for_each(|item| match item {
                Item::Frame(frame) => mark(Some(frame)),
                _ => mark(None),
            });
        }
        if self.stage == Stage::Away {
            lane_slot.lane.kept_frames().for_each(|frame| mark(Some(frame)));
        }
    }
}
