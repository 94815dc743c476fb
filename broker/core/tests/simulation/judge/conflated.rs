//! Lanes that conflate: of each key the newest come, and what they replaced is counted.

mod book;
mod rest;

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use broker_protocol::frame::{self, BrokerFrame, GapReason, Keep};

use super::lane::Lane;
use super::resume::is_counted;
use super::truth::Place;
use super::{Arrival, Judge, Sub, Truth, Wrong};
use crate::plan::{TOPICS, matches};
pub(crate) use book::Book;
pub(super) use book::Hull;
pub(super) use rest::Published;

/// What is special about a lane that conflates.
#[derive(Debug, Default)]
pub(crate) struct Conflated {
    books: BTreeMap<usize, Book>,
    /// What was covered until behind a gap of the whole lane.
    left: Vec<(usize, Book)>,
    /// Whether a gap of the whole lane told of drops.
    lost: bool,
    /// The packet that arrives, and of what its gaps told behind the last barrier.
    packet: (u64, BTreeSet<(Option<usize>, u64, GapReason)>),
}

impl Hull {
    pub(super) fn of(gap: &frame::Gap) -> Option<Self> {
        let (epoch, first, last) = (gap.epoch?, gap.first_seq?, gap.last_seq?);
        Some(Self { epoch, first, last, count: gap.count, reason: gap.reason })
    }

    fn is_of_losses(&self) -> bool {
        matches!(self.reason, GapReason::Dropped | GapReason::Expired)
    }
}

impl Conflated {
    /// Nothing is covered any more.
    pub(super) fn end_all(&mut self) {
        let loose = std::mem::take(&mut self.books).into_iter().filter(|(_, book)| book.loose);
        self.left.extend(loose);
    }

    /// Returns the topics that weren't covered until now.
    pub(super) fn begin(&mut self, sub: &Sub, accepted: u64, moved: Option<u64>) -> Vec<usize> {
        let covered = TOPICS.iter().enumerate().filter(|(_, name)| matches(&sub.filter, name));
        let begun = covered.filter_map(|(topic, _)| match self.books.entry(topic) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => {
                vacant.insert(Book::new(sub.snapshot[topic], accepted)).moved = moved;
                Some(topic)
            }
        });
        begun.collect()
    }

    /// A topic that a subscription brought here ended in the lane before at a place.
    pub(super) fn begins_at(&mut self, topic: usize, number: u64, place: Place) -> Wrong {
        match self.books.get_mut(&topic) {
            Some(book) if book.moved == Some(number) => book.begins_at(place),
            _ => Ok(()),
        }
    }

    /// Where the topics begin of which nothing was lost.
    pub(super) fn beginnings<'a>(
        &self,
        of: impl Fn(usize) -> Published<'a>,
    ) -> Vec<(usize, Place)> {
        let whole = self.books.iter().filter(|(_, book)| !book.loose && !book.has_losses());
        let begun = whole.filter_map(|(topic, book)| Some((*topic, book.begins(of(*topic))?)));
        begun.collect()
    }

    /// Packets are counted anew.
    pub(super) fn begin_again(&mut self) {
        self.packet = (0, BTreeSet::new());
    }

    pub(super) fn end(
        &mut self,
        known: Place,
        keep: usize,
        of: Published<'_>,
    ) -> Result<(Option<Place>, Book), String> {
        let book = self.books.remove(&of.topic).ok_or("what was covered has a book")?;
        let of = Published { until: book.newest().unwrap_or_default(), ..of };
        book.check_reached(known, of)?;
        book.check_newest(keep, self.lost, of)?;
        let newest = book.newest().filter(|_| !book.loose);
        if book.loose {
            self.left.push((of.topic, book.clone()));
        }
        Ok((newest.map(|(epoch, seq)| (epoch, seq + 1)), book))
    }

    /// At most one gap of each topic and reason stands in a packet, or in front of a barrier there.
    pub(super) fn check_alone(
        &mut self,
        packet: u64,
        gap: &frame::Gap,
        topic: Option<usize>,
    ) -> Wrong {
        if self.packet.0 != packet {
            self.packet = (packet, BTreeSet::new());
        }
        match self.packet.1.insert((topic, gap.epoch.unwrap_or_default(), gap.reason)) {
            true => Ok(()),
            false => Err(format!("{gap:?}, the second in its packet")),
        }
    }
}

/// Whether no value moves across this frame of a lane.
fn is_barrier(frame: &BrokerFrame<'_>) -> bool {
    is_counted(frame) && !matches!(frame, BrokerFrame::Message(_) | BrokerFrame::Gap(_))
}

impl Judge {
    /// The lane to which what arrives belongs, and whether that conflates.
    pub(crate) fn lane_of(&self, client: usize, arrival: Arrival) -> (u8, bool) {
        let view = &self.views[client];
        let number = view.header(arrival).lane;
        (number, view.lanes.get(&number).is_some_and(|lane| lane.keeps().is_some()))
    }

