//! What must hold of a topic in a lane that conflates once nothing of it is under way.

use std::collections::{BTreeMap, BTreeSet};

use broker_protocol::frame::GapReason;

use super::book::{Book, Hull};
use crate::judge::lane::Lane;
use crate::judge::track::Told;
use crate::judge::truth::{Place, Truth};
use crate::judge::{Judge, Wrong};
use crate::plan::TOPICS;

/// What was published of a topic, as far as anybody saw it.
#[derive(Debug, Clone, Copy)]
pub(in crate::judge) struct Published<'a> {
    pub(super) truth: &'a Truth,
    pub(super) topic: usize,
    /// The last place that matters.
    pub(super) until: Place,
    /// Whether somebody saw everything.
    pub(super) whole: bool,
}

impl<'a> Published<'a> {
    /// What somebody saw of a topic.
    pub(in crate::judge) fn of(truth: &'a Truth, topic: usize) -> Self {
        Self { truth, topic, until: (u64::MAX, u64::MAX), whole: false }
    }

    /// An earliest place that is certainly for a book.
    fn due(&self, book: &Book) -> Option<Place> {
        self.truth.first_after(self.topic, book.accepted)
    }

    /// The places of each key from a place on, as far as they matter.
    fn keys(&self, from: Place) -> BTreeMap<&str, BTreeSet<Place>> {
        let mut keys: BTreeMap<&str, BTreeSet<Place>> = BTreeMap::new();
        let placed = self.truth.placed_from(self.topic, from);
        for (place, record) in placed.take_while(|(place, _)| *place <= self.until) {
            keys.entry(self.truth.key(record)).or_default().insert(place);
        }
        keys
    }

    /// How many were published from a place on; what a book was told of was published.
    fn count(&self, from: Place, book: &Book) -> u64 {
        let mut epochs = self.truth.epochs(self.topic);
        epochs.extend(book.epochs());
        let count = |epoch: u64| {
            let last = self.truth.last_in(self.topic, epoch).max(book.newest_in(epoch));
            let first = if epoch == from.0 { from.1 } else { 1 };
            (last + 1).saturating_sub(first)
        };
        epochs.range(from.0..).map(|epoch| count(*epoch)).sum()
    }
}

impl Book {
    /// Where it begins, as far as that is known.
    pub(in crate::judge) fn begins(&self, of: Published<'_>) -> Option<Place> {
        self.begin(of.due(self))
    }

    /// How much gaps of the whole lane must have told of it.
    pub(super) fn untold(&self, of: Published<'_>) -> Result<Told, String> {
        let begin = self.begin(of.due(self));
        let (published, told) = (begin.map_or(0, |begin| of.count(begin, self)), self.told());
        let Some(least) = published.checked_sub(told) else {
            return Err(format!("{told} were told, and {published} published since {begin:?}"));
        };
        if !self.loose && least > 0 {
            return Err(format!("{told} were told of {published} published since {begin:?}"));
        }
        let most = match () {
            () if !self.loose || self.exact => least,
            () if of.whole => of.count((self.before.0, self.before.1 + 1), self) - told,
            () => u64::MAX,
        };
        Ok(Told { least, most })
    }

    /// If the first word was a gap, that started with the first one missing.
    pub(super) fn check_first_word(&self) -> Wrong {
        let first = self.gaps.iter().map(Hull::first).min();
        // An earlier one may have waited then, and be missed since.
        let expired = |gap: &Hull| {
            gap.reason == GapReason::Expired && Some(gap.first()) == self.first_missing
        };
        let excused = self.loose || self.gaps.iter().any(expired);
        match self.first_missing.is_none() || excused || self.first_missing == first {
            true => Ok(()),
            false => Err(format!("{:?} was told first; {first:?} was missed", self.first_missing)),
        }
    }

    /// What was known of a topic when the end of its subscription was asked for was told of.
    pub(super) fn check_reached(&self, known: Place, of: Published<'_>) -> Wrong {
        let begun = self.begin(of.due(self)).is_some_and(|begin| begin <= known);
        match begun && !self.loose && self.newest() < Some(known) {
            true => Err(format!("{known:?} was for it, and only {:?} was told", self.newest())),
            false => Ok(()),
        }
    }

