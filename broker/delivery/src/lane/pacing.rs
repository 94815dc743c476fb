//! A lane with a minimum interval: what becomes of it as time passes.

use std::time::Duration;

use super::paced::{Named, Paced};
use super::walked::Walked;
use super::{Entries, Extent, Frame, Item, Lane, Newest};

impl<F: Frame> Lane<F> {
    /// Whether a key is delivered once in an interval at most.
    #[inline]
    pub fn is_paced(&self) -> bool {
        self.paced().is_some()
    }

    /// Lets go what was held until now, and holds what came too early. To be called before a lane
    /// that [is paced](Lane::is_paced) is asked whether something [is due](Lane::is_due).
    pub fn pace(&mut self, now: Duration, log: &mut impl Entries) {
        let Some(paced) = self.paced_mut() else { return };
        paced.now = now;
        let released = paced.release_due();
        if !released.is_empty() || self.is_unwalked() {
            self.walk_behind(released, log);
        }
    }

    /// Lets everything go at once that is held, and holds nothing any more.
    pub fn end_pace(&mut self, log: &mut impl Entries) {
        if let Some(mut paced) = self.walked.as_mut().and_then(|walked| walked.paced.take()) {
            let released = paced.release_all();
            self.walk_behind(released, log);
        }
    }

    /// Puts what is held among what waits, behind what was walked and in front of what came since, to
    /// be walked again: who gets it was away, and intervals begin anew.
    pub(super) fn put_held_back(&mut self) {
        let Some(walked) = &mut self.walked else { return };
        let count = walked.items().min(self.items.len());
        let Some(paced) = &mut walked.paced else { return };
        let since = self.items.split_off(count);
        self.items.extend(paced.release_all().into_iter().map(Item::Newest));
        self.items.extend(since);
    }

    /// When [`pace`](Lane::pace) is to be called at the latest.
    pub fn due(&self) -> Option<Duration> {
        self.paced()?.due()
    }

    /// How many keys were forgotten at the bound before their interval was over.
    pub fn forgotten(&self) -> u64 {
        self.paced().map_or(0, |paced| paced.forgotten)
    }

    fn paced(&self) -> Option<&Paced> {
        self.walked.as_ref()?.paced.as_deref()
    }

    fn paced_mut(&mut self) -> Option<&mut Paced> {
        self.walked.as_mut()?.paced.as_deref_mut()
    }

    pub(super) fn holds_any(&self) -> bool {
        self.paced().is_some_and(Paced::holds_any)
    }

    /// What is held of the log.
    pub(super) fn held_extents(&self) -> impl DoubleEndedIterator<Item = Extent> + '_ {
        let held = self.paced().into_iter().flat_map(Paced::all_held);
        held.flat_map(Newest::entries).map(Extent::one)
    }

    /// Begins anew, with nothing remembered.
    pub(super) fn set_pace(&mut self) {
        let interval = self.options.min_interval;
        let paced = (!interval.is_zero()).then(|| Paced::new(interval));
        self.walked = paced.map(|paced| Box::new(Walked::paced(paced)));
    }

    /// Follows a change of the options.
    pub(super) fn change_pace(&mut self, log: &mut impl Entries) {
        let interval = self.options.min_interval;
        match self.paced_mut() {
            Some(paced) if !interval.is_zero() => paced.interval = interval,
            Some(_) => self.end_pace(log),
            None if interval.is_zero() => {}
            None => {
                let walked = self.walked.get_or_insert_default();
                walked.paced = Some(Box::new(Paced::new(interval)));
            }
        }
    }

    /// Remembers that the key of an entry is delivered now.
    pub(super) fn remember(&mut self, entry: u64, log: &impl Entries) {
        if let Some(paced) = self.paced_mut() {
            paced.remember(Named::of(entry, log));
        }
    }

    /// Forgets keys, those that may be delivered again next, for as much as the bound allows to be
    /// left.
    pub(super) fn forget_beyond_bound(&mut self) {
        let (messages, bytes, bound) = (u64::from(self.messages), self.bytes(), self.options.bound);
        let Some(paced) = self.paced_mut() else { return };
        loop {
            let (keys, key_bytes) = paced.remembered();
            let fits =
                messages + keys <= u64::from(bound.messages) && bytes + key_bytes <= bound.bytes;
            if fits || !paced.forget_nearest() {
                return;
            }
            paced.forgotten += 1;
        }
    }

    /// Lets the key go that may be delivered next, so that there is something to drop. Returns whether
    /// something was held.
    pub(super) fn release_next(&mut self, log: &mut impl Entries) -> bool {
        let Some(released) = self.paced_mut().and_then(Paced::release_next) else {
            return false;
        };
        self.walk_behind(vec![released], log);
        true
    }
}

#[cfg(test)]
mod tests;
