//! Which subscriptions a message is for: matched here, because it comes once for all of a lane.

mod moving;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use broker_delivery::{Matcher, filter_matches};
use broker_protocol::frame::{self, LaneHeader, RoutedRequest};

use super::guard::Guard;
use super::positions::{Attended, Moment, Topic, Topics, Word};
use crate::hub::{Attendance, Hub, Route, Target, WishId};
use crate::inbox::{Inbox, Pushed, Woken};
use crate::provider;
use crate::{Body, Event, Gap, GapCause, Message};
use moving::Moving;

/// What is sent to a client by name comes on topics that begin with this.
const DIRECT_PREFIX: &str = "$to.";

/// Where the events of a subscription go.
#[derive(Debug, Clone)]
struct Receiver {
    wish: WishId,
    /// The lane in which it receives.
    lane: u8,
    inbox: Arc<Inbox>,
    attendance: Arc<Attendance>,
}

/// One lane: its filters, and what is known of its topics.
#[derive(Debug)]
struct Lane {
    number: u8,
    filters: Matcher<u64>,
    /// Counts its messages, over all connections.
    tick: u64,
    topics: Topics<Receiver>,
    /// Keeps the order of each key, where the lane is unreliable.
    guard: Option<Guard>,
}

/// Which subscriptions a message is for. Lives over all connections of a client; the subscriptions
/// begin anew in each.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    connection: u64,
    /// What has begun in this session, by the broker's number.
    begun: HashMap<u64, Route>,
    lanes: BTreeMap<u8, Lane>,
    moving: Moving,
    /// The last sender's name: mostly the next one's too.
    from: Option<Arc<str>>,
    /// Subscribers that found nothing, and now would.
    woken: Woken,
}

impl Routes {
    /// Wakes those for whom something came.
    pub(super) fn wake(&mut self) {
        self.woken.wake();
    }

    /// Forgets the session, and keeps how far each topic was received.
    pub(crate) fn next_connection(&mut self) {
        self.connection += 1;
        self.forget_moves();
        for route in std::mem::take(&mut self.begun).into_values() {
            self.remove_filter(&route);
            if let Some(lane) = self.lanes.get(&route.lane) {
                route.attendance.until.store(lane.tick, Ordering::Relaxed);
            }
        }
    }

    /// What comes from here on is for this subscription too.
    pub(super) fn begin(&mut self, route: Route) {
        if matches!(route.target, Target::Inbox(_)) {
            let lane = self.lanes.entry(route.lane).or_insert_with(|| Lane::new(route.lane));
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
        }
    }

    pub(super) fn message(&mut self, header: LaneHeader, message: &frame::Message<'_>, hub: &Hub) {
        hub.counters.messages_received.count();
        if message.topic.starts_with(DIRECT_PREFIX) {
            return self.direct(message, hub);
        }
        if let Some(subscription) = header.subscription {
            let mut message = self.owned(message, Arc::from(&*message.topic));
            // To a member of a group a message is addressed as well.
            message.replayed = self.begun.get(&subscription).is_some_and(|route| !route.grouped);
            return self.addressed(subscription, Event::Message(message), hub);
        }
        let connection = self.connection;
        let Some(lane) = self.lanes.get_mut(&header.lane) else { return };
        if lane.guard.as_mut().is_some_and(|guard| !guard.admits(message)) {
            return hub.counters.messages_overtaken.count();
        }
        lane.tick += 1;
        let at = Moment { connection, tick: lane.tick };
        let topic = lane.topic(&message.topic, &self.begun);
        let (targets, name) = (Arc::clone(&topic.targets), Arc::clone(&topic.name));
        let late = topic.hear(Word::of(message), at, &targets);
        tell_missed(late, hub, &mut self.woken);
        if !targets.is_empty() {
            let event = Event::Message(self.owned(message, name));
            push_to_all(&targets, event, hub, &mut self.woken);
        }
    }

    /// Something for one subscription alone.
    pub(super) fn addressed(&mut self, subscription: u64, event: Event, hub: &Hub) {
        let route = self.begun.get(&subscription);
        if let Some(Route { wish, lane, target: Target::Inbox(inbox), .. }) = route {
            push(*wish, (inbox, *lane), event, hub, &mut self.woken);
        }
    }

    pub(super) fn gap(&mut self, header: LaneHeader, gap: &frame::Gap, hub: &Hub) {
        let told = Gap {
            topic: gap.topic.as_deref().map(Arc::from),
            epoch: gap.epoch,
            first_seq: gap.first_seq,
            last_seq: gap.last_seq,
            count: gap.count,
            reason: GapCause::Broker(gap.reason),
        };
        match (header.subscription, &gap.topic) {
            (Some(subscription), _) => self.addressed(subscription, Event::Gap(told), hub),
            (None, Some(topic)) => self.topic_gap(header.lane, topic, told, hub),
            (None, None) => self.lane_gap(header.lane, &told, hub),
        }
    }

    fn lane_gap(&mut self, lane: u8, told: &Gap, hub: &Hub) {
        if let Some(lane) = self.lanes.get_mut(&lane) {
            lane.topics.forget_positions();
        }
        let Self { begun, moving, woken, .. } = self;
        let is_there =
            |route: &&Route| route.lane == lane || moving.leaves(route.subscription, lane);
        for route in begun.values().filter(is_there).filter(|route| !route.grouped) {
            if let Target::Inbox(inbox) = &route.target {
                push(route.wish, (inbox, lane), Event::Gap(told.clone()), hub, woken);
            }
        }
    }

