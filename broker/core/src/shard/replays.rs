//! Replays: what is retained, paced by the lane.
//!
//! The sequencer is asked for the next page when the lane has handed on the last, so that a replay
//! costs a page, however much is retained and however slow its client is. Pages are outside the
//! lane's bound and its books.
//!
//! At its bound a lane with overflow `resync` has discarded what waited, and discards what comes until
//! the sequencer answers: there it goes on, as if its subscriptions began anew. Pages that wait
//! stay, and the rounds go on from where they stood: every page brings a client nearer to the end
//! of its round, and until it is handed on nothing is asked for.

mod elsewhere;

use std::collections::VecDeque;
use std::num::NonZero;

use broker_delivery::lane::Overflow;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{Replay, Subscribe};

use super::Shard;
use super::commands::Refusal;
use crate::command::Purpose;
use crate::session::{LaneFrame, Session, Stage, Standpoint, Subscription};
use crate::{Command, Cursor, Outstanding, Page, SessionId};

/// The most replays that are asked for together.
const ASKED_MAX: usize = 256;

/// Where a lane is: its session's slot, and its place among the session's lanes.
type LanePlace = (u32, usize);

/// Whether a subscription wants what is retained.
pub(super) fn wants_replay(subscribe: &Subscribe) -> Result<bool, Refusal> {
    match subscribe.replay {
        Replay::None => Ok(false),
        Replay::Last if subscribe.group.is_some() => {
            let message = "a member of a queue group can't have a replay";
            Err(Refusal::of("replay", ErrorCode::InvalidField, message))
        }
        Replay::Last => Ok(true),
        _ => Err(Refusal::unsupported("replay")),
    }
}

impl Shard {
    /// A subscription has begun at this change of what is retained.
    pub(super) fn begin_replay(
        &mut self,
        (slot, lane): LanePlace,
        number: u64,
        point: NonZero<u64>,
    ) {
        let session = &mut self.sessions[slot as usize];
        let discarding = session.lanes[lane].lane.is_discarding();
        let Some(found) = session.standing.get(&number) else { return };
        let replayed = matches!(found.purpose, Purpose::Messages { .. });
        if !(found.replay || discarding && replayed) {
            return;
        }
        // What was published to it while the lane discards is for the replay to bring.
        let until = (!discarding).then_some(point);
        let (subscription, filter) = (number, found.filter.clone());
        let wanted = Outstanding { subscription, filter, until, cursor: Cursor::default() };
        session.replays_of(lane).queue.push_back(wanted);
        self.ask_for_replay((slot, lane));
    }

    /// Asks for the next pages of each lane that has handed on the last.
    #[inline]
    pub(super) fn ask_for_replays(&mut self, slot: u32) {
        if self.sessions[slot as usize].has_replays() {
            for lane in 0..self.sessions[slot as usize].lanes.len() {
                self.ask_for_replay((slot, lane));
            }
        }
    }

    fn ask_for_replay(&mut self, (slot, lane): LanePlace) {
        if self.draining.is_some() {
            return;
        }
        let session = &mut self.sessions[slot as usize];
        let (id, waiting) = (session.id, session.lanes[lane].replaying);
        let Some(dealings) = &mut session.dealings else { return };
        let Some(replays) = dealings.replays.get_mut(&lane) else { return };
        if waiting > 0 || replays.asked || replays.queue.is_empty() {
            return;
        }
        (replays.asked, replays.ticket) = (true, replays.ticket.wrapping_add(1));
        let wanted = replays.queue.iter().take(ASKED_MAX).cloned().collect();
        let ticket = replays.ticket;
        self.outgoing.push(Command::Replay { session: id, lane, ticket, wanted });
    }

    /// Pages have come: a lane that discarded goes on at this point of the order.
    pub(super) fn replayed(
        &mut self,
        session: SessionId,
        (lane, ticket): (usize, u32),
        point: NonZero<u64>,
        pages: Vec<Page>,
    ) {
        let Some(session) = self.find(session) else { return };
        let slot = session.id.slot;
        let dealings = session.dealings.as_mut();
        let Some(replays) = dealings.and_then(|one| one.replays.get_mut(&lane)) else { return };
        if !replays.asked || replays.ticket != ticket {
            return;
        }
        replays.asked = false;
        for wanted in &mut replays.queue {
            wanted.until.get_or_insert(point);
        }
        if std::mem::take(&mut replays.resyncs) {
            session.go_on(lane);
        }
        pages.into_iter().for_each(|page| self.push_page((slot, lane), page));
        self.sessions[slot as usize].forget_replays(lane);
        self.ask_for_replay((slot, lane));
        // What was discarded is still to be told, if nothing else.
        self.mark_dirty(slot);
    }

    fn push_page(&mut self, (slot, lane): LanePlace, page: Page) {
        let Page { subscription, values, next } = page;
        let session = &mut self.sessions[slot as usize];
        let dealings = session.dealings.as_mut();
        let Some(replays) = dealings.and_then(|one| one.replays.get_mut(&lane)) else { return };
        // It may have ended since it was asked for.
        if !replays.advance(subscription, next.as_ref()) {
            return;
        }
        let lane_slot = &mut session.lanes[lane];
        for publication in values {
            self.statistics.replayed += 1;
            lane_slot.push_replay(LaneFrame::Replayed(Box::new((subscription, publication))));
        }
        if next.is_none() {
            lane_slot.push_replay(LaneFrame::CaughtUp(subscription));
        }
    }

