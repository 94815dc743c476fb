//! Who in this shard gets the messages of a topic.

use broker_delivery::Matcher;
use broker_protocol::Codec;
use hashbrown::HashMap;
use slab::Slab;

use super::late::Targets;
use crate::TopicId;
use crate::log::Render;
use crate::session::Session;

/// A subscription as the matcher knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    pub(super) slot: u32,
    /// The place of the lane among the session's lanes.
    pub(super) lane: u32,
    pub(super) subscription: u64,
}

/// Who gets the messages of each topic, looked up once per topic and change of subscriptions.
#[derive(Debug, Default)]
pub(super) struct Routes {
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
}

impl Default for Route {
    fn default() -> Self {
        Self { generation: 0, targets: Targets::default(), render: Render::Bincode, narrow: true }
    }
}

impl Routes {
    /// Finds the route of a topic, as the subscriptions are now.
    pub(super) fn find(
        &mut self,
        topic_id: TopicId,
        topic: &str,
        matcher: &Matcher<Target>,
        sessions: &Slab<Session>,
    ) -> RoutePlace {
        let Self { places, routes } = self;
        let place = *places.entry(topic_id).or_insert_with(|| routes.insert(Route::default()));
        let route = &mut routes[place];
        // A fresh route has generation 0, which no matcher with subscriptions has.
        if route.generation != matcher.generation() {
            route.look_up(topic, matcher, sessions);
        }
        RoutePlace(place)
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
        let mut targets = Vec::new();
        matcher.for_each_match(topic, |target| targets.push((target.slot, target.lane)));
        targets.sort_unstable();
        targets.dedup();
        self.targets = targets.into();
        let json = self
            .targets
            .iter()
            .any(|(slot, _)| sessions[*slot as usize].link.info.codec == Codec::Json);
        self.render = if json { Render::Both } else { Render::Bincode };
        self.narrow =
            self.targets.iter().all(|(slot, _)| sessions[*slot as usize].wants_only(topic));
    }
}
