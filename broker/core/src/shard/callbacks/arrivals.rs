//! Calls that aren't answered arrive at their owners, and are taken into their lanes.
//!
//! Those of one method that follow each other are a *row*: what they have in common is found once, and
//! they reach their lane in one step.

use std::sync::Arc;

use broker_delivery::lane::{Extent, Keep, LaneOptions, Overflow, Room};
use broker_protocol::{ErrorCode, message};

use super::calls::unknown_callback;
use crate::item::SentCall;
use crate::log::{Render, Stamp};
use crate::shard::Shard;
use crate::shard::commands::Refusal;
use crate::{Answer, Command, Owned, SentCalls, TopicId};

/// Set in the number of every topic of a method, and in no number that the sequencer gives.
const METHOD_BIT: u64 = 1 << 63;

/// A method, and the callback that it belongs to.
pub(super) type Place = (Owned, u8);

/// Calls of one method that follow each other in the log and aren't in its lane yet.
struct Row {
    place: Place,
    /// The place of the method's lane in the session.
    lane: usize,
    topic: Arc<str>,
    /// The stamp of the call that comes next.
    next: Stamp,
    extent: Extent,
    bytes: u64,
    /// What the lane has room for behind these.
    room: Room,
}

/// Why a call isn't taken into its lane.
enum Refused {
    Gone,
    Busy,
}

impl Shard {
    /// Calls arrive at their owners.
    pub(super) fn sent_to_callbacks(&mut self, calls: &SentCalls) {
        let mut row = None;
        for call in calls.by_session() {
            let (session, id) = call.from;
            let answer = match self.sent_to_callback(&mut row, call, calls) {
                Ok(()) => id.map(|id| Answer::Accepted { id }),
                Err(refused) => Some(refused.into_answer(id)),
            };
            if let Some(answer) = answer {
                self.outgoing.push(Command::Answer { session, answer });
            }
        }
        self.hand_in(row);
    }

    /// A call arrives at its owner. Without room for it its sender is told, and it has no `seq`.
    fn sent_to_callback(
        &mut self,
        row: &mut Option<Row>,
        call: &SentCall,
        calls: &SentCalls,
    ) -> Result<(), Refused> {
        let (place, parts) = ((call.to, call.method), &calls.arena[call.parts.range()]);
        if row.as_ref().is_none_or(|row| row.place != place) {
            self.hand_in(row.take());
            *row = Some(self.begin_calls(place, calls.time, parts).ok_or(Refused::Gone)?);
        }
        let row = row.as_mut().expect("it began, if it didn't go on");
        if !row.has_room(parts.len()) {
            self.statistics.calls_refused += 1;
            return Err(Refused::Busy);
        }
        let stamp = Stamp { expires: call.expires, ..row.next };
        let (entry, size) = self.log.append_stamped(&row.topic, stamp, parts, Render::Bincode);
        row.next.seq += 1;
        row.extent.end = entry + 1;
        row.bytes += u64::from(size);
        row.room.take(size.into());
        Ok(())
    }

    /// Finds what the calls of a method have in common, if its callback is still there.
    fn begin_calls(&mut self, place: Place, time: u64, parts: &[u8]) -> Option<Row> {
        let (to, method) = place;
        self.settle(to.owner.slot);
        let lane = self.lane_of(place)?;
        let (epoch, extent) = (self.callbacks.epoch, Extent::beginning_at(self.log.end()));
        let session = &mut self.sessions[to.owner.slot as usize];
        let room = match &session.lanes[lane].lane {
            waiting if refuses(waiting.options()) => waiting.room(),
            _ => Room::ENDLESS,
        };
        let offered = session.roles_mut()?.offered.get_mut(&to.number)?;
        let (seq, topic) = offered.next_call(method, || {
            let topic = message::topic(parts).expect("this broker encoded it");
            Arc::from(&*topic)
        });
        let topic_id = TopicId(METHOD_BIT | to.number << 8 | u64::from(method));
        let next = Stamp { topic_id, seq, epoch, time, expires: None };
        Some(Row { place, lane, topic, next, extent, bytes: 0, room })
    }

    /// Puts a row into its lane.
    fn hand_in(&mut self, row: Option<Row>) {
        let Some(row) = row.filter(|row| !row.extent.is_empty()) else { return };
        let Row { place: (to, method), lane, next, extent, bytes, .. } = row;
        let slot = to.owner.slot;
        let session = &mut self.sessions[slot as usize];
        let offered = session.roles_mut().and_then(|roles| roles.offered.get_mut(&to.number));
        offered.expect("it was there when the row began").called_until(method, next.seq);
        let waiting = &mut session.lanes[lane].lane;
        let pushed = waiting.push(extent, bytes, &mut self.log);
        self.pushed((slot, lane), pushed);
    }

    /// The place of a method's lane, if the callback is still there.
    pub(super) fn lane_of(&mut self, (to, method): Place) -> Option<usize> {
        let session = self.find(to.owner)?;
        let number = session.roles()?.offered.get(&to.number)?.methods.lane(method);
        session.lanes.iter().position(|one| one.number == number)
    }
}

/// Whether a lane has no room for a call beyond its bound: it neither conflates nor drops.
fn refuses(options: &LaneOptions) -> bool {
    options.keep == Keep::All && options.overflow != Overflow::DropOldest
}

impl Row {
    /// Whether the lane has room for a call behind these.
    fn has_room(&self, parts_bytes: usize) -> bool {
        // As long as the longest that its frame may be.
        let Stamp { epoch, time, .. } = self.next;
        self.room.has(message::frame_bytes(u64::MAX, epoch, time, parts_bytes) as u64)
    }
}

impl Refused {
    fn into_answer(self, id: Option<u64>) -> Answer {
        let Refusal { code, message, .. } = match self {
            Self::Gone => unknown_callback(),
            Self::Busy => Refusal::new(ErrorCode::Busy, "the callback's lane has no room"),
        };
        Answer::Rejected { id: id.unwrap_or(0), code, message }
    }
}
