//! Which subscriptions a message is for: matched here, because it comes once for all of a lane.

mod moving;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use broker_delivery::{Matcher, filter_matches};
use broker_protocol::frame::{self, LaneHeader, RoutedRequest};

use super::guard::Guard;
use super::positions::{Attended, Moment, Topic, Topics, Word};
use crate::credit::Owed;
use crate::hub::{Attendance, Hub, Route, Target, WishId};
use crate::inbox::{Held, Inbox, Pushed, Woken};
use crate::provider;
use crate::{Body, Event, Gap, GapCause, Message};
use moving::Moving;

/// What is sent to a client by name comes on topics that begin with this.
const DIRECT_PREFIX: &str = "$to.";

/// The lane in which that comes.
const DIRECT_LANE: u8 = 0;

/// Where the events of a subscription go.
#[derive(Debug, Clone)]
struct Receiver {
    wish: WishId,
    /// The lane in which it receives.
    lane: u8,
    inbox: Arc<Inbox>,
    attendance: Arc<Attendance>,
}

/// A frame that came, beside what it says.
pub(super) struct Arrival<'a> {
    /// What is told to the broker once all that got it have done with it, if the connection takes
    /// part in credit.
    pub(super) owed: Option<Owed>,
    pub(super) now: Instant,
    pub(super) hub: &'a Arc<Hub>,
}

/// One lane: its filters, and what is known of its topics.
#[derive(Debug)]
struct Lane {
    number: u8,
    /// How many subscriptions and servings have begun in it.
    sharers: usize,
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
        let lane = self.lanes.entry(route.lane).or_insert_with(|| Lane::new(route.lane));
        lane.sharers += 1;
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
            lane.sharers = lane.sharers.saturating_sub(1);
        }
    }

    pub(super) fn message(
        &mut self,
        header: LaneHeader,
        message: &frame::Message<'_>,
        arrival: &mut Arrival<'_>,
    ) {
        arrival.hub.counters.messages_received.count();
        if message.topic.starts_with(DIRECT_PREFIX) {
            return self.direct(message, arrival);
        }
        if let Some(subscription) = header.subscription {
            let mut message = self.owned(message, Arc::from(&*message.topic));
            // To a member of a group a message is addressed as well.
            message.replayed = self.begun.get(&subscription).is_some_and(|route| !route.grouped);
            return self.addressed(subscription, Event::Message(message), arrival);
        }
        let connection = self.connection;
        let Some(lane) = self.lanes.get_mut(&header.lane) else { return };
        if lane.guard.as_mut().is_some_and(|guard| !guard.admits(message)) {
            return arrival.hub.counters.messages_overtaken.count();
        }
        lane.tick += 1;
        let at = Moment { connection, tick: lane.tick };
        let topic = lane.topic(&message.topic, &self.begun);
        let (targets, name) = (Arc::clone(&topic.targets), Arc::clone(&topic.name));
        let late = topic.hear(Word::of(message), at, &targets);
        let sharers = lane.sharers_beside(header.lane, arrival.hub);
        tell_missed(late, arrival.hub, &mut self.woken);
        if !targets.is_empty() {
            let event = Event::Message(self.owned(message, name));
            push_to_all(&targets, event, sharers, arrival, &mut self.woken);
        }
    }

    /// Something for one subscription alone.
    pub(super) fn addressed(&mut self, subscription: u64, event: Event, arrival: &mut Arrival<'_>) {
        let route = self.begun.get(&subscription);
        if let Some(Route { wish, lane, target: Target::Inbox(inbox), .. }) = route {
            let sharers =
                self.lanes.get(lane).map_or(0, |of| of.sharers_beside(*lane, arrival.hub));
            let share = Share { of: 1, sharers };
            push(*wish, (inbox, *lane), event, share, arrival, &mut self.woken);
        }
    }

    pub(super) fn gap(&mut self, header: LaneHeader, gap: &frame::Gap, arrival: &mut Arrival<'_>) {
        let told = Gap {
            topic: gap.topic.as_deref().map(Arc::from),
            epoch: gap.epoch,
            first_seq: gap.first_seq,
            last_seq: gap.last_seq,
            count: gap.count,
            reason: GapCause::Broker(gap.reason),
        };
        match (header.subscription, &gap.topic) {
            (Some(subscription), _) => self.addressed(subscription, Event::Gap(told), arrival),
            (None, Some(topic)) => self.topic_gap(header.lane, topic, told, arrival),
            (None, None) => self.lane_gap(header.lane, &told, arrival),
        }
    }

    fn lane_gap(&mut self, number: u8, told: &Gap, arrival: &mut Arrival<'_>) {
        let Some(lane) = self.lanes.get_mut(&number) else { return };
        lane.topics.forget_positions();
        let sharers = lane.sharers_beside(number, arrival.hub);
        let Self { begun, moving, woken, .. } = self;
        let is_there =
            |route: &&Route| route.lane == number || moving.leaves(route.subscription, number);
        let routes = begun.values().filter(is_there).filter(|route| !route.grouped);
        let targets: Vec<(WishId, &Arc<Inbox>)> = routes
            .filter_map(|route| match &route.target {
                Target::Inbox(inbox) => Some((route.wish, inbox)),
                Target::Provider(_) => None,
            })
            .collect();
        for (place, (wish, inbox)) in targets.iter().enumerate() {
            let share = Share { of: targets.len() - place, sharers };
            push(*wish, (inbox, number), Event::Gap(told.clone()), share, arrival, woken);
        }
    }

    fn topic_gap(&mut self, number: u8, name: &str, told: Gap, arrival: &mut Arrival<'_>) {
        let connection = self.connection;
        let Some(lane) = self.lanes.get_mut(&number) else { return };
        lane.tick += 1;
        let at = Moment { connection, tick: lane.tick };
        let topic = lane.topic(name, &self.begun);
        let targets = Arc::clone(&topic.targets);
        let late = Word::of_gap(&told).map(|word| topic.hear(word, at, &targets));
        let sharers = lane.sharers_beside(number, arrival.hub);
        tell_missed(late.unwrap_or_default(), arrival.hub, &mut self.woken);
        push_to_all(&targets, Event::Gap(told), sharers, arrival, &mut self.woken);
    }

    /// A request goes to the first serving that matches: the broker has chosen this client.
    pub(super) fn request(&self, request: &RoutedRequest<'_>, hub: &Arc<Hub>) {
        let calls = self.begun.values().find_map(|route| match &route.target {
            Target::Provider(calls) if filter_matches(&route.filter, &request.topic) => Some(calls),
            _ => None,
        });
        provider::call(calls, request, hub);
    }

    fn direct(&mut self, message: &frame::Message<'_>, arrival: &mut Arrival<'_>) {
        let receivers = arrival.hub.direct();
        if receivers.is_empty() {
            return arrival.hub.counters.direct_unheard.count();
        }
        let event = Event::Message(self.owned(message, Arc::from(&*message.topic)));
        let lane = self.lanes.entry(DIRECT_LANE).or_insert_with(|| Lane::new(DIRECT_LANE));
        let sharers = lane.sharers_beside(DIRECT_LANE, arrival.hub);
        for (place, (wish, inbox)) in receivers.iter().enumerate() {
            let share = Share { of: receivers.len() - place, sharers };
            push(*wish, (inbox, DIRECT_LANE), event.clone(), share, arrival, &mut self.woken);
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
        let (filters, topics) = (Matcher::default(), Topics::default());
        Self { number, sharers: 0, filters, tick: 0, topics, guard: None }
    }

    /// How many share its credit. What is sent by name comes in lane 0 too.
    fn sharers_beside(&self, number: u8, hub: &Hub) -> usize {
        match number {
            DIRECT_LANE => self.sharers + hub.directs.load(Ordering::Relaxed),
            _ => self.sharers,
        }
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
        let (inbox, lane) = receiver.place();
        account(receiver.wish, inbox.push_in(lane, u64::MAX, Event::Gap(gap), woken), hub);
    }
}

