//! Subscribing, serving, and their ends.

use std::sync::Arc;

use broker_delivery::check_filter;
use broker_delivery::lane::{Bound, Keep, LaneOptions, Overflow};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{self, Accepted, BrokerFrame, Replay, Serve, Subscribe, Unsubscribe};

use super::Shard;
use super::commands::Refusal;
use super::publish::shortened;
use super::routes::Target;
use crate::command::Purpose;
use crate::session::{LaneFrame, LaneSlot, Standpoint, Subscription};
use crate::{Addressee, Command, SessionId};

/// The highest number of a lane.
const LANE_NUMBER_MAX: u8 = 15;

impl Shard {
    pub(super) fn subscribe(&mut self, slot: u32, subscribe: Subscribe) {
        let id = subscribe.id;
        if let Err(refusal) = self.try_subscribe(slot, subscribe) {
            self.reject(slot, id, refusal);
        }
    }

    fn try_subscribe(&mut self, slot: u32, subscribe: Subscribe) -> Result<(), Refusal> {
        check_open_filter(&subscribe.filter)?;
        if subscribe.replay != Replay::None {
            return Err(Refusal::unsupported("replay"));
        }
        let purpose = purpose_of(&subscribe)?;
        self.check_room(slot, &purpose)?;
        let lane = self.lane_for(slot, subscribe.lane, subscribe.options.as_ref())?;
        self.stand(slot, subscribe.id, &subscribe.filter, purpose, lane);
        Ok(())
    }

    pub(super) fn serve(&mut self, slot: u32, serve: &Serve) {
        let lane = check_open_filter(&serve.filter)
            .and_then(|()| self.check_room(slot, &Purpose::Requests))
            .and_then(|()| self.lane_for(slot, serve.lane, None));
        match lane {
            Ok(lane) => self.stand(slot, serve.id, &serve.filter, Purpose::Requests, lane),
            Err(refusal) => self.reject(slot, serve.id, refusal),
        }
    }

    fn stand(&mut self, slot: u32, command: u64, filter: &str, purpose: Purpose, lane: usize) {
        let session = &mut self.sessions[slot as usize];
        let state = Standpoint::Asked;
        let wish = Subscription { filter: Arc::from(filter), purpose, lane, command, state };
        let subscription = session.stand(wish);
        let standing = session.standing_of(subscription).expect("it was inserted just now");
        self.outgoing.push(Command::Subscribe(standing));
    }

    fn check_room(&self, slot: u32, purpose: &Purpose) -> Result<(), Refusal> {
        let (limits, session) = (&self.config.limits, &self.sessions[slot as usize]);
        room_for(session.standing.len(), limits.subscriptions_max, "subscriptions")?;
        match purpose {
            Purpose::Messages { presence: true } => room_for(
                session.watches as usize,
                limits.watches_max,
                "subscriptions with presence",
            ),
            Purpose::Group(_) => room_for(
                session.memberships as usize,
                limits.memberships_max,
                "memberships of queue groups",
            ),
            Purpose::Messages { presence: false } | Purpose::Requests => Ok(()),
        }
    }

    /// The place of the lane that a client asks for, opened if it has to be.
    fn lane_for(
        &mut self,
        slot: u32,
        number: Option<u8>,
        wished: Option<&frame::LaneOptions>,
    ) -> Result<usize, Refusal> {
        let granted = wished.map(|wished| self.grant(wished)).transpose()?;
        let lanes_max = self.config.limits.lanes_max;
        let default = self.config.lane;
        let lanes = &mut self.sessions[slot as usize].lanes;
        let free = || (1..=LANE_NUMBER_MAX).find(|one| !lanes.iter().any(|s| s.number == *one));
        let number = match (number, granted) {
            (Some(number), _) => number,
            (None, None) => 0,
            (None, Some(_)) => free().ok_or_else(|| too_many_lanes(lanes_max))?,
        };
        if number > LANE_NUMBER_MAX {
            let message = format!("lane {number}: lanes are numbered 0 to {LANE_NUMBER_MAX}");
            return Err(Refusal::of("lane", ErrorCode::UnknownLane, message));
        }
        if let Some(place) = lanes.iter().position(|slot| slot.number == number) {
            return match granted {
                Some(granted) if granted != *lanes[place].lane.options() => {
                    let message = format!("lane {number} is open with other options");
                    Err(Refusal::of("options", ErrorCode::LaneOptions, message))
                }
                _ => Ok(place),
            };
        }
        if lanes.len() >= lanes_max {
            return Err(too_many_lanes(lanes_max));
        }
        lanes.push(LaneSlot::new(number, granted.unwrap_or(default), self.now));
        Ok(lanes.len() - 1)
    }

    fn grant(&self, wished: &frame::LaneOptions) -> Result<LaneOptions, Refusal> {
        let default = self.config.lane;
        let keep = match wished.keep {
            None => default.keep,
            Some(frame::Keep::All) => Keep::All,
            Some(frame::Keep::Latest(count)) => Keep::Latest(count),
            Some(frame::Keep::Merge) => return Err(Refusal::unsupported("options.keep")),
        };
        if wished.min_interval.is_some_and(|interval| interval > 0) {
            return Err(Refusal::unsupported("options.min_interval"));
        }
        if wished.unreliable == Some(true) {
            return Err(Refusal::unsupported("options.unreliable"));
        }
        let overflow = match wished.overflow {
            None if keep != default.keep && keep != Keep::All => Overflow::DropOldest,
            None => default.overflow,
            Some(frame::Overflow::Disconnect) => Overflow::Disconnect,
            Some(frame::Overflow::DropOldest) => Overflow::DropOldest,
            Some(frame::Overflow::Resync) => return Err(Refusal::unsupported("options.overflow")),
        };
        let bound = Bound {
            messages: wished
                .bound_messages
                .map_or(default.bound.messages, |wished| wished.min(default.bound.messages)),
            bytes: wished
                .bound_bytes
                .map_or(default.bound.bytes, |wished| wished.min(default.bound.bytes)),
        };
        let priority = wished.priority.unwrap_or(default.priority);
        let granted = LaneOptions { keep, overflow, bound, priority, ..default };
        let invalid = |error: broker_delivery::lane::OptionsError| {
            Refusal::of("options", ErrorCode::InvalidField, error.to_string())
        };
        granted.check().map_err(invalid)?;
        Ok(granted)
    }

