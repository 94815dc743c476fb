//! Subscriptions that go on in another lane.
//!
//! A move takes a place in the one order, as a beginning and an end do: behind what its client
//! published before it, in front of what it publishes after it. What the shard applies before that
//! place is for the lane that is left, all else for the other one; so nothing is missing or doubled,
//! and each lane's books say where they end and begin.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Accepted, BrokerFrame, Move, Moved};

use super::Shard;
use super::commands::Refusal;
use super::grants::Entrant;
use super::lanes::told;
use super::routes::Target;
use crate::command::Purpose;
use crate::session::{LaneFrame, Standpoint};
use crate::{Command, SessionId};

impl Shard {
    pub(super) fn move_to_lane(&mut self, slot: u32, moving: &Move) {
        if let Err(refusal) = self.try_move(slot, moving) {
            self.reject(slot, moving.id, refusal);
        }
    }

    fn try_move(&mut self, slot: u32, moving: &Move) -> Result<(), Refusal> {
        let (number, session) = (moving.subscription, &self.sessions[slot as usize]);
        let found = session.standing.get(&number).filter(|one| one.state == Standpoint::Begun);
        let Some(found) = found else {
            let message = format!("there is no subscription {number} in this session");
            return Err(Refusal::of("subscription", ErrorCode::UnknownSubscription, message));
        };
        check_movable(number, &found.purpose)?;
        let (session, filter) = (session.id, found.filter.clone());
        let entrant = Entrant::Subscription(&filter);
        let lane = self.lane_for(slot, Some(moving.lane), moving.options.as_ref(), entrant)?;
        let (subscription, lane, id) = (number, lane as u32, moving.id);
        self.note_asked(slot, id);
        self.outgoing.push(Command::Move { session, subscription, lane, id });
        Ok(())
    }

    /// A subscription goes on in another lane, from this point of the order on.
    pub(super) fn moved(&mut self, (of, number): (SessionId, u64), lane: usize, id: u64) {
        let Some(session) = self.find(of) else { return };
        let slot = session.id.slot;
        session.told_in_lane(id);
        let lane_number = session.lanes[lane].number;
        let Some(found) = session.standing.get_mut(&number) else { return };
        let (left, filter) = (std::mem::replace(&mut found.lane, lane), found.filter.clone());
        if left != lane {
            let target = |lane: usize| Target { slot, lane: lane as u32, subscription: number };
            self.matcher.remove(&filter, &target(left));
            self.matcher.insert(&filter, target(lane));
            self.sessions[slot as usize].move_replay(number, left, lane);
            let moved = Moved { subscription: number, lane: lane_number };
            self.push_frame(slot, left, LaneFrame::Moved(moved));
        }
        // Who lets answers wait beyond all bounds was ended by that one.
        let Some(session) = self.find(of) else { return };
        let accepted = Accepted {
            id,
            subscription: Some(number),
            lane: Some(lane_number),
            callback: None,
            granted: Some(told(session.lanes[lane].lane.options())),
        };
        self.push_frame(slot, lane, LaneFrame::encode(&BrokerFrame::Accepted(accepted)));
        self.ask_for_replays(slot);
    }
}

/// Refuses what would lose its meaning between two lanes, which have no order between them.
fn check_movable(number: u64, purpose: &Purpose) -> Result<(), Refusal> {
    let reason = match purpose {
        Purpose::Messages { presence: false } => return Ok(()),
        Purpose::Messages { presence: true } => {
            "asks for presence, whose changes need the order of one lane"
        }
        Purpose::Group(_) => "is a member of a queue group",
        Purpose::Requests => "is a serving",
    };
    let message = format!("{number} {reason}; end it and begin anew in the other lane");
    Err(Refusal::of("subscription", ErrorCode::InvalidField, message))
}
