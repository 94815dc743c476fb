//! What must hold when nothing is under way any more.

use std::collections::BTreeSet;

use super::lane::Lane;
use super::track::{Told, Track};
use super::{Judge, Kind, Purpose, Sub, View, Wrong};
use crate::plan::TOPICS;
use crate::script::OF_GROUPS;

impl Judge {
    /// Everything that was published has arrived or was told to be missing; everybody has every
    /// answer, and knows who is there.
    pub(crate) fn at_rest(&mut self) {
        let found = self.callbacks_at_rest();
        self.blame(0, found);
        for client in 0..self.views.len() {
            if self.views[client].is_live() {
                let found = self.view_at_rest(client);
                self.blame(client, found);
            }
        }
        self.close_books();
        let lanes = self.views.iter_mut().flat_map(|view| view.lanes.values_mut());
        lanes.for_each(Lane::settle);
        let found = self.check_groups().and_then(|()| self.check_sends());
        self.blame(0, found);
        if self.auditor {
            let found = self.truth.check_holes().and_then(|()| self.check_everything_placed());
            let found = found.and_then(|()| self.check_expired());
            self.blame(0, found);
        }
    }

    fn view_at_rest(&self, client: usize) -> Wrong {
        let view = &self.views[client];
        if let Some((id, what)) = view.pending.first_key_value() {
            return Err(format!("command {id} has no answer: {what:?}"));
        }
        self.check_books(client)?;
        self.check_values(view)?;
        for (number, sub) in &view.subs {
            if sub.purpose == (Purpose::Messages { presence: true }) {
                let there = self.there(&sub.filter);
                if sub.present != there {
                    return Err(format!(
                        "subscription {number} on {} sees {:?}; there are {there:?}",
                        sub.filter, sub.present
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_books(&self, client: usize) -> Wrong {
        let view = &self.views[client];
        for (number, lane) in &view.lanes {
            let calls = self.untold_calls(client, *number);
            let calls = calls.map_err(|what| format!("lane {number}: {what}"))?;
            let begun = lane.tracks.values().try_for_each(Track::check_beginning);
            begun.map_err(|what| format!("in lane {number}: {what}"))?;
            if *number == OF_GROUPS {
                continue;
            }
            if let Some(keep) = lane.keeps() {
                let found = self.check_conflated(lane, keep, calls);
                let found = found.and_then(|()| self.check_documents(lane));
                found.map_err(|what| format!("lane {number}: {what}"))?;
                continue;
            }
            let missing = self.missing_of_lane(lane);
            let mut told = missing.map_err(|what| format!("lane {number}: {what}"))?;
            told.add(calls);
            // Without somebody who sees everything the last ones may be told of in no other way.
            let sent = if *number == 0 { self.sent_in_vain(&view.name) } else { 0 };
            let most = if self.auditor { told.most.saturating_add(sent) } else { u64::MAX };
            let fits = told.least <= lane.folded && lane.folded <= most;
            if !fits {
                let folded = lane.folded;
                return Err(format!("gaps of lane {number} told {folded}; missing are {told:?}"));
            }
        }
        Ok(())
    }

    /// How many messages gaps of a whole lane that keeps all must have told of, without calls.
    pub(super) fn missing_of_lane(&self, lane: &Lane) -> Result<Told, String> {
        let mut told = lane.told;
        for (topic, track) in &lane.tracks {
            let wrong = |what| format!("{}: {what}", TOPICS[*topic]);
            let due = self.truth.first_after(*topic, track.accepted);
            track.must_reach(self.truth.last(*topic), due).map_err(wrong)?;
            let late = track.first.zip(due).is_some_and(|(first, due)| first > due);
            if late && lane.folded == 0 {
                return Err(wrong(format!("{due:?} was for it; first came {:?}", track.first)));
            }
            for (epoch, next) in &track.finished {
                let last = self.truth.last_in(*topic, *epoch);
                if *next <= last {
                    return Err(wrong(format!("epoch {epoch} went on to {last}, not {next}")));
                }
            }
            told.add(track.tail(self.truth.last(*topic)));
        }
        for (topic, track) in &lane.left {
            told.add(Told { least: 0, ..track.tail(self.truth.last(*topic)) });
        }
        Ok(told)
    }

    /// What was told to have expired had.
    fn check_expired(&mut self) -> Wrong {
        for (topic, place, at) in std::mem::take(&mut self.expired) {
            let number = self.truth.placed_from(topic, place).next().filter(|(at, _)| *at == place);
            let (_, number) = number.ok_or("what has expired has a place")?;
            if !self.truth.records[number].may_have_expired(at) {
                return Err(format!("message {number} was told to have expired at {at:?}"));
            }
        }
        Ok(())
    }

    /// The names of everybody who is subscribed to a filter.
    fn there(&self, filter: &str) -> BTreeSet<String> {
        let subscribed = |view: &&View| {
            let mut subs = view.subs.values();
            let is_seen = |sub: &Sub| !matches!(sub.purpose, Purpose::Requests | Purpose::Attached);
            subs.any(|sub| sub.filter == filter && is_seen(sub))
        };
        let live = self.views.iter().filter(|view| view.is_live());
        live.filter(subscribed).map(|view| view.name.clone()).collect()
    }

    /// What an acknowledged or still living publisher published was seen by who sees everything.
    fn check_everything_placed(&self) -> Wrong {
        for (number, record) in self.truth.records.iter().enumerate() {
            let by = &self.views[record.by];
            // What had no id is lost with the link that it was said to.
            let arrived = record.has_id || record.step >= by.link_since;
            let due = record.acked || (by.is_live() && arrived);
            let published = matches!(record.kind, Kind::Publish(_));
            if published && due && record.place.is_none() {
                return Err(format!("message {number} was published and has no place"));
            }
        }
        Ok(())
    }
}
