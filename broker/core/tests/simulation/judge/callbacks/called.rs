//! Calls: in order in the lane of their method, each once or counted in an exact gap.

use std::collections::BTreeMap;

use broker_protocol::frame::{self, GapReason, Message};

use super::super::conflated::{Book, Hull};
use super::super::lane::Lane;
use super::super::track::{Told, Track};
use super::super::{Arrival, Judge, Kind, Wrong};
use super::KINDS;
use crate::judge::truth::Place;
use crate::plan::TOPICS;

/// The calls of one method of one callback, as its owner sees them.
#[derive(Debug)]
pub(crate) struct Called {
    /// Where its lane keeps all, and where it conflates.
    track: Track,
    book: Book,
    /// How many came or were told to be missing, and how many were said and were known to be taken when
    /// that was counted from.
    told: u64,
    since: (u64, u64),
    /// How many were ever told to have expired.
    expired: u64,
    /// Whether a gap of the whole lane may have told of some.
    pub(crate) loose: bool,
    /// The last call that came, by who called and about what.
    last: BTreeMap<(usize, String), usize>,
    /// The last place that was told, and whether what was there is told to be replaced.
    newest: (Place, bool),
}

impl Called {
    fn new() -> Self {
        let (mut book, track) = (Book::new((0, 0), 0), Track::new((0, 0), 0, true));
        book.exact = true;
        let (last, newest) = (BTreeMap::new(), ((0, 0), false));
        Self { track, book, told: 0, since: (0, 0), expired: 0, loose: false, last, newest }
    }

    fn tell(&mut self, place: Place, count: u64, is_replaced: bool) {
        self.told += count;
        if place > self.newest.0 {
            self.newest = (place, is_replaced);
        }
    }

    /// The first word is the first call, unless a gap of the whole lane told of it.
    fn check_first(&self, first: u64) -> Wrong {
        match self.track.first.is_some() || self.track.is_loose() || first == 1 {
            true => Ok(()),
            false => Err(format!("the first call has the seq {first}")),
        }
    }

    /// Where nothing may pass, nothing is left out.
    pub(crate) fn check_balanced(&self) -> Wrong {
        if self.loose { Ok(()) } else { self.book.check_balanced() }
    }

    /// A gap of the whole lane stands here, which may be among what it `was_cut` of with a link.
    pub(crate) fn loosen(&mut self, was_cut: bool) {
        self.loose = true;
        match was_cut {
            true => self.track.stay_loose(),
            false => self.track.loosen(),
        }
        self.book.loose = true;
    }

    pub(crate) fn settle(&mut self) {
        self.track.settle();
    }

    /// How many a gap of the whole lane has told of, if `said` were and `taken` came to the lane.
    fn untold(&self, (said, taken): (u64, u64)) -> Result<Told, String> {
        let (said, taken) = (said.saturating_sub(self.since.0), taken.saturating_sub(self.since.1));
        if self.told > said {
            return Err(format!("{} calls were told of {said}", self.told));
        }
        match (self.loose, taken.saturating_sub(self.told)) {
            (false, 0) => Ok(Told::default()),
            (false, lost) => Err(format!("{lost} of {taken} calls never came")),
            (true, least) => Ok(Told { least, most: said - self.told }),
        }
    }

    /// What came last of all was replaced by nothing.
    fn check_newest(&self, lane: &Lane) -> Wrong {
        let may_be_lost = self.loose || self.book.has_losses() || lane.keeps().is_none();
        match !self.newest.1 || may_be_lost {
            true => Ok(()),
            false => Err("the newest was told to be replaced".to_owned()),
        }
    }

    /// Everything was told of: counted is from here on.
    fn close(&mut self, counts: (u64, u64)) {
        let last = self.newest.0;
        (self.told, self.since) = (0, counts);
        self.book.close(last);
        self.book.loose = self.loose;
    }
}

