//! Subscribing, serving, and their ends.

use std::num::NonZero;
use std::sync::Arc;

use broker_delivery::check_filter;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{self, Accepted, BrokerFrame, Serve, Subscribe, Unsubscribe};

use super::Shard;
use super::commands::Refusal;
use super::grants::Entrant;
use super::lanes::told;
use super::publish::shortened;
use super::replays::wants_replay;
use super::routes::Target;
use crate::command::Purpose;
use crate::session::{LaneFrame, Standpoint, Subscription};
use crate::{Addressee, Command, SessionId};

impl Shard {
    pub(super) fn subscribe(&mut self, slot: u32, subscribe: Subscribe) {
        let id = subscribe.id;
        if let Err(refusal) = self.try_subscribe(slot, subscribe) {
            self.reject(slot, id, refusal);
        }
    }

    fn try_subscribe(&mut self, slot: u32, subscribe: Subscribe) -> Result<(), Refusal> {
        check_open_filter(&subscribe.filter)?;
        let replay = wants_replay(&subscribe)?;
        let purpose = purpose_of(&subscribe)?;
        self.check_room(slot, &purpose)?;
        if subscribe.group.is_some() && self.would_conflate(slot, &subscribe) {
            let message = "a queue group needs a lane that keeps everything";
            return Err(Refusal::of("lane", ErrorCode::LaneOptions, message));
        }
        let entrant = match purpose {
            Purpose::Group(_) => Entrant::Member(&subscribe.filter),
            Purpose::Messages { .. } | Purpose::Requests => {
                Entrant::Subscription(&subscribe.filter)
            }
        };
        let lane = self.lane_for(slot, subscribe.lane, subscribe.options.as_ref(), entrant)?;
        let Subscribe { id: command, filter, .. } = subscribe;
        let (filter, state, left) = (Arc::from(filter), Standpoint::Asked, 0);
        self.stand(slot, Subscription { filter, purpose, lane, command, state, replay, left });
        Ok(())
    }

    pub(super) fn serve(&mut self, slot: u32, serve: &Serve) {
        let lane = check_open_filter(&serve.filter)
            .and_then(|()| self.check_room(slot, &Purpose::Requests))
            .and_then(|()| self.lane_for(slot, serve.lane, None, Entrant::Provider));
        match lane {
            Ok(lane) => {
                let (filter, purpose) = (Arc::from(&*serve.filter), Purpose::Requests);
                let (command, state) = (serve.id, Standpoint::Asked);
                let (replay, left) = (false, 0);
                let wish = Subscription { filter, purpose, lane, command, state, replay, left };
                self.stand(slot, wish);
            }
            Err(refusal) => self.reject(slot, serve.id, refusal),
        }
    }

    fn stand(&mut self, slot: u32, wish: Subscription) {
        let session = &mut self.sessions[slot as usize];
        let subscription = session.stand(wish);
        let standing = session.standing_of(subscription).expect("it was inserted just now");
        self.outgoing.push(Command::Subscribe(standing));
    }

    fn check_room(&self, slot: u32, purpose: &Purpose) -> Result<(), Refusal> {
        let (limits, session) = (&self.config.limits, &self.sessions[slot as usize]);
        room_for(session.wishes(), limits.subscriptions_max, "subscriptions")?;
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

    /// Whether the lane that a subscription asks for conflates, or would.
    fn would_conflate(&self, slot: u32, subscribe: &Subscribe) -> bool {
        let wished = subscribe.options.as_ref().and_then(|options| options.keep);
        let lanes = &self.sessions[slot as usize].lanes;
        let named = lanes.iter().find(|one| subscribe.lane == Some(one.number));
        wished.is_some_and(|keep| keep != frame::Keep::All)
            || named.is_some_and(|one| one.lane.conflates())
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
        self.note_asked(slot, unsubscribe.id);
        let (standing, id) = (Box::new(standing), Some(unsubscribe.id));
        self.outgoing.push(Command::Unsubscribe { standing, id });
    }

    /// A subscription begins at this point of the order.
    pub(super) fn begun(&mut self, session: SessionId, number: u64, point: NonZero<u64>) {
        let Some(session) = self.find(session) else { return };
        let slot = session.id.slot;
        let Some(found) = session.standing.get_mut(&number) else { return };
        found.state = Standpoint::Begun;
        let (lane, filter) = (found.lane, found.filter.clone());
        let takes_turns = !matches!(found.purpose, Purpose::Messages { .. });
        if !takes_turns {
            let target = Target { slot, lane: lane as u32, subscription: number };
            self.matcher.insert(&filter, target);
        }
        if takes_turns {
            self.tell_blocked(slot);
        }
        self.tell_begun(slot, number);
        self.begin_replay((slot, lane), number, point);
    }

    /// Says in its lane that a subscription has begun.
    fn tell_begun(&mut self, slot: u32, number: u64) {
        let session = &self.sessions[slot as usize];
        let Some(found) = session.standing.get(&number) else { return };
        let (lane, lane_slot) = (found.lane, &session.lanes[found.lane]);
        let accepted = Accepted {
            id: found.command,
            subscription: Some(number),
            lane: Some(lane_slot.number),
            callback: None,
            granted: Some(told(lane_slot.lane.options())),
        };
        self.push_frame(slot, lane, LaneFrame::encode(&BrokerFrame::Accepted(accepted)));
    }

    /// A subscription ends at this point of the order.
    pub(super) fn ended(&mut self, session: SessionId, number: u64, id: Option<u64>) {
        self.departed.remove(&Addressee { session, subscription: number });
        let Some(session) = self.find(session) else { return };
        let slot = session.id.slot;
        id.into_iter().for_each(|id| session.told_in_lane(id));
        let (id_of_session, membership) = (session.id, session.membership(number));
        let found = session.end_standing(number);
        if let Some(membership) = membership {
            session.dealings.get_or_insert_default().left.insert(number, membership);
            self.left.insert(id_of_session);
        }
        let Some(found) = found else { return };
        let target = Target { slot, lane: found.lane as u32, subscription: number };
        self.matcher.remove(&found.filter, &target);
        self.sessions[slot as usize].end_replay(found.lane, number);
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
