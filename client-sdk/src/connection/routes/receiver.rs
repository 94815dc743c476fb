//! Who gets the messages of a topic, and what of them each has missed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use broker_protocol::frame;

use super::gathering::Place;
use super::handing::account;
use crate::connection::positions::{Attended, Moment, Topic, Word};
use crate::hub::{Attendance, Hub, Route, Target, WishId};
use crate::inbox::{Inbox, Woken};
use crate::{Event, Gap};

/// Where the events of a subscription go.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    pub(super) wish: WishId,
    /// The lane in which it receives.
    lane: u8,
    inbox: Arc<Inbox>,
    attendance: Arc<Attendance>,
}

impl Receiver {
    pub(super) fn of(route: &Route, lane: u8) -> Option<Self> {
        let Target::Inbox(inbox) = &route.target else { return None };
        let (inbox, attendance) = (Arc::clone(inbox), Arc::clone(&route.attendance));
        Some(Self { wish: route.wish, lane, inbox, attendance })
    }

    pub(super) fn place(&self) -> (&Inbox, u8) {
        (&self.inbox, self.lane)
    }

    pub(super) fn place_of<'a>(&'a self, topic: &'a Arc<str>, sharers: usize) -> Place<'a> {
        let Self { wish, lane, inbox, .. } = self;
        Place { wish: *wish, inbox, lane: *lane, topic, sharers }
    }

    pub(super) fn attended(&self) -> Attended {
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
    pub(super) fn hear(&mut self, word: Word, at: Moment) -> Vec<(Receiver, Gap)> {
        if self.is_heard_in(at.connection) {
            self.advance(word, at, |_| true);
            return Vec::new();
        }
        let missed = |one: &Receiver| Some((one.clone(), self.missed(one.attended(), word, at)?));
        let late = self.targets().iter().filter_map(missed).collect();
        let begun = self.targets().iter().map(|one| one.attended().begun).min();
        self.advance(word, at, |tick| begun.is_some_and(|begun| begun < tick));
        self.heard(at.connection);
        late
    }
}

pub(super) fn tell_missed(late: Vec<(Receiver, Gap)>, hub: &Hub, woken: &mut Woken) {
    for (receiver, gap) in late {
        let (inbox, lane) = receiver.place();
        account(receiver.wish, inbox.push_in(lane, u64::MAX, Event::Gap(gap), woken), hub);
    }
}

impl Word {
    pub(super) fn of(message: &frame::Message<'_>) -> Self {
        Self { epoch: message.epoch, first: message.seq, last: message.seq, count: 1 }
    }

    pub(super) fn of_gap(gap: &Gap) -> Option<Self> {
        let (epoch, first, last) = (gap.epoch?, gap.first_seq?, gap.last_seq?);
        Some(Self { epoch, first, last, count: gap.count })
    }
}