    /// What of a lane was on its way is lost, and may have been of a replay: it is sent again.
    pub(super) fn replay_again(&mut self, (slot, lane): LanePlace) {
        let Self { sessions, log, .. } = self;
        let session = &mut sessions[slot as usize];
        let lane_slot = &mut session.lanes[lane];
        if lane_slot.lane.options().overflow == Overflow::Resync {
            lane_slot.lane.begin_resync(log);
            self.resync(slot);
        } else {
            session.begin_replays_again(lane);
        }
        self.sessions[slot as usize].replay_to_those_that_left(lane);
        self.ask_for_replays(slot);
    }

    /// Lanes of a session are at their bound, have discarded what waited, and are to be sent what
    /// is retained.
    pub(super) fn resync(&mut self, slot: u32) {
        for lane in 0..self.sessions[slot as usize].lanes.len() {
            let session = &mut self.sessions[slot as usize];
            if session.lanes[lane].lane.is_discarding() && session.begin_resync(lane) {
                self.statistics.resyncs += 1;
            }
        }
        self.ask_for_replays(slot);
    }
}

impl Session {
    /// A subscription has ended, and its replay with it.
    pub(super) fn end_replay(&mut self, lane: usize, subscription: u64) {
        let Some(dealings) = &mut self.dealings else { return };
        if let Some(replays) = dealings.replays.get_mut(&lane) {
            replays.queue.retain(|wanted| wanted.subscription != subscription);
        }
        self.forget_replays(lane);
    }

    /// Forgets the replays of a lane once they are over.
    fn forget_replays(&mut self, lane: usize) {
        let Some(dealings) = &mut self.dealings else { return };
        let over =
            dealings.replays.get(&lane).is_some_and(|one| one.queue.is_empty() && !one.asked);
        let forgotten = over.then(|| dealings.replays.remove(&lane)).flatten();
        if forgotten.is_some_and(|replays| replays.resyncs) {
            // Nobody is left who has anything to be replayed: it just goes on.
            self.go_on(lane);
        }
    }

    /// A lane goes on: what is pushed from now on is kept. While its client is away it still waits,
    /// and its bound applies.
    fn go_on(&mut self, lane: usize) {
        let away = self.stage == Stage::Away;
        let lane = &mut self.lanes[lane].lane;
        lane.go_on();
        if away {
            lane.hold();
        }
    }

    /// Has the subscriptions of a lane that began with what is retained be sent it anew.
    fn begin_replays_again(&mut self, lane: usize) {
        let here = self.standing.iter().filter(|(_, found)| found.lane == lane && found.replay);
        let begun = here.filter(|(_, found)| found.state != Standpoint::Asked);
        let wanted = begun.map(|(number, found)| anew(*number, found));
        let wanted: VecDeque<_> = wanted.collect();
        if !wanted.is_empty() {
            let replays = self.replays_of(lane);
            (replays.asked, replays.queue) = (false, wanted);
        }
    }

    /// Has all subscriptions of a lane replayed, from where their replays stand. Returns whether that
    /// is to begin: not if it is under way already.
    fn begin_resync(&mut self, lane: usize) -> bool {
        self.lanes[lane].count_replays();
        let replays = self.dealings.as_ref().and_then(|dealings| dealings.replays.get(&lane));
        if replays.is_some_and(|replays| replays.resyncs) {
            return false;
        }
        self.replay_to_those_that_leave(lane);
        let Self { standing, dealings, lanes, may_replay, .. } = self;
        *may_replay = true;
        let replays = dealings.get_or_insert_default().replays.get_or_default(lane);
        replays.resyncs = true;
        // What was asked for holds for another point.
        replays.asked = false;
        for wanted in &mut replays.queue {
            (wanted.until, wanted.cursor) = (None, std::mem::take(&mut wanted.cursor).again());
        }
        let waiting: hashbrown::HashSet<u64> =
            replays.queue.iter().map(|wanted| wanted.subscription).collect();
        standing.retain(|subscription, found| {
            let is_here = found.lane == lane && matches!(found.purpose, Purpose::Messages { .. });
            if is_here && found.state != Standpoint::Asked {
                found.replay = true;
                if !waiting.contains(subscription) {
                    replays.queue.push_back(anew(*subscription, found));
                }
            }
            true
        });
        if replays.queue.is_empty() {
            // Nobody has anything to be replayed here: it just goes on.
            lanes[lane].lane.go_on();
            dealings.get_or_insert_default().replays.remove(&lane);
            return false;
        }
        true
    }
}

/// All that is retained, for a subscription that has begun, as of when it is asked for.
fn anew(subscription: u64, found: &Subscription) -> Outstanding {
    let (filter, until, cursor) = (found.filter.clone(), None, Cursor::default());
    Outstanding { subscription, filter, until, cursor }
}
