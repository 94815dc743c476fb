//! Calls of the objects that this client offers: to one by its token, to many by a topic.

use std::collections::HashMap;
use std::sync::Arc;

use broker_protocol::frame::{self, Released, RoutedRequest};

use super::gathering::{Gathering, Place};
use super::handing::{Arrival, Share, push};
use super::{DIRECT_PREFIX, Lane, Routes};
use crate::hub::{Attendance, Hub, Route, Target, WishId};
use crate::inbox::Inbox;
use crate::interface::OfferedObject;
use crate::provider::Call;
use crate::{Event, Gap};

/// Numbers of attachments stand beside the broker's of subscriptions.
pub(super) const ATTACHMENTS_FROM: u64 = 1 << 63;

/// Several share the credit of a lane that keeps everything in which objects are called.
const SHARERS_MIN: usize = 2;

/// The routes of objects that are attached to topics.
#[derive(Debug, Default)]
pub(super) struct Attachments {
    by_token: HashMap<String, Places>,
    made: u64,
}

/// Routes by lane and topic.
type Places = HashMap<(u8, String), Vec<u64>>;

/// Where calls of one method of one object go. It doesn't keep the object.
#[derive(Debug)]
pub(super) struct Called {
    topic: Arc<str>,
    lane: u8,
    /// What waits in that lane; `None` where the object isn't called there.
    inbox: Option<Arc<Inbox>>,
    /// What was offered then.
    changes: u64,
}

impl Attachments {
    fn of(&mut self, token: &str) -> &mut Places {
        self.by_token.entry(token.to_owned()).or_default()
    }

    fn drop_empty(&mut self, token: &str) {
        if self.by_token.get(token).is_some_and(HashMap::is_empty) {
            self.by_token.remove(token);
        }
    }

    fn take_number(&mut self) -> u64 {
        self.made += 1;
        ATTACHMENTS_FROM + self.made
    }

    /// The session is over, and what was attached in it.
    pub(super) fn clear(&mut self) {
        self.by_token.clear();
    }
}

impl Routes {
    /// A call of one object. Of one that isn't offered any more it is counted.
    pub(super) fn call(
        &mut self,
        number: u8,
        message: &frame::Message<'_>,
        arrival: &mut Arrival<'_>,
    ) {
        let Self { last_called, lanes, senders, gathering, row, woken, .. } = self;
        let too_late = &arrival.hub.counters.calls_too_late;
        let Some(called) = find(last_called, &message.topic, number, arrival.hub) else {
            return too_late.count();
        };
        let lane = lanes.entry(number).or_insert_with(|| Lane::new(number));
        if lane.guard.as_mut().is_some_and(|guard| !guard.admits(message)) {
            return arrival.hub.counters.messages_overtaken.count();
        }
        let Some(inbox) = &called.inbox else { return too_late.count() };
        let share = lane.share_of_calls(arrival.hub);
        let (wish, topic) = (WishId::NONE, &called.topic);
        if Gathering::takes(message) {
            let place = Place { wish, inbox, lane: number, topic, sharers: share.sharers };
            gathering.add(message, place, senders, arrival, woken);
            row.begin(message, lane.guard.is_none());
        } else {
            gathering.flush(arrival.hub, woken);
            let event = Event::Message(senders.owned(message, Arc::clone(topic)));
            push(wish, (inbox, number), event, share, arrival, woken);
        }
    }

    /// A gap in the calls of one object. Of one that isn't offered any more they are counted.
    pub(super) fn call_gap(
        &mut self,
        number: u8,
        topic: &str,
        gap: Gap,
        arrival: &mut Arrival<'_>,
    ) {
        match called(topic, arrival.hub) {
            Some(object) => self.hand(&object, number, Event::Gap(gap), arrival),
            None => arrival.hub.counters.calls_too_late.count_all(gap.count),
        }
    }

    /// A gap in a whole lane is one of all objects that are called there.
    pub(super) fn lane_gap_of_calls(&mut self, number: u8, gap: &Gap, arrival: &mut Arrival<'_>) {
        for object in arrival.hub.callbacks.all_offered() {
            self.hand(&object, number, Event::Gap(gap.clone()), arrival);
        }
    }

