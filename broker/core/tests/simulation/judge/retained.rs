//! Replays of what is retained: in the end everybody has the last state of each key.

use std::collections::BTreeMap;

use broker_protocol::frame::{CaughtUp, Message, Overflow};

use super::lane::Lane;
use super::truth::{Kind, Place, Truth};
use super::{Arrival, Judge, Purpose, Sub, View, Wrong};
use crate::plan::{TOPICS, matches};
use crate::script::OF_GROUPS;

/// What a subscription got of each key, since it began with what is retained or was behind too far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    /// Whether `caught_up` is still to come.
    pub(crate) open: bool,
    /// Whether the same values may come again.
    again: bool,
    /// Whether it isn't known that anything that is retained comes.
    maybe: bool,
    /// Whether it went on in another lane: then its messages may come behind `caught_up`.
    moved: bool,
    /// Up to where in each topic what is retained is to be there at `caught_up`.
    due: [Place; TOPICS.len()],
    /// Whether newer ones were dropped: then a key may have an older one.
    dropped: bool,
    last: BTreeMap<(usize, String), Place>,
}

impl Values {
    /// What is retained is on its way.
    pub(crate) fn begun() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Everything up to these places was there before.
    pub(super) fn begin(&mut self, due: [Place; TOPICS.len()]) {
        self.due = due;
    }

    /// It begins in a lane that may be about to be sent what is retained: then that comes, maybe.
    fn maybe() -> Self {
        Self { again: true, maybe: true, ..Self::default() }
    }

    /// It goes on in another lane, whose messages may overtake those of the one before.
    pub(super) fn go_on_elsewhere(&mut self) {
        (self.again, self.moved) = (true, true);
    }

    /// A value or a message of a key comes.
    fn take(&mut self, key: (usize, String), place: Place) -> Wrong {
        let last = self.last.get(&key).copied();
        self.last.insert(key.clone(), last.unwrap_or(place).max(place));
        match last.filter(|last| *last >= place && !self.again) {
            Some(last) => {
                Err(format!("{} key {:?}: {place:?} behind {last:?}", TOPICS[key.0], key.1))
            }
            None => Ok(()),
        }
    }
}

impl Judge {
    /// Whether what arrives is for one subscription, and no group's.
    pub(crate) fn is_value(&self, client: usize, arrival: Arrival) -> bool {
        let header = self.views[client].header(arrival);
        header.subscription.is_some() && header.lane != OF_GROUPS
    }

    /// A value for one subscription.
    pub(super) fn value(
        &mut self,
        client: usize,
        (arrival, to): (Arrival, u64),
        topic: usize,
        message: &Message<'_>,
        number: usize,
    ) -> Wrong {
        self.count("values");
        let key = (topic, self.truth.key(number).to_owned());
        let record = &self.truth.records[number];
        let (retained, key_is) = (record.wish.retained, key.1.clone());
        let asked = self.views[client].subs.get(&to);
        let asked = asked.map(|sub| (sub.asked_at, sub.known_at_first()));
        if let Some((at, known)) = asked
            && (record.has_expired(at) || self.truth.is_cleared(number, &known))
        {
            return Err(format!("message {number} of {key_is:?} isn't retained any more"));
        }
        let view = &mut self.views[client];
        let lane = view.header(arrival).lane;
        let sub = view.subs.get_mut(&to).ok_or("a value for no subscription")?;
        let is_for_it = matches(&sub.filter, TOPICS[topic]) && sub.is_in(lane);
        // Who is about to move is sent in the other lane what this one lost, in whatever order.
        if sub.leaving.is_some() {
            sub.values.get_or_insert_with(Values::maybe).again = true;
        }
        let values = sub.values.get_or_insert_default();
        if !retained || !is_for_it || !(values.open || values.again) {
            return Err(format!("message {number} isn't to be replayed to {to} in lane {lane}"));
        }
        values.maybe = false;
        values.take(key, (message.epoch, message.seq))
    }

    /// A message for all subscriptions of a lane: some have what was retained before.
    pub(super) fn newer(&mut self, client: usize, lane: u8, topic: usize, number: usize) -> Wrong {
        let key = self.truth.key(number).to_owned();
        let Some(place) = self.truth.records[number].place else { return Ok(()) };
        let subs = self.views[client].subs.values_mut();
        let here = subs.filter(|sub| sub.is_in(lane) && matches(&sub.filter, TOPICS[topic]));
        for values in here.filter_map(|sub| sub.values.as_mut()) {
            values.take((topic, key.clone()), place)?;
        }
        Ok(())
    }