    pub(super) fn unsubscribe(&mut self, slot: u32, unsubscribe: &Unsubscribe) {
        let number = unsubscribe.subscription;
        let session = &mut self.sessions[slot as usize];
        let begun = |one: &&mut Subscription| one.state == Standpoint::Begun;
        let Some(found) = session.standing.get_mut(&number).filter(begun) else {
            let message = format!("there is no subscription {number} in this session");
            let code = ErrorCode::UnknownSubscription;
            return self.reject(slot, unsubscribe.id, Refusal::of("subscription", code, message));
        };
        found.state = Standpoint::Leaving;
        let standing = session.standing_of(number).expect("it was found just now");
        self.outgoing.push(Command::Unsubscribe { standing, id: Some(unsubscribe.id) });
    }

    /// A subscription begins at this point of the order.
    pub(super) fn begun(&mut self, session: SessionId, number: u64) {
        let Some(session) = self.find(session) else { return };
        let slot = session.id.slot;
        let Some(found) = session.standing.get_mut(&number) else { return };
        found.state = Standpoint::Begun;
        let (lane, command, filter) = (found.lane, found.command, found.filter.clone());
        let takes_turns = !matches!(found.purpose, Purpose::Messages { .. });
        if !takes_turns {
            let target = Target { slot, lane: lane as u32, subscription: number };
            self.matcher.insert(&filter, target);
        }
        let lane_slot = &self.sessions[slot as usize].lanes[lane];
        let accepted = Accepted {
            id: command,
            subscription: Some(number),
            lane: Some(lane_slot.number),
            callback: None,
            granted: Some(told(lane_slot.lane.options())),
        };
        if takes_turns {
            self.tell_blocked(slot);
        }
        self.push_frame(slot, lane, LaneFrame::encode(&BrokerFrame::Accepted(accepted)));
    }

    /// A subscription ends at this point of the order.
    pub(super) fn ended(&mut self, session: SessionId, number: u64, id: Option<u64>) {
        self.departed.remove(&Addressee { session, subscription: number });
        let Some(session) = self.find(session) else { return };
        let slot = session.id.slot;
        let (id_of_session, membership) = (session.id, session.membership(number));
        let found = session.end_standing(number);
        if let Some(membership) = membership {
            session.dealings.get_or_insert_default().left.insert(number, membership);
            self.left.insert(id_of_session);
        }
        let Some(found) = found else { return };
        let target = Target { slot, lane: found.lane as u32, subscription: number };
        self.matcher.remove(&found.filter, &target);
        let Some(id) = id else { return };
        let lane = Some(self.sessions[slot as usize].lanes[found.lane].number);
        let subscription = Some(number);
        let accepted = Accepted { id, subscription, lane, ..Accepted::default() };
        self.push_frame(slot, found.lane, LaneFrame::encode(&BrokerFrame::Accepted(accepted)));
    }
}

fn purpose_of(subscribe: &Subscribe) -> Result<Purpose, Refusal> {
    let presence = subscribe.presence;
    let Some(group) = &subscribe.group else { return Ok(Purpose::Messages { presence }) };
    if presence {
        let message = "a member of a queue group can't ask for presence";
        return Err(Refusal::of("presence", ErrorCode::InvalidField, message));
    }
    if broker_delivery::check_topic(group).is_err() {
        let message = format!("{:?} can't be the name of a queue group", shortened(group));
        return Err(Refusal::of("group", ErrorCode::InvalidField, message));
    }
    Ok(Purpose::Group(Arc::from(&**group)))
}

fn room_for(count: usize, most: usize, what: &str) -> Result<(), Refusal> {
    if count < most {
        return Ok(());
    }
    let message = format!("the session has {most} {what}, and may have no more");
    Err(Refusal::new(ErrorCode::TooManySubscriptions, message))
}

fn check_open_filter(filter: &str) -> Result<(), Refusal> {
    check_filter(filter).map_err(|error| {
        let message = format!("{:?}: {error}", shortened(filter));
        Refusal::of("filter", ErrorCode::InvalidFilter, message)
    })
}

fn too_many_lanes(most: usize) -> Refusal {
    let message = format!("the session has {most} lanes, and may have no more");
    Refusal::of("lane", ErrorCode::LaneOptions, message)
}

/// The options of a lane as its client is told them.
fn told(options: &LaneOptions) -> frame::LaneOptions {
    let keep = match options.keep {
        Keep::All => frame::Keep::All,
        Keep::Latest(count) => frame::Keep::Latest(count),
        Keep::Merge => frame::Keep::Merge,
    };
    let overflow = match options.overflow {
        Overflow::Disconnect => frame::Overflow::Disconnect,
        Overflow::DropOldest => frame::Overflow::DropOldest,
        Overflow::Resync => frame::Overflow::Resync,
    };
    frame::LaneOptions {
        keep: Some(keep),
        overflow: Some(overflow),
        bound_messages: Some(options.bound.messages),
        bound_bytes: Some(options.bound.bytes),
        min_interval: Some(options.min_interval.as_millis() as u64),
        priority: Some(options.priority),
        unreliable: Some(options.unreliable),
    }
}
