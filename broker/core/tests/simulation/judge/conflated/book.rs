//! One topic in one lane that conflates, while some subscription of the lane covers it.

use std::collections::{BTreeMap, BTreeSet};

use broker_protocol::frame::GapReason;

use crate::judge::Wrong;
use crate::judge::truth::Place;

/// What a gap of one topic told.
#[derive(Debug, Clone, Copy)]
pub(in crate::judge) struct Hull {
    pub(in crate::judge) epoch: u64,
    pub(in crate::judge) first: u64,
    pub(in crate::judge) last: u64,
    pub(in crate::judge) count: u64,
    pub(in crate::judge) reason: GapReason,
}

/// One topic in one lane that conflates, since its subscription began or the last time of rest.
///
/// Messages of different keys overtake each other and hulls of gaps overlap: what is exact are
/// counts, the order within each key, and both ends of each hull.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    /// What was known to be taken when the subscription was asked for: not for it.
    pub(in crate::judge) before: Place,
    /// Whether everything behind `before` is for it.
    pub(in crate::judge) exact: bool,
    /// When the subscription was accepted: what is published later is for it.
    pub(in crate::judge) accepted: u64,
    /// What came, in the order in which it came: place and key.
    pub(in crate::judge) came: Vec<(Place, String)>,
    pub(in crate::judge) delivered: BTreeSet<Place>,
    pub(in crate::judge) gaps: Vec<Hull>,
    /// The ends of all gaps: these are missing for certain.
    missing: BTreeSet<Place>,
    newest_of_key: BTreeMap<String, Place>,
    /// Where the gaps in front of the first message start.
    pub(in crate::judge) first_missing: Option<Place>,
    /// Whether a gap of the whole lane may have told of some.
    pub(in crate::judge) loose: bool,
    /// The subscription that brought it here from another lane.
    pub(in crate::judge) moved: Option<u64>,
}

impl Hull {
    pub(in crate::judge) fn holds(&self, place: Place) -> bool {
        place.0 == self.epoch && (self.first..=self.last).contains(&place.1)
    }

    pub(in crate::judge) fn first(&self) -> Place {
        (self.epoch, self.first)
    }

    fn last(&self) -> Place {
        (self.epoch, self.last)
    }
}

impl Book {
    pub(crate) fn new(before: Place, accepted: u64) -> Self {
        Self {
            before,
            exact: false,
            accepted,
            came: Vec::new(),
            delivered: BTreeSet::new(),
            gaps: Vec::new(),
            missing: BTreeSet::new(),
            newest_of_key: BTreeMap::new(),
            first_missing: None,
            loose: false,
            moved: None,
        }
    }

    /// It came from another lane, which ended in front of a place.
    pub(in crate::judge) fn begins_at(&mut self, (epoch, seq): Place) -> Wrong {
        let first = self.delivered.first().into_iter().chain(self.missing.first()).min();
        if self.exact || self.loose || first.is_some_and(|first| first.0 != epoch) {
            return Ok(());
        }
        (self.before, self.exact) = ((epoch, seq - 1), true);
        match first.is_none_or(|first| *first >= (epoch, seq)) {
            true => Ok(()),
            false => Err(format!("{first:?} came in the lane before, too")),
        }
    }

    /// Everything up to a place was told of: the books begin anew behind it.
    pub(in crate::judge) fn close(&mut self, last: Place) {
        *self = Self { exact: true, ..Self::new(self.before.max(last), self.accepted) };
    }

    /// A message came; `waited` is whether anything waited for this link.
    pub(in crate::judge) fn message(&mut self, place: Place, key: &str, waited: bool) -> Wrong {
        self.check_place(place)?;
        if !waited {
            self.check_next(place)?;
        }
        let last = self.newest_of_key.insert(key.to_owned(), place);
        if last.is_some_and(|last| last >= place) {
            return Err(format!("key {key:?} steps back from {last:?} to {place:?}"));
        }
        self.delivered.insert(place);
        self.came.push((place, key.to_owned()));
        Ok(())
    }

    /// Where nothing had waited, everything in front was told, and nothing is left out.
    fn check_next(&self, place: Place) -> Wrong {
        self.check_balanced()?;
        let Some(newest) = self.newest().filter(|_| !self.loose) else { return Ok(()) };
        let next = if place.0 > newest.0 { 1 } else { newest.1 + 1 };
        match place.0 >= newest.0 && place.1 == next {
            true => Ok(()),
            false => Err(format!("{place:?} behind {newest:?}, and nothing had waited")),
        }
    }

