//! One lane as its client sees it.

use std::collections::BTreeMap;

use broker_protocol::frame::{Accepted, Keep, LaneOptions, Overflow};

use super::conflated::Conflated;
use super::merged::{Documents, Ended};
use super::sends::ToldOfSends;
use super::track::{Told, Track};
use super::{Called, Wrong};

/// One lane as its client sees it.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) granted: LaneOptions,
    /// The last command that changed that: its answer overtakes those of commands before it.
    updated_by: u64,
    /// Topics, where the lane keeps all.
    pub(crate) tracks: BTreeMap<usize, Track>,
    /// The last message of each publisher.
    pub(crate) publishers: BTreeMap<usize, usize>,
    /// What gaps of the whole lane counted, and what they must have counted.
    pub(crate) folded: u64,
    pub(crate) told: Told,
    /// What was covered until behind a gap of the whole lane.
    pub(crate) left: Vec<(usize, Track)>,
    /// Messages to the client by name: the last place, what gaps told of them.
    pub(super) sent: Option<(u64, u64)>,
    pub(super) told_of_sends: ToldOfSends,
    /// Whether callbacks are called here, and their calls by callback and method.
    pub(crate) is_of_calls: bool,
    pub(super) calls: BTreeMap<(usize, usize), Called>,
    /// Whether a gap of the whole lane ever stood here.
    pub(super) was_folded: bool,
    /// What came in the flush that released what waited: its number, messages and bytes.
    pub(crate) released: (u64, u32, u64),
    /// Topics, where the lane conflates.
    pub(crate) conflated: Conflated,
    /// What its messages made of each key, where it merges, and had made at the last time of rest.
    pub(crate) documents: Documents,
    pub(crate) settled: Documents,
    /// Those of topics that it covered until some place, since the last time of rest.
    pub(super) ended: Vec<Ended>,
    /// The largest bounds that it may have had since the last time of rest.
    pub(crate) most: (u32, u64),
    /// Whether its rule changes while it lives.
    pub(crate) is_fickle: bool,
    /// Whether it lost some with a link.
    pub(crate) was_cut: bool,
    /// Whether it was sent what is retained since the last time of rest, or is about to be.
    pub(crate) fell_back: bool,
}

impl Lane {
    /// How many newest of each key survive in it, if it conflates: one, where that changes.
    pub(crate) fn keeps(&self) -> Option<usize> {
        match self.granted.keep {
            _ if self.is_fickle => Some(1),
            Some(Keep::Latest(newest)) => Some(newest as usize),
            Some(Keep::Merge) => Some(1),
            _ => None,
        }
    }

    /// Whether keys are held back for an interval.
    pub(crate) fn is_paced(&self) -> bool {
        self.granted.min_interval.is_some_and(|interval| interval > 0)
    }

    /// The answer to a command tells what is granted, unless a later one changed that.
    pub(super) fn grant(&mut self, accepted: &Accepted) -> Wrong {
        let granted = accepted.granted.clone().ok_or("nothing is granted")?;
        if accepted.id > self.updated_by {
            self.granted = granted;
        }
        self.widen(&self.granted.clone());
        Ok(())
    }

    /// The same of one that changes that.
    pub(super) fn update(&mut self, accepted: &Accepted) -> Wrong {
        self.grant(accepted)?;
        self.updated_by = self.updated_by.max(accepted.id);
        Ok(())
    }

    /// Something is granted, or wished.
    pub(crate) fn widen(&mut self, options: &LaneOptions) {
        let (messages, bytes) = &mut self.most;
        *messages = options.bound_messages.unwrap_or_default().max(*messages);
        *bytes = options.bound_bytes.unwrap_or_default().max(*bytes);
    }

    /// Nothing waits: only what is granted now counts from here on.
    pub(crate) fn settle(&mut self) {
        (self.most, self.fell_back) = (Default::default(), false);
        self.tracks.values_mut().for_each(Track::settle);
        self.calls.values_mut().for_each(Called::settle);
        self.widen(&self.granted.clone());
    }

    /// Nothing is covered here any more.
    pub(super) fn forget_all(&mut self) {
        let tracks = std::mem::take(&mut self.tracks).into_iter();
        self.left.extend(tracks.filter(|(_, track)| track.is_loose()));
        self.conflated.end_all();
    }

    /// Another link carries it.
    pub(crate) fn begin_again(&mut self) {
        self.conflated.begin_again();
        self.released = (0, 0, 0);
    }

    /// What was wished was granted, or less of it.
    pub(crate) fn check_granted(&self, wished: &LaneOptions) -> Wrong {
        let granted = &self.granted;
        let keep = wished.keep.unwrap_or_default();
        let overflow = match (wished.overflow, keep) {
            (None, Keep::All) => granted.overflow,
            (None, _) => Some(Overflow::DropOldest),
            (wished, _) => wished,
        };
        let messages =
            wished.bound_messages.is_none_or(|_| granted.bound_messages <= wished.bound_messages);
        let bytes = wished.bound_bytes.is_none_or(|_| granted.bound_bytes <= wished.bound_bytes);
        match granted.keep == Some(keep) && granted.overflow == overflow && messages && bytes {
            true => Ok(()),
            false => Err(format!("{granted:?} was granted for {wished:?}")),
        }
    }
}
