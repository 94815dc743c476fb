//! Who in this shard gets the messages of a topic.

use broker_delivery::Matcher;
use broker_protocol::Codec;
use hashbrown::HashMap;
use slab::Slab;

use super::late::Targets;
use crate::log::Render;
use crate::session::Session;
use crate::{Policies, TopicCounts, TopicId};

/// A subscription as the matcher knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    pub(super) slot: u32,
    /// The place of the lane among the session's lanes.
    pub(super) lane: u32,
    pub(super) subscription: u64,
}

/// Who gets the messages of each topic, looked up once per topic and change of subscriptions.
#[derive(Debug)]
pub(super) struct Routes {
    policies: Policies,
    /// What was delivered of the topics of each pattern.
    by_pattern: Vec<u64>,
    places: HashMap<TopicId, usize, foldhash::fast::FixedState>,
    routes: Slab<Route>,
}

/// Where a route is. Good until a topic is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RoutePlace(pub(super) usize);

/// Who gets the messages of one topic.
#[derive(Debug)]
pub(super) struct Route {
    generation: u64,
    /// One for each lane: the subscriptions of a lane share one copy.
    pub(super) targets: Targets,
    pub(super) render: Render,
    /// Whether no lane that gets this topic could get another.
    narrow: bool,
    /// Of which patterns the topic counts.
    patterns: Box<[u8]>,
    /// How many messages went into lanes, each counted for every lane.
    deliveries: u64,
}

impl Default for Route {
    fn default() -> Self {
        let (targets, patterns) = (Targets::default(), Box::default());
        let (generation, render, narrow, deliveries) = (0, Render::Bincode, true, 0);
        Self { generation, targets, render, narrow, patterns, deliveries }
    }
}

impl Routes {
    pub(super) fn new(policies: Policies) -> Self {
        let by_pattern = vec![0; policies.filters().count()];
        Self { policies, by_pattern, places: HashMap::default(), routes: Slab::new() }
    }

    /// Finds the route of a topic, as the subscriptions are now.
    pub(super) fn find(
        &mut self,
        topic_id: TopicId,
        topic: &str,
        matcher: &Matcher<Target>,
        sessions: &Slab<Session>,
    ) -> RoutePlace {
        let RoutePlace(place) = self.place(topic_id, topic);
        let route = &mut self.routes[place];
        // A fresh route has generation 0, which no matcher with subscriptions has.
        if route.generation != matcher.generation() {
            route.look_up(topic, matcher, sessions);
        }
        RoutePlace(place)
    }

    fn place(&mut self, topic_id: TopicId, topic: &str) -> RoutePlace {
        let Self { policies, places, routes, .. } = self;
        let new = || routes.insert(Route { patterns: policies.places(topic), ..Route::default() });
        RoutePlace(*places.entry(topic_id).or_insert_with(new))
    }

    /// Counts messages of a topic that go into each lane of its route.
    pub(super) fn count(&mut self, place: RoutePlace, messages: u32) {
        let lanes = self.routes[place.0].targets.len() as u64;
        self.count_deliveries(place, u64::from(messages) * lanes);
    }

    /// Counts a message of a topic that goes into one lane alone.
    pub(super) fn count_one(&mut self, topic_id: TopicId, topic: &str) {
        let place = self.place(topic_id, topic);
        self.count_deliveries(place, 1);
    }

    fn count_deliveries(&mut self, place: RoutePlace, deliveries: u64) {
        let route = &mut self.routes[place.0];
        route.deliveries += deliveries;
        for pattern in &route.patterns {
            self.by_pattern[usize::from(*pattern)] += deliveries;
        }
    }

    /// What was delivered of the topics of each pattern.
    pub(super) fn by_pattern(&self) -> &[u64] {
        &self.by_pattern
    }

    /// What was counted of a topic.
    pub(super) fn deliveries(&self, topic_id: TopicId) -> TopicCounts {
        let place = self.places.get(&topic_id);
        let deliveries = place.map_or(0, |place| self.routes[*place].deliveries);
        TopicCounts { deliveries, subscribers: 0 }
    }

    /// What was counted of a topic, and how many lanes get it now.
    pub(super) fn counts(
        &mut self,
        topic_id: TopicId,
        topic: &str,
        matcher: &Matcher<Target>,
        sessions: &Slab<Session>,
    ) -> TopicCounts {
        if !self.places.contains_key(&topic_id) {
            // Nothing of it came here: who gets it isn't noted for this.
            return TopicCounts {
                deliveries: 0,
                subscribers: targets(topic, matcher).len() as u64,
            };
        }
        let place = self.find(topic_id, topic, matcher, sessions);
        let Route { targets, deliveries, .. } = self.get(place);
        TopicCounts { deliveries: *deliveries, subscribers: targets.len() as u64 }
    }

    /// The route of a topic, if no lane that gets it could get another topic.
    pub(super) fn find_narrow(
        &mut self,
        topic_id: TopicId,
        topic: &str,
        matcher: &Matcher<Target>,
        sessions: &Slab<Session>,
    ) -> Option<RoutePlace> {
        let place = self.find(topic_id, topic, matcher, sessions);
        self.get(place).narrow.then_some(place)
    }

    pub(super) fn get(&self, place: RoutePlace) -> &Route {
        &self.routes[place.0]
    }

    /// Has every route looked up again: what its sessions take has changed.
    pub(super) fn look_up_again(&mut self) {
        self.routes.iter_mut().for_each(|(_, route)| route.generation = 0);
    }

    pub(super) fn forget(&mut self, topic_id: TopicId) {
        if let Some(place) = self.places.remove(&topic_id) {
            self.routes.remove(place);
        }
    }
}

impl Route {
    fn look_up(&mut self, topic: &str, matcher: &Matcher<Target>, sessions: &Slab<Session>) {
        self.generation = matcher.generation();
        self.targets = targets(topic, matcher).into();
        let json = self
            .targets
            .iter()
            .any(|(slot, _)| sessions[*slot as usize].link.info.codec == Codec::Json);
        self.render = if json { Render::Both } else { Render::Bincode };
        self.narrow =
            self.targets.iter().all(|(slot, _)| sessions[*slot as usize].wants_only(topic));
    }
}

/// The lanes that get a topic.
fn targets(topic: &str, matcher: &Matcher<Target>) -> Vec<(u32, u32)> {
    let mut targets = Vec::new();
    matcher.for_each_match(topic, |target| targets.push((target.slot, target.lane)));
    targets.sort_unstable();
    targets.dedup();
    targets
}
