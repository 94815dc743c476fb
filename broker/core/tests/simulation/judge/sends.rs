//! Messages to one client by name: each comes, is told to be missing, or is refused.

use std::collections::BTreeSet;

use broker_protocol::frame::{self, GapReason};

use super::lane::Lane;
use super::truth::{Kind, Record};
use super::{Arrival, Judge, Wrong};

/// How many messages gaps told of since the last time of rest: of what was sent by name, and of the whole
/// lane, where some of these may be among them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ToldOfSends {
    dropped: u64,
    expired: u64,
    dropped_of_lane: u64,
    expired_of_lane: u64,
}

/// How many may be missing: for whatever reason, and for another than that they expired.
#[derive(Debug, Clone, Copy, Default)]
struct Excuses {
    any: u64,
    dropped: u64,
}

impl ToldOfSends {
    /// A gap of the whole lane.
    pub(super) fn count_of_lane(&mut self, gap: &frame::Gap) {
        match gap.reason {
            GapReason::Expired => self.expired_of_lane += gap.count,
            _ => self.dropped_of_lane += gap.count,
        }
    }

    /// `of_others` is how many of those in gaps of the whole lane can't be messages of publishers.
    fn excuses(&self, of_others: u64) -> Excuses {
        let of_lane = self.dropped_of_lane + self.expired_of_lane;
        Excuses {
            any: self.dropped + self.expired + of_lane.min(of_others),
            dropped: self.dropped + self.dropped_of_lane.min(of_others),
        }
    }
}

impl Lane {
    /// A gap of messages by name.
    fn gap_of_sends(&mut self, gap: &frame::Gap) -> Wrong {
        let hull = gap.epoch.zip(gap.first_seq).zip(gap.last_seq);
        let Some(((epoch, first), last)) = hull else {
            return Err(format!("a gap of a topic without place: {gap:?}"));
        };
        let fits = gap.count > 0 && first <= last && gap.count <= last - first + 1;
        match gap.reason {
            // Those that come of these places stand behind it.
            GapReason::Expired if fits => {
                self.told_of_sends.expired += gap.count;
                Ok(())
            }
            GapReason::Dropped if fits && self.sent.is_none_or(|sent| (epoch, first) > sent) => {
                self.told_of_sends.dropped += gap.count;
                self.sent = Some((epoch, last));
                Ok(())
            }
            _ => Err(format!("{gap:?} after {:?}", self.sent)),
        }
    }
}

impl Judge {
    /// A message came to a client by name.
    pub(super) fn sent(
        &mut self,
        client: usize,
        lane: u8,
        message: &frame::Message<'_>,
        number: usize,
    ) -> Wrong {
        let view = &mut self.views[client];
        if lane != 0 || message.topic != format!("$to.{}", view.name) {
            return Err(format!("{} came to {} in lane {lane}", message.topic, view.name));
        }
        let place = (message.epoch, message.seq);
        let lane = view.lanes.get_mut(&0).ok_or("there is always a lane 0")?;
        if lane.sent.replace(place).is_some_and(|last| last >= place) {
            return Err(format!("{} steps back to {place:?}", message.topic));
        }
        self.truth.records[number].sent_to += 1;
        match self.truth.records[number].sent_to {
            1 => Ok(()),
            count => Err(format!("message {number} to one client came {count} times")),
        }
    }

    /// A gap tells of messages by name; `None` if it doesn't.
    pub(super) fn gap_of_sends(
        &mut self,
        client: usize,
        arrival: Arrival,
        gap: &frame::Gap,
    ) -> Option<Wrong> {
        let to = gap.topic.as_deref()?.strip_prefix("$to.")?;
        let view = &mut self.views[client];
        let number = view.header(arrival).lane;
        if number != 0 || to != view.name {
            return Some(Err(format!("{gap:?} came to {} in lane {number}", view.name)));
        }
        let found = view.lanes.get_mut(&0)?.gap_of_sends(gap);
        Some(found.and_then(|()| self.check_told(client, gap)))
    }

