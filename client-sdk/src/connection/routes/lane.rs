//! One lane: its filters, and where the messages of each topic go.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use broker_delivery::Matcher;

use super::DIRECT_LANE;
use super::receiver::Receiver;
use crate::connection::guard::Guard;
use crate::connection::positions::{Topic, Topics};
use crate::hub::{Hub, Route};

/// One lane: its filters, and what is known of its topics.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) number: u8,
    /// How many subscriptions and servings have begun in it.
    pub(super) sharers: usize,
    /// How many of them are methods of objects that are attached.
    pub(super) attached: usize,
    pub(super) filters: Matcher<u64>,
    /// Counts its messages, over all connections.
    pub(super) tick: u64,
    pub(super) topics: Topics<Receiver>,
    /// Keeps the order of each key, where the lane is unreliable.
    pub(super) guard: Option<Guard>,
}

impl Lane {
    pub(super) fn new(number: u8) -> Self {
        let (filters, topics) = (Matcher::default(), Topics::default());
        Self { number, sharers: 0, attached: 0, filters, tick: 0, topics, guard: None }
    }

    /// How many share its credit. What is sent by name comes in lane 0 too. Where it conflates, each object
    /// that is called there counts once, however often it is attached.
    pub(super) fn sharers_beside(&self, number: u8, hub: &Hub) -> usize {
        match number {
            DIRECT_LANE => self.sharers + hub.directs.load(Ordering::Relaxed),
            _ if hub.credit.does_conflate(number) => {
                self.sharers - self.attached.min(self.sharers) + hub.callbacks.called_in(number)
            }
            _ => self.sharers,
        }
    }

    /// What is known of a topic, with where its messages go.
    pub(super) fn topic(
        &mut self,
        name: &str,
        begun: &HashMap<u64, Route>,
    ) -> &mut Topic<Receiver> {
        let Self { topics, filters, number, .. } = self;
        let topic = topics.entry(name);
        topic.aim(filters.generation(), || {
            let mut targets = Vec::new();
            filters.for_each_match(name, |subscription| {
                let receiver = |route| Receiver::of(route, *number);
                targets.extend(begun.get(subscription).and_then(receiver));
            });
            targets
        });
        topic
    }
}