/// The part of what a frame owes that one of its receivers takes over.
#[derive(Debug, Clone, Copy)]
struct Share {
    /// Of how many receivers that haven't taken theirs.
    of: usize,
    /// How many share the lane's credit.
    sharers: usize,
}

fn push_to_all(
    targets: &[Receiver],
    event: Event,
    sharers: usize,
    arrival: &mut Arrival<'_>,
    woken: &mut Woken,
) {
    let Some((last, others)) = targets.split_last() else { return };
    for (place, receiver) in others.iter().enumerate() {
        let share = Share { of: targets.len() - place, sharers };
        push(receiver.wish, receiver.place(), event.clone(), share, arrival, woken);
    }
    push(last.wish, last.place(), event, Share { of: 1, sharers }, arrival, woken);
}

fn push(
    wish: WishId,
    (inbox, lane): (&Inbox, u8),
    event: Event,
    Share { of, sharers }: Share,
    arrival: &mut Arrival<'_>,
    woken: &mut Woken,
) {
    let (hub, since) = (arrival.hub, arrival.now);
    let owed = arrival.owed.as_mut().map(|owed| owed.share(of));
    let most = hub.credit.held_max(sharers);
    account(wish, inbox.push_in(lane, most, Held { event, owed, since }, woken), hub);
}

/// Forgets a wish whose inbox was full.
fn account(wish: WishId, pushed: Pushed, hub: &Hub) {
    if pushed == Pushed::Overflowed {
        hub.counters.subscribers_too_slow.count();
        hub.take_wish(wish);
    }
}