    /// No more is told to be missing, or to have expired, than may be.
    fn check_told(&mut self, client: usize, gap: &frame::Gap) -> Wrong {
        let name = self.views[client].name.clone();
        let what = match gap.reason {
            GapReason::Expired => "sends expired",
            _ => "sends dropped",
        };
        *self.happened.entry(what).or_default() += gap.count;
        let (mut dropped, mut expired) = (0, 0);
        for view in self.views.iter().filter(|view| view.name == name) {
            let told = view.lanes.get(&0).map(|lane| lane.told_of_sends).unwrap_or_default();
            dropped += told.dropped;
            expired += told.expired;
        }
        let gone: Vec<&Record> = self.truth.lost_since_rest(&Kind::Send(name)).collect();
        let may = gone.iter().filter(|record| record.may_have_expired(self.clock)).count() as u64;
        match expired <= may && dropped + expired <= gone.len() as u64 {
            true => Ok(()),
            false => Err(format!(
                "{gap:?}: {dropped} were told to be dropped and {expired} to have expired; {} never \
                 came, and {may} may have expired",
                gone.len()
            )),
        }
    }

    /// Of what was accepted for a client no more is missing than that was told of, unless it went.
    pub(super) fn check_sends(&mut self) -> Wrong {
        let mut records = self.truth.records.iter();
        if let Some(number) = records.position(|one| one.refused && one.sent_to > 0) {
            return Err(format!("message {number} was refused and came"));
        }
        let since = self.truth.since_rest();
        let names: BTreeSet<&String> = since.filter_map(|(_, record)| record.addressee()).collect();
        names.into_iter().try_for_each(|name| self.check_sends_to(name))?;
        self.truth.rest();
        let lanes = self.views.iter_mut().flat_map(|view| view.lanes.values_mut());
        lanes.for_each(|lane| lane.told_of_sends = ToldOfSends::default());
        Ok(())
    }

    fn check_sends_to(&self, name: &String) -> Wrong {
        let is_due = |record: &Record| {
            record.addressee() == Some(name)
                && record.acked
                && record.sent_to == 0
                && !self.truth.ended_since(name, record.step)
        };
        let missing: Vec<_> =
            self.truth.since_rest().filter(|(_, record)| is_due(record)).collect();
        let lasting: Vec<usize> = missing
            .iter()
            .filter(|(_, record)| !record.may_have_expired(self.clock))
            .map(|(number, _)| *number)
            .collect();
        let excuses = self.excuses_of(name)?;
        if lasting.len() as u64 > excuses.dropped || missing.len() as u64 > excuses.any {
            let numbers: Vec<usize> = missing.iter().map(|(number, _)| *number).collect();
            return Err(format!(
                "messages {numbers:?} were accepted and never came to {name}, and {lasting:?} of them \
                 can't have expired; told is {excuses:?}"
            ));
        }
        Ok(())
    }

    /// How many messages to a name gaps may have told of, of all sessions that are there.
    fn excuses_of(&self, name: &str) -> Result<Excuses, String> {
        let mut all = Excuses::default();
        for view in self.views.iter().filter(|view| view.name == name && !view.ended) {
            let lane = view.lanes.get(&0).ok_or("there is always a lane 0")?;
            let published = self.missing_of_lane(lane)?.least;
            let excuses = lane.told_of_sends.excuses(lane.folded.saturating_sub(published));
            all.any += excuses.any;
            all.dropped += excuses.dropped;
        }
        Ok(all)
    }

    /// How many messages to a client by name never came: they are in lane 0 too.
    pub(super) fn sent_in_vain(&self, name: &str) -> u64 {
        self.truth.lost(&Kind::Send(name.to_owned())).count() as u64
    }

    /// How many of a kind may have expired by now, and never came.
    pub(super) fn most_expired(&self, kind: &Kind) -> u64 {
        self.truth.lost(kind).filter(|record| record.may_have_expired(self.clock)).count() as u64
    }

    /// Whether a message was sent to one client by name, with a wish for an answer, and for good.
    pub(crate) fn is_due_send(&self, message: &frame::Message<'_>) -> bool {
        let number = super::data::number_in(&message.body).unwrap_or(usize::MAX);
        self.truth.records.get(number).is_some_and(|record| {
            record.addressee().is_some() && record.has_id && record.wish.expires_in.is_none()
        })
    }
}