impl Judge {
    pub(in crate::judge) fn call(
        &mut self,
        client: usize,
        arrival: Arrival,
        message: &Message<'_>,
        number: usize,
    ) -> Wrong {
        let Kind::Call(callback, method) = self.truth.records[number].kind else {
            return Err("what is no call came as one".to_owned());
        };
        self.count("calls");
        let lane_number = self.views[client].header(arrival).lane;
        let about = &self.callbacks[callback];
        if about.owner != client || KINDS[about.kind].of_lane(lane_number) != Some(method) {
            return Err(format!("{} came to {client} in lane {lane_number}", message.topic));
        }
        self.called_by_holder(callback, method, number);
        let (key, by) = (self.truth.key(number).to_owned(), self.truth.records[number].by);
        let lane = self.views[client].lanes.get_mut(&lane_number).ok_or("its lane is open")?;
        let (conflates, waited) =
            (lane.keeps().is_some(), arrival.written.waited || lane.is_paced());
        let called = lane.called(callback, method);
        let place = (message.epoch, message.seq);
        called.tell(place, 1, false);
        let about = if conflates { key.clone() } else { String::new() };
        if called.last.insert((by, about), number).is_some_and(|last| last >= number) {
            return Err(format!("call {number} came behind a later one of its caller"));
        }
        let found = match conflates {
            true => called.book.message(place, &key, waited),
            false => called
                .check_first(message.seq)
                .and_then(|()| called.track.told(place.0, place.1, place.1).map(drop)),
        };
        found.map_err(|what| format!("{}: {what}", message.topic))?;
        self.truth.records[number].sent_to += 1;
        match self.truth.records[number].sent_to {
            1 => Ok(()),
            count => Err(format!("call {number} came {count} times")),
        }
    }

    /// A gap tells of calls that nobody gets; `None` if it isn't of calls.
    pub(in crate::judge) fn gap_of_calls(
        &mut self,
        client: usize,
        arrival: Arrival,
        gap: &frame::Gap,
    ) -> Option<Wrong> {
        let topic = gap.topic.as_deref().filter(|topic| super::called(topic).is_some())?;
        let Some((callback, method)) = self.method(topic) else {
            return Some(Err(format!("{gap:?} of a callback that nobody offers")));
        };
        let lane_number = self.views[client].header(arrival).lane;
        let about = &self.callbacks[callback];
        if about.owner != client || KINDS[about.kind].of_lane(lane_number) != Some(method) {
            return Some(Err(format!("{gap:?} in lane {lane_number}")));
        }
        let resumes = self.views[client].resumes;
        let may_expire = self.most_expired(&Kind::Call(callback, method)) > 0;
        let lane = self.views[client].lanes.get_mut(&lane_number)?;
        let found = lane.gap_of_calls(arrival, (callback, method), gap, (resumes, may_expire));
        let expired = lane.called(callback, method).expired;
        let found = found.and_then(|()| self.check_expired_calls((callback, method), expired));
        if gap.reason == GapReason::Expired {
            *self.happened.entry("calls expired").or_default() += gap.count;
        }
        Some(found.map_err(|what| format!("{topic}: {what}")))
    }

    /// No more calls of a method are told to have expired than may have.
    fn check_expired_calls(&self, (callback, method): (usize, usize), told: u64) -> Wrong {
        let most = self.most_expired(&Kind::Call(callback, method));
        match told <= most {
            true => Ok(()),
            false => Err(format!("{told} were told to have expired, and {most} may have")),
        }
    }

    /// Whether a request on a topic is for a callback of a session, in this lane.
    pub(in crate::judge) fn calls_for(&self, client: usize, lane: u8, topic: &str) -> bool {
        self.method(topic).is_some_and(|(callback, method)| {
            let about = &self.callbacks[callback];
            about.owner == client && KINDS[about.kind].methods[method].1 == lane
        })
    }