    fn hand(
        &mut self,
        object: &OfferedObject,
        number: u8,
        event: Event,
        arrival: &mut Arrival<'_>,
    ) {
        let Some(inbox) = object.inbox(number) else { return };
        let lane = self.lanes.entry(number).or_insert_with(|| Lane::new(number));
        let share = lane.share_of_calls(arrival.hub);
        push(WishId::NONE, (inbox, number), event, share, arrival, &mut self.woken);
    }

    /// A service has attached an object to a topic: what comes there from here on is for it.
    pub(in crate::connection) fn attached(
        &mut self,
        number: u8,
        attached: &frame::Attached,
        hub: &Hub,
    ) {
        let Some(object) = hub.callbacks.offered(&attached.callback) else { return };
        let Some(inbox) = object.inbox(number) else { return };
        let place = (number, attached.topic.clone());
        let mut routes = Vec::new();
        if self.attachments.of(&attached.callback).contains_key(&place) {
            return;
        }
        for method in object.methods(number) {
            let subscription = self.attachments.take_number();
            routes.push(subscription);
            self.begin(Route {
                wish: WishId::NONE,
                subscription,
                filter: Arc::from(format!("{}.{method}", attached.topic)),
                lane: number,
                grouped: false,
                guarded_keys: object.guarded_keys(number),
                target: Target::Inbox(Arc::clone(inbox)),
                attendance: Arc::<Attendance>::default(),
            });
        }
        self.attachments.of(&attached.callback).insert(place, routes);
        object.note_attached();
    }

    /// Nothing that comes there from here on is for it.
    pub(in crate::connection) fn detached(&mut self, number: u8, detached: &frame::Detached) {
        let place = (number, detached.topic.clone());
        let routes = self.attachments.of(&detached.callback).remove(&place);
        routes.into_iter().flatten().for_each(|subscription| self.end(subscription));
        self.attachments.drop_empty(&detached.callback);
    }

    /// Forgets where objects were attached that are no longer offered: the broker doesn't say that.
    pub(in crate::connection) fn forget_withdrawn(&mut self, hub: &Hub) {
        for token in hub.callbacks.take_withdrawn() {
            let places = self.attachments.by_token.remove(&*token).unwrap_or_default();
            places.into_values().flatten().for_each(|subscription| self.end(subscription));
        }
    }

    /// A callback is over, or nobody holds one of this client's any more.
    pub(in crate::connection) fn released(&self, number: u8, released: &Released, hub: &Hub) {
        let reason = released.reason.into();
        match hub.callbacks.offered(&released.callback) {
            Some(object) => object.say_unheld(number, reason),
            None => hub.end_held(&released.callback, reason),
        }
    }

    /// A call with an answer of one object. Returns whether it is one.
    pub(super) fn ask(&self, request: &RoutedRequest<'_>, hub: &Arc<Hub>) -> bool {
        let Some(object) = called(&request.topic, hub) else { return false };
        let method = request.topic.rsplit('.').next().unwrap_or_default();
        if let Err(call) = object.ask(method, Box::new(Call::new(request, hub))) {
            call.refuse_busy();
        }
        true
    }
}

impl Lane {
    fn share_of_calls(&self, hub: &Hub) -> Share {
        let sharers = self.sharers_beside(self.number, hub);
        match hub.credit.does_conflate(self.number) {
            true => Share { of: 1, sharers },
            false => Share { of: 1, sharers: sharers.max(SHARERS_MIN) },
        }
    }
}

/// Where the calls of a topic go. A run of calls of one method finds it once.
fn find<'a>(last: &'a mut Option<Called>, topic: &str, lane: u8, hub: &Hub) -> Option<&'a Called> {
    let changes = hub.callbacks.changes();
    let is_it = |last: &Called| (last.changes, last.lane, &*last.topic) == (changes, lane, topic);
    if !last.as_ref().is_some_and(is_it) {
        let inbox = called(topic, hub)?.inbox(lane).cloned();
        *last = Some(Called { topic: Arc::from(topic), lane, inbox, changes });
    }
    last.as_ref()
}

/// The object that a topic calls.
fn called(topic: &str, hub: &Hub) -> Option<Arc<OfferedObject>> {
    let (token, _) = topic.strip_prefix(DIRECT_PREFIX)?.rsplit_once('.')?;
    hub.callbacks.offered(token)
}
