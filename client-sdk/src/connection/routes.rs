//! Which subscriptions a message is for: matched here, because it comes once for all of a lane.

mod callbacks;
mod gaps;
mod gathering;
mod handing;
mod lane;
mod moving;
mod receiver;
mod row;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use broker_delivery::filter_matches;
use broker_protocol::frame::{self, LaneHeader, RoutedRequest};

use super::guard::Guard;
use super::positions::{Moment, Word};
use crate::hub::{Hub, Route, Target, WishId};
use crate::inbox::{Inbox, Woken};
use crate::provider;
use crate::{Body, Event, Message};
use callbacks::{ATTACHMENTS_FROM, Attachments, Called};
use gathering::Gathering;
use handing::{Share, push, push_to_all};
use lane::Lane;
use moving::Moving;
use receiver::tell_missed;
use row::Row;

pub(super) use handing::Arrival;

/// What is sent to a client by name comes on topics that begin with this.
pub(crate) const DIRECT_PREFIX: &str = "$to.";

/// The lane in which that comes.
const DIRECT_LANE: u8 = 0;

/// Which subscriptions a message is for. Lives over all connections of a client; the subscriptions
/// begin anew in each.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    connection: u64,
    /// The client's name: what is sent to it comes on the topic of that.
    name: String,
    /// What has begun in this session, by the broker's number.
    begun: HashMap<u64, Route>,
    lanes: BTreeMap<u8, Lane>,
    moving: Moving,
    attachments: Attachments,
    /// The method that was called last: mostly the next one's too.
    last_called: Option<Called>,
    senders: Senders,
    gathering: Gathering,
    row: Row,
    /// Messages that came and aren't counted yet.
    uncounted: u64,
    /// Subscribers that found nothing, and now would.
    woken: Woken,
}

impl Routes {
    /// Wakes those for whom something came.
    pub(super) fn wake(&mut self) {
        self.woken.wake();
    }

    /// Hands on what was gathered. Nothing else may be handed on before.
    pub(super) fn flush(&mut self, hub: &Hub) {
        self.enter_row(hub);
        hub.counters.messages_received.count_all(std::mem::take(&mut self.uncounted));
        self.gathering.flush(hub, &mut self.woken);
    }

    /// Forgets the session, and keeps how far each topic was received.
    pub(crate) fn next_connection(&mut self) {
        self.connection += 1;
        self.forget_moves();
        self.attachments.clear();
        for route in std::mem::take(&mut self.begun).into_values() {
            self.remove_filter(&route);
            if let Some(lane) = self.lanes.get(&route.lane) {
                route.attendance.until.store(lane.tick, Ordering::Relaxed);
            }
        }
    }

    /// The broker knows the client by this name.
    pub(super) fn set_name(&mut self, name: &str) {
        if self.name != name {
            name.clone_into(&mut self.name);
        }
    }

    /// Whether what comes on a topic is sent to the client by its name.
    fn is_direct(&self, topic: &str) -> bool {
        topic.strip_prefix(DIRECT_PREFIX).is_some_and(|name| name == self.name)
    }

    /// What comes from here on is for this subscription too.
    pub(super) fn begin(&mut self, route: Route) {
        let lane = self.lanes.entry(route.lane).or_insert_with(|| Lane::new(route.lane));
        lane.sharers += 1;
        lane.attached += usize::from(route.subscription >= ATTACHMENTS_FROM);
        if matches!(route.target, Target::Inbox(_)) {
            match route.guarded_keys {
                Some(keys_max) => _ = lane.guard.get_or_insert_with(|| Guard::new(keys_max)),
                None => lane.guard = None,
            }
            route.attendance.since.get_or_init(|| lane.tick);
            route.attendance.begun.store(lane.tick, Ordering::Relaxed);
            if !route.grouped {
                lane.filters.insert(&route.filter, route.subscription);
            }
        }
        self.begun.insert(route.subscription, route);
    }

    /// Nothing that comes from here on is for this subscription.
    pub(super) fn end(&mut self, subscription: u64) {
        self.forget_move(subscription);
        if let Some(route) = self.begun.remove(&subscription) {
            self.remove_filter(&route);
        }
    }

    fn remove_filter(&mut self, route: &Route) {
        if let Some(lane) = self.lanes.get_mut(&route.lane) {
            lane.filters.remove(&route.filter, &route.subscription);
            let attached = usize::from(route.subscription >= ATTACHMENTS_FROM);
            lane.sharers = lane.sharers.saturating_sub(1);
            lane.attached = lane.attached.saturating_sub(attached);
        }
    }