    fn topic_gap(&mut self, lane: u8, name: &str, told: Gap, hub: &Hub) {
        let connection = self.connection;
        let Some(lane) = self.lanes.get_mut(&lane) else { return };
        lane.tick += 1;
        let at = Moment { connection, tick: lane.tick };
        let topic = lane.topic(name, &self.begun);
        let targets = Arc::clone(&topic.targets);
        let late = Word::of_gap(&told).map(|word| topic.hear(word, at, &targets));
        tell_missed(late.unwrap_or_default(), hub, &mut self.woken);
        push_to_all(&targets, Event::Gap(told), hub, &mut self.woken);
    }

    /// A request goes to the first serving that matches: the broker has chosen this client.
    pub(super) fn request(&self, request: &RoutedRequest<'_>, hub: &Arc<Hub>) {
        let calls = self.begun.values().find_map(|route| match &route.target {
            Target::Provider(calls) if filter_matches(&route.filter, &request.topic) => Some(calls),
            _ => None,
        });
        provider::call(calls, request, hub);
    }

    fn direct(&mut self, message: &frame::Message<'_>, hub: &Hub) {
        let receivers = hub.direct();
        if receivers.is_empty() {
            return hub.counters.direct_unheard.count();
        }
        let event = Event::Message(self.owned(message, Arc::from(&*message.topic)));
        for (wish, inbox) in &receivers {
            push(*wish, (inbox, 0), event.clone(), hub, &mut self.woken);
        }
    }

    fn owned(&mut self, message: &frame::Message<'_>, topic: Arc<str>) -> Message {
        if self.from.as_deref() != message.from.as_deref() {
            self.from = message.from.as_deref().map(Arc::from);
        }
        Message {
            topic,
            seq: message.seq,
            epoch: message.epoch,
            time: message.time,
            from: self.from.clone(),
            body: Body::received(&message.body),
            replayed: false,
        }
    }
}

impl Lane {
    fn new(number: u8) -> Self {
        let filters = Matcher::default();
        Self { number, filters, tick: 0, topics: Topics::default(), guard: None }
    }

    /// What is known of a topic, with where its messages go.
    fn topic(&mut self, name: &str, begun: &HashMap<u64, Route>) -> &mut Topic<Receiver> {
        let topic = self.topics.entry(name);
        let generation = Some(self.filters.generation());
        if topic.generation != generation {
            let mut targets = Vec::new();
            let number = self.number;
            self.filters.for_each_match(name, |subscription| {
                let receiver = |route| Receiver::of(route, number);
                targets.extend(begun.get(subscription).and_then(receiver));
            });
            topic.targets = targets.into();
            topic.generation = generation;
        }
        topic
    }
}

impl Receiver {
    fn of(route: &Route, lane: u8) -> Option<Self> {
        let Target::Inbox(inbox) = &route.target else { return None };
        let (inbox, attendance) = (Arc::clone(inbox), Arc::clone(&route.attendance));
        Some(Self { wish: route.wish, lane, inbox, attendance })
    }

    fn place(&self) -> (&Inbox, u8) {
        (&self.inbox, self.lane)
    }

    fn attended(&self) -> Attended {
        let Attendance { since, until, begun } = &*self.attendance;
        Attended {
            since: since.get().copied().unwrap_or(u64::MAX),
            until: until.load(Ordering::Relaxed),
            begun: begun.load(Ordering::Relaxed),
        }
    }
}

impl Topic<Receiver> {
    /// Notes what was said. Returns those that missed something before it, with what they missed.
    fn hear(&mut self, word: Word, at: Moment, targets: &[Receiver]) -> Vec<(Receiver, Gap)> {
        let missed = |one: &Receiver| Some((one.clone(), self.missed(one.attended(), word, at)?));
        let late = targets.iter().filter_map(missed).collect();
        self.advance(word, at, |tick| targets.iter().any(|one| one.attended().begun < tick));
        late
    }
}

impl Word {
    fn of(message: &frame::Message<'_>) -> Self {
        Self { epoch: message.epoch, first: message.seq, last: message.seq, count: 1 }
    }

    fn of_gap(gap: &Gap) -> Option<Self> {
        let (epoch, first, last) = (gap.epoch?, gap.first_seq?, gap.last_seq?);
        Some(Self { epoch, first, last, count: gap.count })
    }
}

fn tell_missed(late: Vec<(Receiver, Gap)>, hub: &Hub, woken: &mut Woken) {
    for (receiver, gap) in late {
        push(receiver.wish, receiver.place(), Event::Gap(gap), hub, woken);
    }
}

fn push_to_all(targets: &[Receiver], event: Event, hub: &Hub, woken: &mut Woken) {
    let Some((last, others)) = targets.split_last() else { return };
    for receiver in others {
        push(receiver.wish, receiver.place(), event.clone(), hub, woken);
    }
    push(last.wish, last.place(), event, hub, woken);
}

fn push(wish: WishId, (inbox, lane): (&Inbox, u8), event: Event, hub: &Hub, woken: &mut Woken) {
    let pushed = inbox.push_in(lane, event, woken);
    account(wish, pushed, hub);
}

/// Forgets a wish whose inbox was full.
fn account(wish: WishId, pushed: Pushed, hub: &Hub) {
    if pushed == Pushed::Overflowed {
        hub.counters.subscribers_too_slow.count();
        hub.take_wish(wish);
    }
}
