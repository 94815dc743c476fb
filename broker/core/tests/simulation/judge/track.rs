//! One topic in one lane, while some subscription of the lane covers it.

use super::truth::Place;

/// One topic in one lane, while some subscription of the lane covers it.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    /// What was known to be taken when the subscription was asked for: not for it.
    before: Place,
    /// When the subscription was accepted: what is published later is for it.
    pub(crate) accepted: u64,
    pub(crate) first: Option<Place>,
    /// The next place that has to be told of.
    next: Option<Place>,
    /// Whether a gap of the whole lane may have told of some.
    loose: bool,
    /// Up to where a gap of what has expired may have told of some.
    loose_until: Option<Place>,
    /// Whether such a gap may be among what was lost with a link, and what it told of stand behind others.
    stays_loose: bool,
    /// Whether it may have told of the first.
    was_loose: bool,
    /// Whether topics are never forgotten.
    one_epoch: bool,
    /// The subscription that brought it here from another lane, and where it begins, if that is known.
    pub(crate) moved: Option<u64>,
    pub(crate) begins: Option<Place>,
    /// Earlier epochs, and the next place in each.
    pub(crate) finished: Vec<Place>,
}

/// How many messages a gap of the whole lane must have told of, at least and at most.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    pub(crate) least: u64,
    pub(crate) most: u64,
}

impl Told {
    fn exactly(count: u64) -> Self {
        Self { least: count, most: count }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.least += other.least;
        self.most = self.most.saturating_add(other.most);
    }
}

impl Track {
    pub(crate) fn new(before: Place, accepted: u64, one_epoch: bool) -> Self {
        Self {
            before,
            accepted,
            first: None,
            next: None,
            loose: false,
            loose_until: None,
            stays_loose: false,
            was_loose: false,
            one_epoch,
            moved: None,
            begins: None,
            finished: Vec::new(),
        }
    }

    /// A gap of the whole lane stands here.
    pub(crate) fn loosen(&mut self) {
        self.loose = true;
    }

    /// What has expired may have been told in front of messages, and got lost alone.
    pub(crate) fn stay_loose(&mut self) {
        (self.loose, self.stays_loose) = (true, true);
    }

    /// Nothing of that is under way any more.
    pub(crate) fn settle(&mut self) {
        self.stays_loose = false;
    }

    /// Whether this place is known to be the next.
    pub(crate) fn awaits(&self, place: Place) -> bool {
        self.next == Some(place) && !self.loose
    }

    /// A gap stands here that tells of some up to a place; the others come.
    pub(crate) fn loosen_until(&mut self, last: Place) {
        (self.loose, self.loose_until) = (true, Some(last));
    }

    pub(crate) fn is_loose(&self) -> bool {
        self.loose
    }

    /// Everything from `first` to `last` is told of, by a message or a gap.
    pub(crate) fn told(&mut self, epoch: u64, first: u64, last: u64) -> Result<Told, String> {
        let missing = self.step_to((epoch, first))?;
        self.was_loose |= self.first.is_none() && self.loose;
        self.first.get_or_insert((epoch, first));
        self.next = Some((epoch, last + 1));
        self.loose_until = self.loose_until.filter(|until| *until > (epoch, last));
        self.loose = self.stays_loose || self.loose_until.is_some();
        Ok(missing)
    }

    fn step_to(&mut self, place: Place) -> Result<Told, String> {
        let (epoch, seq) = place;
        match self.next {
            None if place <= self.before => {
                Err(format!("{place:?} was taken before the subscription was asked for"))
            }
            None if self.loose => Ok(Told { least: 0, most: self.most_since_before(place) }),
            None => Ok(Told::default()),
            Some(next) if place < next => Err(format!("{place:?} where {next:?} was to come")),
            Some(next) if next.0 == epoch && seq > next.1 && !self.loose => {
                Err(format!("{place:?} came, and nothing tells of {} to {}", next.1, seq - 1))
            }
            Some(next) if next.0 == epoch => Ok(Told::exactly(seq - next.1)),
            Some(next) => self.turn_epoch(next, seq),
        }
    }

    fn most_since_before(&self, (epoch, seq): Place) -> u64 {
        match self.before.0 {
            before if before == epoch => seq - self.before.1 - 1,
            // Nothing was known, and there was nothing in an earlier epoch.
            0 if self.one_epoch => seq - 1,
            _ => u64::MAX,
        }
    }

    fn turn_epoch(&mut self, next: Place, seq: u64) -> Result<Told, String> {
        if self.loose {
            return Ok(Told { least: seq - 1, most: u64::MAX });
        }
        self.finished.push(next);
        match seq {
            1 => Ok(Told::default()),
            _ => Err(format!("a new epoch began with {seq}")),
        }
    }

    /// Where it ends, if all up to there was told of exactly.
    pub(crate) fn end(&self) -> Option<Place> {
        self.next.filter(|_| !self.loose)
    }

    /// What came here first follows on what came last in the lane before.
    pub(crate) fn check_beginning(&self) -> Result<(), String> {
        let (Some(begins), Some(first)) = (self.begins, self.first) else { return Ok(()) };
        match begins.0 != first.0 || first == begins || self.was_loose {
            true => Ok(()),
            false => Err(format!("{begins:?} was next when it moved here; first came {first:?}")),
        }
    }

    /// The place up to which everything must be told of by now, checked.
    pub(crate) fn must_reach(&self, last: Place, first_due: Option<Place>) -> Result<(), String> {
        let reached = match self.next {
            Some((epoch, seq)) => (epoch, seq) > last,
            None => first_due.is_none_or(|due| due > last),
        };
        if reached || self.loose {
            return Ok(());
        }
        Err(format!("{last:?} is known, and only what is before {:?} was told of", self.next))
    }

    /// How much a gap of the whole lane must have told of behind the last message.
    pub(crate) fn tail(&self, last: Place) -> Told {
        match self.next {
            _ if !self.loose => Told::default(),
            Some((epoch, seq)) if epoch == last.0 => {
                Told::exactly((last.1 + 1).saturating_sub(seq))
            }
            Some(_) => Told { least: 0, most: u64::MAX },
            None if last <= self.before => Told::default(),
            None => Told { least: 0, most: self.most_since_before(last).saturating_add(1) },
        }
    }
}