    /// A gap stands in front of what came instead; `key_of` knows some messages' keys.
    pub(in crate::judge) fn check_in_front<'a>(
        &self,
        gap: Hull,
        key_of: impl Fn(Place) -> Option<&'a str>,
    ) -> Wrong {
        for end in [gap.first(), gap.last()] {
            let newest = key_of(end).and_then(|key| self.newest_of_key.get(key));
            if newest.is_some_and(|newest| *newest > end) {
                return Err(format!("{gap:?} behind {newest:?} of the same key"));
            }
        }
        Ok(())
    }

    pub(in crate::judge) fn gap(&mut self, gap: Hull, waited: bool) -> Wrong {
        let hull = (gap.last + 1).saturating_sub(gap.first);
        let fits = if gap.count == 1 { hull == 1 } else { (2..=hull).contains(&gap.count) };
        if !fits || !waited {
            return Err(format!("{gap:?} of {hull} places; something had waited: {waited}"));
        }
        self.check_place(gap.first())?;
        self.check_place(gap.last())?;
        if self.came.is_empty() {
            self.first_missing = self.first_missing.into_iter().chain([gap.first()]).min();
        }
        self.missing.extend([gap.first(), gap.last()]);
        self.gaps.push(gap);
        self.check_room(gap)
    }

    /// Whether what has this place, or none that is known, may be for it.
    pub(in crate::judge) fn may_hold(&self, place: Option<Place>) -> bool {
        place.is_none_or(|place| place > self.before)
    }

    /// A place that nothing told of yet.
    fn check_place(&self, place: Place) -> Wrong {
        match place {
            _ if place <= self.before => Err(format!("{place:?} is from before its time")),
            _ if self.delivered.contains(&place) => Err(format!("{place:?} came already")),
            _ if self.missing.contains(&place) => Err(format!("{place:?} was told to be missing")),
            _ => Ok(()),
        }
    }

    /// What a gap counts found room between what came.
    pub(in crate::judge) fn check_room(&self, gap: Hull) -> Wrong {
        let came = self.delivered.range(gap.first()..=gap.last()).count() as u64;
        match gap.count + came <= gap.last - gap.first + 1 {
            true => Ok(()),
            false => Err(format!("{gap:?}, and {came} from within came")),
        }
    }

    /// Where nothing may pass, nothing is left out of what was told so far.
    pub(in crate::judge) fn check_balanced(&self) -> Wrong {
        let Some(begin) = self.begin(None).filter(|_| !self.loose) else { return Ok(()) };
        for epoch in self.epochs() {
            let first = if epoch == begin.0 { begin.1 } else { 1 };
            let (told, last) = (self.told_in(epoch), self.newest_in(epoch));
            if told != (last + 1).saturating_sub(first) {
                return Err(format!("{told} were told of {first} to {last} of epoch {epoch}"));
            }
        }
        Ok(())
    }

    /// Where it begins, as far as that is known; `due` is certainly for it.
    pub(in crate::judge) fn begin(&self, due: Option<Place>) -> Option<Place> {
        if self.exact {
            return Some((self.before.0, self.before.1 + 1));
        }
        let told = self.gaps.iter().map(Hull::first).chain(self.delivered.first().copied());
        told.chain(due).min()
    }

    /// The newest place that was told of.
    pub(in crate::judge) fn newest(&self) -> Option<Place> {
        let missing = self.missing.last();
        missing.into_iter().chain(self.delivered.last()).max().copied()
    }

    pub(in crate::judge) fn newest_in(&self, epoch: u64) -> u64 {
        let of_epoch = (epoch, 0)..(epoch + 1, 0);
        let missing = self.missing.range(of_epoch.clone()).last();
        missing.into_iter().chain(self.delivered.range(of_epoch).last()).max().map_or(0, |p| p.1)
    }

    pub(in crate::judge) fn epochs(&self) -> BTreeSet<u64> {
        self.missing.iter().chain(&self.delivered).map(|place| place.0).collect()
    }

    fn told_in(&self, epoch: u64) -> u64 {
        let gaps = self.gaps.iter().filter(|gap| gap.epoch == epoch);
        let came = self.delivered.range((epoch, 0)..(epoch + 1, 0)).count() as u64;
        came + gaps.map(|gap| gap.count).sum::<u64>()
    }

    /// How many messages and counts of gaps told of it.
    pub(in crate::judge) fn told(&self) -> u64 {
        self.delivered.len() as u64 + self.gaps.iter().map(|gap| gap.count).sum::<u64>()
    }

    pub(in crate::judge) fn has_losses(&self) -> bool {
        self.gaps.iter().any(Hull::is_of_losses)
    }
}