    /// How many calls gaps of a whole lane must have told of.
    pub(in crate::judge) fn untold_calls(&self, client: usize, number: u8) -> Result<Told, String> {
        let mut told = Told::default();
        let Some(lane) = self.views[client].lanes.get(&number) else { return Ok(told) };
        for (callback, about) in self.callbacks.iter().enumerate() {
            let method = KINDS[about.kind].of_lane(number).filter(|_| about.owner == client);
            let Some(method) = method else { continue };
            let counts = self.calls_of(callback, method);
            let untold = match lane.calls.get(&(callback, method)) {
                Some(called) => called.check_newest(lane).and_then(|()| called.untold(counts)),
                None => lane.nothing_called().untold(counts),
            };
            let wrong = |what| format!("calls of method {method} of {callback} at rest: {what}");
            told.add(untold.map_err(wrong)?);
        }
        Ok(told)
    }

    /// Calls that come from here on are counted anew.
    pub(in crate::judge) fn close_calls(&mut self) {
        for view in 0..self.views.len() {
            for number in KINDS.iter().flat_map(|kind| kind.methods).map(|(_, lane)| lane) {
                let conflates = |lane: &Lane| lane.keeps().is_some();
                if self.views[view].lanes.get(&number).is_some_and(conflates) {
                    self.close_calls_in(view, number);
                }
            }
        }
    }
}

impl Judge {
    fn close_calls_in(&mut self, view: usize, number: u8) {
        for callback in 0..self.callbacks.len() {
            let about = &self.callbacks[callback];
            let method = KINDS[about.kind].of_lane(number).filter(|_| about.owner == view);
            let Some(method) = method else { continue };
            let counts = self.calls_of(callback, method);
            if let Some(lane) = self.views[view].lanes.get_mut(&number) {
                lane.called(callback, method).close(counts);
            }
        }
    }
}

impl Lane {
    fn gap_of_calls(
        &mut self,
        arrival: Arrival,
        (callback, method): (usize, usize),
        gap: &frame::Gap,
        (resumes, may_expire): (bool, bool),
    ) -> Wrong {
        let hull = Hull::of(gap).filter(|hull| hull.count > 0).ok_or("a gap without place")?;
        let (keeps, waited) = (self.keeps(), arrival.written.waited || self.is_paced());
        let called = self.called(callback, method);
        let is_replaced = gap.reason == GapReason::Conflated;
        called.tell((hull.epoch, hull.last), hull.count, is_replaced);
        let has_expired = gap.reason == GapReason::Expired;
        called.expired += if has_expired { hull.count } else { 0 };
        let is_whole = hull.count == hull.last + 1 - hull.first;
        let leads = has_expired && !called.track.awaits((hull.epoch, hull.first));
        let told_apart = has_expired || gap.reason == GapReason::Dropped && may_expire;
        if keeps.is_none() && (leads || told_apart && !is_whole) {
            // It stands in front of what came meanwhile.
            called.track.loosen_until((hull.epoch, hull.last));
            return match hull.count <= hull.last + 1 - hull.first && waited {
                true => Ok(()),
                false => Err(format!("{gap:?}; something had waited: {waited}")),
            };
        }
        if keeps.is_none() {
            called.check_first(hull.first)?;
            if !(has_expired || gap.reason == GapReason::Dropped) || !is_whole {
                return Err(format!("{gap:?}"));
            }
            return called.track.told(hull.epoch, hull.first, hull.last).map(drop);
        }
        if !(has_expired || matches!(gap.reason, GapReason::Dropped | GapReason::Conflated)) {
            return Err(format!("{gap:?}"));
        }
        called.book.gap(hull, waited)?;
        // Topics of calls are counted behind all others.
        let topic = TOPICS.len() + 2 * callback + method;
        match resumes && gap.reason == GapReason::Dropped {
            true => Ok(()),
            false => self.conflated.check_alone(arrival.written.packet, gap, Some(topic)),
        }
    }

    fn called(&mut self, callback: usize, method: usize) -> &mut Called {
        let nothing = self.nothing_called();
        self.calls.entry((callback, method)).or_insert(nothing)
    }

    fn nothing_called(&self) -> Called {
        let mut called = Called::new();
        if self.was_folded {
            called.loosen(self.was_cut);
        }
        called
    }

    /// A gap of the whole lane stands here.
    pub(in crate::judge) fn loosen_calls(&mut self) {
        self.was_folded = true;
        self.calls.values_mut().for_each(|called| called.loosen(self.was_cut));
    }
}