    pub(super) fn caught_up(&mut self, client: usize, end: &CaughtUp) -> Wrong {
        self.count("replays");
        self.check_caught_up(client, end.subscription)?;
        let view = &mut self.views[client];
        let sub = view.subs.get_mut(&end.subscription);
        let moves = sub.as_ref().is_some_and(|sub| sub.leaving.is_some());
        let values = sub.and_then(|sub| sub.values.as_mut());
        match values {
            Some(values) if values.open || values.again => {
                (values.open, values.maybe) = (false, false);
                Ok(())
            }
            _ if moves => Ok(()),
            _ => Err(format!("caught up with nothing: {end:?}")),
        }
    }

    /// What was retained when it began is there, or something newer.
    fn check_caught_up(&self, client: usize, subscription: u64) -> Wrong {
        let Some(sub) = self.views[client].subs.get(&subscription) else { return Ok(()) };
        let Some(values) = &sub.values else { return Ok(()) };
        if values.dropped || values.maybe || values.moved || !values.open {
            return Ok(());
        }
        self.check_holds(sub, values, &values.due)
    }

    /// Nobody has an older value than the last that is retained.
    pub(super) fn check_values(&self, view: &View) -> Wrong {
        for sub in view.subs.values() {
            let Some(values) = &sub.values else { continue };
            if values.open {
                return Err(format!("{} was never caught up", sub.filter));
            }
            if !values.dropped && !values.maybe && self.auditor {
                self.check_state(sub, values)?;
            }
        }
        Ok(())
    }

    fn check_state(&self, sub: &Sub, values: &Values) -> Wrong {
        let all = [(u64::MAX, u64::MAX); TOPICS.len()];
        self.check_holds(sub, values, &all)
    }

    /// Of each key the last that was retained up to there has come, or something newer.
    fn check_holds(&self, sub: &Sub, values: &Values, until: &[Place; TOPICS.len()]) -> Wrong {
        for ((topic, key), place) in self.truth.retained(until) {
            let last = values.last.get(&(topic, key.clone())).copied();
            if matches(&sub.filter, TOPICS[topic]) && last < Some(place) {
                let name = TOPICS[topic];
                return Err(format!("{place:?} of {name} key {key:?} is retained; has {last:?}"));
            }
        }
        Ok(())
    }
}

impl Sub {
    /// It begins in a lane, where others may be about to be sent what is retained.
    pub(super) fn joins(&mut self, lane: &Lane) {
        if lane.fell_back && matches!(self.purpose, Purpose::Messages { .. }) {
            self.values.get_or_insert_with(Values::maybe).again = true;
        }
    }

    /// Whether a value is newer than what came of its key, as long as values come.
    pub(super) fn is_newer(&self, truth: &Truth, number: usize) -> bool {
        let record = &truth.records[number];
        let (Kind::Publish(topic), Some(values)) = (&record.kind, &self.values) else {
            return false;
        };
        let key = (*topic, truth.key(number).to_owned());
        values.open && values.last.get(&key).copied() < record.place
    }

    /// What of every topic was known to be taken when it was asked for, where that is known.
    pub(super) fn known_at_first(&self) -> [Place; TOPICS.len()] {
        self.values.as_ref().map(|values| values.due).unwrap_or_default()
    }
}

impl View {
    /// A lane lost some with a link, and it isn't known of whom: what is retained may come anew for those that
    /// have left it.
    pub(super) fn may_come_elsewhere(&mut self, lane: u8) {
        let left = self.subs.values_mut().filter(|sub| sub.left.contains(&lane));
        for sub in left.filter(|sub| matches!(sub.purpose, Purpose::Messages { .. })) {
            sub.values.get_or_insert_with(Values::maybe).again = true;
        }
    }

    /// Messages of a lane were dropped: with overflow `resync` what is retained comes anew, and so it
    /// does for who began with it where a link lost some.
    pub(super) fn lost(&mut self, lane: u8, by_a_link: bool) {
        let resyncs = self.lanes.get_mut(&lane).is_some_and(|lane| {
            // What it was granted may have got lost.
            lane.fell_back |= by_a_link || lane.resyncs();
            lane.resyncs()
        });
        let here = self.subs.values_mut().filter(|sub| sub.is_in(lane));
        for sub in here.filter(|sub| matches!(sub.purpose, Purpose::Messages { .. })) {
            if sub.leaving.is_some() && (resyncs || by_a_link) {
                // What this lane lost may have come in the other one by now.
                let values = sub.values.get_or_insert_with(Values::maybe);
                (values.again, values.maybe) = (true, true);
            } else if resyncs {
                let values = sub.values.get_or_insert_default();
                (values.open, values.again, values.maybe) = (true, true, false);
                values.last.clear();
            } else if let Some(values) = &mut sub.values {
                // Who may only have joined those that are sent it anew needn't be sent it again.
                values.open |= by_a_link && !values.maybe;
                values.again |= by_a_link;
                values.dropped |= !by_a_link;
            }
        }
    }
}

impl Lane {
    pub(super) fn resyncs(&self) -> bool {
        self.granted.overflow == Some(Overflow::Resync)
    }
}