    /// Where nothing moves across, everything in front was told.
    pub(super) fn check_barrier(
        &mut self,
        client: usize,
        arrival: Arrival,
        frame: &BrokerFrame<'_>,
    ) -> Wrong {
        let number = self.views[client].header(arrival).lane;
        let is_value = matches!(frame, BrokerFrame::Message(_)) && self.is_value(client, arrival);
        let lane = self.views[client].lanes.get_mut(&number);
        let Some(lane) = lane.filter(|_| is_value || is_barrier(frame)) else { return Ok(()) };
        lane.conflated.packet.1.clear();
        for (topic, book) in &lane.conflated.books {
            let told = |what| format!("{} at {}: {what}", TOPICS[*topic], frame.name());
            book.check_balanced().map_err(told)?;
        }
        let mut calls = lane.calls.values();
        let told = |what| format!("calls at {}: {what}", frame.name());
        calls.try_for_each(super::Called::check_balanced).map_err(told)
    }

    pub(super) fn conflated_message(
        &mut self,
        client: usize,
        arrival: Arrival,
        topic: usize,
        message: &frame::Message<'_>,
        number: usize,
    ) -> Wrong {
        let lane_number = self.views[client].header(arrival).lane;
        let lane = self.views[client].lanes.get_mut(&lane_number).ok_or("its lane is open")?;
        let (name, paced) = (TOPICS[topic], lane.is_paced());
        let uncovered = || format!("{name} in lane {lane_number}, where nothing covers it");
        let book = lane.conflated.books.get_mut(&topic).ok_or_else(uncovered)?;
        let (place, key) = ((message.epoch, message.seq), self.truth.key(number));
        let found = book.message(place, key, arrival.written.waited || paced);
        lane.merge(topic, key, &message.body.payload);
        found.map_err(|what| format!("{name} in lane {lane_number}: {what}"))
    }

    pub(super) fn conflated_gap(
        &mut self,
        client: usize,
        arrival: Arrival,
        gap: &frame::Gap,
    ) -> Wrong {
        let number = self.views[client].header(arrival).lane;
        let resumes = self.views[client].resumes;
        let lane = self.views[client].lanes.get_mut(&number).ok_or("its lane is open")?;
        let topic = match &gap.topic {
            Some(topic) => Some(Truth::topic(topic).ok_or("a gap of a topic that nobody uses")?),
            None => None,
        };
        let merges = lane.granted.keep == Some(Keep::Merge);
        let replaced = if merges { GapReason::Merged } else { GapReason::Conflated };
        let known = [GapReason::Dropped, GapReason::Expired, replaced].contains(&gap.reason);
        if gap.count == 0 || !(known || lane.is_fickle) {
            return Err(format!("{gap:?}"));
        }
        // Gaps of the whole lane keep their places, and what was sent before may be dropped in more of them
        // than one.
        if topic.is_some() && !(resumes && gap.reason == GapReason::Dropped) {
            lane.conflated.check_alone(arrival.written.packet, gap, topic)?;
        }
        match gap.reason {
            GapReason::Conflated => self.conflated += gap.count,
            GapReason::Merged => *self.happened.entry("merged").or_default() += gap.count,
            GapReason::Expired => *self.happened.entry("expired").or_default() += gap.count,
            _ => {}
        }
        // What a lane discards until it is sent what is retained is told when that comes.
        let waited = arrival.written.waited || lane.resyncs() || lane.is_paced();
        let Some(topic) = topic else { return lane.folded(gap, waited, &self.truth) };
        let hull = Hull::of(gap).ok_or("a gap of a topic without place")?;
        let book = lane.conflated.books.get_mut(&topic).ok_or("a gap of what isn't covered")?;
        let key_of = |place| self.truth.key_at(topic, place);
        let found = book.gap(hull, waited).and(book.check_in_front(hull, key_of));
        found.map_err(|what| format!("{} in lane {number}: {what}", TOPICS[topic]))?;
        if gap.reason == GapReason::Expired {
            let ends = [hull.first, hull.last].map(|seq| (topic, (hull.epoch, seq), self.clock));
            self.expired.extend(ends);
        }
        self.truth.know(topic, (hull.epoch, hull.last));
        Ok(())
    }
}

impl Lane {
    /// A gap stands for all topics of the lane.
    fn folded(&mut self, gap: &frame::Gap, waited: bool, truth: &Truth) -> Wrong {
        self.folded += gap.count;
        self.loosen_calls();
        self.conflated.lost |= matches!(gap.reason, GapReason::Dropped | GapReason::Expired);
        self.conflated.books.values_mut().for_each(|book| book.loose = true);
        let books =
            self.conflated.books.iter().chain(self.conflated.left.iter().map(|(t, b)| (t, b)));
        let most = books.map(|(topic, book)| {
            let published = truth.published(*topic).filter(|record| book.may_hold(record.place));
            (published.count() as u64).saturating_sub(book.told())
        });
        // How many were called isn't known before all who call are heard.
        let most = if self.is_of_calls { u64::MAX } else { most.sum::<u64>() };
        match waited && self.folded <= most {
            true => Ok(()),
            false => Err(format!("{gap:?} makes {}; at most {most} are missing", self.folded)),
        }
    }
}
