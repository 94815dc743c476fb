//! Lanes whose options change, and subscriptions that go on in another lane.

use broker_protocol::frame::{Accepted, LaneOptions, Moved};

use super::lane::Lane;
use super::track::Track;
use super::{Arrival, Judge, Stand, Sub, Wrong};
use crate::plan::{TOPICS, matches};

impl Judge {
    /// A client asks for other options of a lane.
    pub(crate) fn updates(&mut self, client: usize, lane: u8, options: &LaneOptions) {
        let view = &mut self.views[client];
        // What was granted before may still be on its way.
        view.wished.remove(&lane);
        view.lanes.entry(lane).or_default().widen(options);
    }

    pub(super) fn updated(
        &mut self,
        client: usize,
        lane: u8,
        wished: &LaneOptions,
        accepted: &Accepted,
    ) -> Wrong {
        self.count("updates");
        let lane = self.views[client].lanes.get_mut(&lane).ok_or("what isn't open is updated")?;
        let granted = accepted.granted.clone().ok_or("nothing is granted")?;
        let as_wished = (wished.keep.is_none() || wished.keep == granted.keep)
            && (wished.overflow.is_none() || wished.overflow == granted.overflow)
            && (wished.priority.is_none() || wished.priority == granted.priority);
        lane.update(accepted)?;
        match as_wished {
            true => Ok(()),
            false => Err(format!("{granted:?} was granted for {wished:?}")),
        }
    }

    /// A client asks for a subscription to go on in another lane.
    pub(crate) fn moves(&mut self, client: usize, number: u64) {
        let snapshot = self.truth.snapshot();
        let Some(sub) = self.views[client].subs.get_mut(&number) else { return };
        (sub.stand, sub.snapshot) = (Stand::Moving, snapshot);
        sub.values.iter_mut().for_each(super::Values::go_on_elsewhere);
        (sub.leaving, sub.entered, sub.ends) = (Some(sub.lane), false, Default::default());
    }

    /// From here on it is in the other lane.
    pub(super) fn entered(&mut self, client: usize, number: u64, accepted: &Accepted) -> Wrong {
        let number_of_lane = accepted.lane.ok_or("a move to no lane")?;
        let (step, one_epoch) = (self.step, self.one_epoch);
        let view = &mut self.views[client];
        let sub = view.subs.get_mut(&number).ok_or("what moves has begun")?;
        if accepted.subscription != Some(number) {
            return Err(format!("{accepted:?} of another subscription than {number}"));
        }
        let lane = view.lanes.entry(number_of_lane).or_default();
        sub.joins(lane);
        lane.grant(accepted)?;
        (sub.lane, sub.entered) = (number_of_lane, true);
        lane.begin(sub, step, one_epoch, Some(number));
        if sub.leaving.is_none() {
            sub.stand = Stand::Begun;
            return lane.begins_at(number, sub);
        }
        Ok(())
    }

    /// Up to here it was in this lane.
    pub(super) fn moved(&mut self, client: usize, arrival: Arrival, moved: &Moved) -> Wrong {
        self.count("moves");
        let (number, here) = (moved.subscription, self.views[client].header(arrival).lane);
        let view = &mut self.views[client];
        let mut sub = view.subs.remove(&number).ok_or("what moves has begun")?;
        if sub.leaving.take() != Some(here) {
            return Err(format!("{moved:?} in lane {here}"));
        }
        sub.left.insert(here);
        let found = self.finish(client, here, number, &mut sub);
        let mut begins = Ok(());
        if sub.entered {
            sub.stand = Stand::Begun;
            let lane = self.views[client].lanes.get_mut(&sub.lane).ok_or("its lane is open")?;
            begins = lane.begins_at(number, &sub);
        }
        self.views[client].subs.insert(number, sub);
        found.and(begins)
    }
}

impl Lane {
    /// A subscription begins here; `moved` is its number if it was in another lane before.
    pub(super) fn begin(&mut self, sub: &Sub, step: u64, one_epoch: bool, moved: Option<u64>) {
        if self.keeps().is_some() {
            let begun = self.conflated.begin(sub, step, moved);
            return self.begin_documents(&begun);
        }
        for (topic, name) in TOPICS.iter().enumerate() {
            if matches(&sub.filter, name) {
                self.tracks.entry(topic).or_insert_with(|| {
                    let mut track = Track::new(sub.snapshot[topic], step, one_epoch);
                    track.moved = moved;
                    track
                });
            }
        }
    }

    /// What a subscription brought here goes on where it ended in the lane before.
    fn begins_at(&mut self, number: u64, sub: &Sub) -> Wrong {
        let ends = sub.ends.iter().enumerate();
        for (topic, end) in ends.filter_map(|(topic, end)| Some((topic, (*end)?))) {
            if let Some(track) = self.tracks.get_mut(&topic)
                && track.moved == Some(number)
            {
                track.begins = Some(end);
            }
            let found = self.conflated.begins_at(topic, number, end);
            found.map_err(|what| format!("{}: {what}", TOPICS[topic]))?;
        }
        Ok(())
    }
}