    pub(super) fn message(
        &mut self,
        header: LaneHeader,
        message: &frame::Message<'_>,
        arrival: &mut Arrival<'_>,
    ) {
        self.enter_row(arrival.hub);
        self.uncounted += 1;
        if message.topic.starts_with(DIRECT_PREFIX) {
            return match self.is_direct(&message.topic) {
                true => self.direct_message(message, arrival),
                false => self.call(header.lane, message, arrival),
            };
        }
        if let Some(subscription) = header.subscription {
            self.flush(arrival.hub);
            let mut message = self.senders.owned(message, Arc::from(&*message.topic));
            // To a member of a group a message is addressed as well.
            message.replayed = self.begun.get(&subscription).is_some_and(|route| !route.grouped);
            return self.addressed((header.lane, subscription), Event::Message(message), arrival);
        }
        let connection = self.connection;
        let Some(lane) = self.lanes.get_mut(&header.lane) else { return };
        if lane.guard.as_mut().is_some_and(|guard| !guard.admits(message)) {
            return arrival.hub.counters.messages_overtaken.count();
        }
        lane.tick += 1;
        let at = Moment { connection, tick: lane.tick };
        let sharers = lane.sharers_beside(header.lane, arrival.hub);
        let topic = lane.topic(&message.topic, &self.begun);
        let late = topic.hear(Word::of(message), at);
        let Self { gathering, row, senders, woken, .. } = self;
        if !late.is_empty() {
            gathering.flush(arrival.hub, woken);
            tell_missed(late, arrival.hub, woken);
        }
        match topic.targets() {
            [] => {}
            [alone] if Gathering::takes(message) => {
                let place = alone.place_of(&topic.name, sharers);
                gathering.add(message, place, senders, arrival, woken);
                row.begin(message, lane.guard.is_none());
            }
            targets => {
                gathering.flush(arrival.hub, woken);
                let event = Event::Message(senders.owned(message, Arc::clone(&topic.name)));
                push_to_all(targets, event, sharers, arrival, woken);
            }
        }
    }

    /// Something for one subscription alone, that came in this lane: of one that moves, what it gets in
    /// the lane that it leaves comes before all that the other one brings.
    pub(super) fn addressed(
        &mut self,
        (lane, subscription): (u8, u64),
        event: Event,
        arrival: &mut Arrival<'_>,
    ) {
        let route = self.begun.get(&subscription);
        if let Some(Route { wish, target: Target::Inbox(inbox), .. }) = route {
            let sharers =
                self.lanes.get(&lane).map_or(0, |of| of.sharers_beside(lane, arrival.hub));
            let share = Share { of: 1, sharers };
            push(*wish, (inbox, lane), event, share, arrival, &mut self.woken);
        }
    }

    /// A request goes to the first serving that matches: the broker has chosen this client.
    pub(super) fn request(&self, request: &RoutedRequest<'_>, hub: &Arc<Hub>) {
        if self.ask(request, hub) {
            return;
        }
        let calls = self.begun.values().find_map(|route| match &route.target {
            Target::Provider(calls) if filter_matches(&route.filter, &request.topic) => Some(calls),
            _ => None,
        });
        provider::call(calls, request, hub);
    }

    fn direct_message(&mut self, message: &frame::Message<'_>, arrival: &mut Arrival<'_>) {
        self.flush(arrival.hub);
        let receivers = arrival.hub.direct();
        if receivers.is_empty() {
            return arrival.hub.counters.direct_unheard.count();
        }
        let event = Event::Message(self.senders.owned(message, Arc::from(&*message.topic)));
        self.direct(&receivers, &event, arrival);
    }

    /// Hands something to those who receive what is sent to this client by its name.
    fn direct(
        &mut self,
        receivers: &[(WishId, Arc<Inbox>)],
        event: &Event,
        arrival: &mut Arrival<'_>,
    ) {
        let lane = self.lanes.entry(DIRECT_LANE).or_insert_with(|| Lane::new(DIRECT_LANE));
        let sharers = lane.sharers_beside(DIRECT_LANE, arrival.hub);
        for (place, (wish, inbox)) in receivers.iter().enumerate() {
            let share = Share { of: receivers.len() - place, sharers };
            push(*wish, (inbox, DIRECT_LANE), event.clone(), share, arrival, &mut self.woken);
        }
    }
}

/// Who sends what comes.
#[derive(Debug, Default)]
struct Senders {
    /// The last one's name: mostly the next one's too.
    last: Option<Arc<str>>,
}

impl Senders {
    /// The name of who sends this.
    fn name(&mut self, message: &frame::Message<'_>) -> Option<Arc<str>> {
        if self.last.as_deref() != message.from.as_deref() {
            self.last = message.from.as_deref().map(Arc::from);
        }
        self.last.clone()
    }

    /// A message of its own, beyond the packet that it came in.
    fn owned(&mut self, message: &frame::Message<'_>, topic: Arc<str>) -> Message {
        Message {
            topic,
            seq: message.seq,
            epoch: message.epoch,
            time: message.time,
            from: self.name(message),
            body: Body::received(&message.body),
            replayed: false,
        }
    }
}