    /// The newest values of every key have come, so many of each, but for those that were dropped.
    /// `lost` is whether a gap of the whole lane told of drops.
    pub(super) fn check_newest(&self, keep: usize, lost: bool, of: Published<'_>) -> Wrong {
        let Some(begin) = self.begin(of.due(self)) else { return Ok(()) };
        let lost = lost && self.loose;
        // What was dropped unseen may have been newer than what is known.
        if lost || (self.has_losses() && !of.whole) {
            return Ok(());
        }
        let dropped = |place: Place| {
            let mut drops = self.gaps.iter().filter(|gap| gap.is_of_losses());
            drops.any(|gap| gap.holds(place))
        };
        for (key, places) in of.keys(begin) {
            let newest = places.iter().rev().take(keep);
            let mut missing = newest.filter(|place| !self.delivered.contains(place));
            if let Some(place) = missing.find(|place| !dropped(**place)) {
                return Err(format!("{place:?} is among the newest {keep} of {key:?}: lost"));
            }
        }
        Ok(())
    }

    /// Every key came in the place of the oldest of it that waited: those places never step back.
    pub(super) fn check_turns(&self, of: Published<'_>) -> Wrong {
        let Some(begin) = self.begin(of.due(self)) else { return Ok(()) };
        // Where some were dropped it isn't known which was the oldest that was left.
        if self.loose || self.has_losses() || !of.whole {
            return Ok(());
        }
        let mut keys = of.keys(begin);
        let (mut last, mut turn) = (begin, None);
        for (place, key) in &self.came {
            let waiting = keys.get_mut(key.as_str()).ok_or("what came has a place")?;
            let oldest = waiting.first().copied().ok_or("what came has a place")?;
            *waiting = waiting.split_off(&(place.0, place.1 + 1));
            if turn.replace(key) == Some(key) {
                continue;
            }
            if oldest < last {
                return Err(format!("{key:?} waited from {oldest:?} on; {last:?} had its turn"));
            }
            last = oldest;
        }
        Ok(())
    }
}

impl Judge {
    /// Everything was told, exactly, and the newest of every key came.
    /// `told` is what else gaps of the whole lane must have told of.
    pub(in crate::judge) fn check_conflated(
        &self,
        lane: &Lane,
        keep: usize,
        mut told: Told,
    ) -> Wrong {
        for (topic, book) in &lane.conflated.books {
            let of = Published { whole: self.auditor, ..Published::of(&self.truth, *topic) };
            let wrong = |what| format!("{} at rest: {what}", TOPICS[*topic]);
            told.add(book.untold(of).map_err(wrong)?);
            book.gaps.iter().try_for_each(|gap| book.check_room(*gap)).map_err(wrong)?;
            book.check_newest(keep, lane.conflated.lost, of).map_err(wrong)?;
            // What is held back has its turn when it may.
            if !lane.is_paced() {
                book.check_first_word().map_err(wrong)?;
                book.check_turns(of).map_err(wrong)?;
            }
        }
        for (topic, book) in &lane.conflated.left {
            let of = Published { whole: self.auditor, ..Published::of(&self.truth, *topic) };
            let Told { most, .. } = book.untold(of)?;
            told.add(Told { least: 0, most });
        }
        // Without somebody who sees everything some may be told of in no other way.
        let most = if self.auditor { told.most } else { u64::MAX };
        match told.least <= lane.folded && lane.folded <= most {
            true => Ok(()),
            false => Err(format!("gaps of the lane told {}; missing are {told:?}", lane.folded)),
        }
    }

    /// With somebody who saw everything, it is known where books can begin anew.
    pub(in crate::judge) fn close_books(&mut self) {
        if !self.auditor {
            return;
        }
        self.close_calls();
        let lanes = self.views.iter_mut().flat_map(|view| view.lanes.values_mut());
        for lane in lanes.filter(|lane| lane.keeps().is_some()) {
            lane.folded = 0;
            let begun = lane.conflated.beginnings(|topic| Published::of(&self.truth, topic));
            let whole: Vec<usize> = begun.into_iter().map(|(topic, _)| topic).collect();
            lane.settle_documents(&whole);
            (lane.conflated.left, lane.conflated.lost) = (Vec::new(), false);
            for (topic, book) in &mut lane.conflated.books {
                book.close(self.truth.last(*topic));
            }
        }
    }
}
