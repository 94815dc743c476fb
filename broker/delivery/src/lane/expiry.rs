//! Messages whose time is over while they wait: they aren't delivered, and told in their place. Frames
//! are outside the books, and go without a word.
//!
//! Only who waits looks, and only at what would be sent next: what lies behind may still expire.

use std::time::Duration;

use super::{Entries, Extent, Frame, GapReason, Item, Lane, Ledger, Missing, Skipped};

impl<F: Frame> Lane<F> {
    /// Leaves out what has expired of what is to be sent next, as far as `bytes_max` bytes of the rest
    /// reach. To be called behind [`conflate`](Lane::conflate), where anything expires at all. Returns
    /// how many frames went.
    pub fn expire(&mut self, now: Duration, bytes_max: u64, log: &mut impl Entries) -> u32 {
        let (mut place, mut room) = (0, bytes_max);
        let mut frames = self.expire_passed(now, bytes_max);
        while place < self.items.len() && room > 0 {
            let walked = self.walked.as_ref().map_or(0, |walked| walked.items());
            let (next, bytes) = match &self.items[place] {
                Item::Newest(_) => (place + 1, self.expire_values(place, now, log)),
                Item::Run(extent) if place >= walked => {
                    self.expire_messages(place, (*extent, None), (now, room), log)
                }
                Item::Addressed { extent, subscription } if place >= walked => {
                    self.expire_messages(place, (*extent, Some(*subscription)), (now, room), log)
                }
                item if item.is_expired_frame(now) => {
                    self.leave_out(place, log);
                    frames += 1;
                    (place, 0)
                }
                // They may be written shorter than they are counted.
                Item::Frame(_) | Item::Gaps(_) => (place + 1, 1),
                // Moving what was walked would lose the places of keys.
                Item::Run(_) | Item::Addressed { .. } => (place + 1, 0),
            };
            (place, room) = (next, room.saturating_sub(bytes));
        }
        if frames > 0 {
            self.rest_if_idle();
        }
        frames
    }

    /// Leaves out the frames that have expired of what was passed, if there are any within reach.
    fn expire_passed(&mut self, now: Duration, bytes_max: u64) -> u32 {
        let Some(passed) = &self.passed else { return 0 };
        let (mut reached, mut frames) = (passed.iter().take(bytes_max as usize), 0);
        if reached.any(|item| item.is_expired_frame(now)) {
            self.take_back_frames(|frame| {
                let expired = frame.has_expired(now);
                frames += u32::from(expired);
                expired
            });
        }
        frames
    }

    /// Leaves out the frame at a place. Keys have places behind the last frame only: these stay as they are
    /// when the number in front goes, in place of its own.
    fn leave_out(&mut self, place: usize, log: &mut impl Entries) {
        let Some(item) = self.items.remove(place) else { return };
        if let Item::Frame(frame) = &item {
            self.bytes -= frame.size();
        }
        if let Some(walked) = &mut self.walked
            && place < walked.items()
        {
            walked.leave(&item, log);
        }
    }

    /// Leaves out the first that have expired of the messages at a place. Returns where to go on, and
    /// how many bytes are left in front of that.
    fn expire_messages(
        &mut self,
        mut place: usize,
        (extent, subscription): (Extent, Option<u64>),
        (now, room): (Duration, u64),
        log: &mut impl Entries,
    ) -> (usize, u64) {
        let (mut bytes, mut entries) = (0, extent.entries());
        let first = entries.find(|entry| {
            let expired = bytes >= room || log.has_expired(*entry, now);
            bytes += if expired { 0 } else { u64::from(log.size(*entry)) };
            expired
        });
        let Some(first) = first.filter(|_| bytes < room) else { return (place + 1, bytes) };
        let end = entries.find(|entry| !log.has_expired(*entry, now)).unwrap_or(extent.end);
        let item = |extent| match subscription {
            None => Item::Run(extent),
            Some(subscription) => Item::Addressed { extent, subscription },
        };
        self.items.remove(place);
        if extent.start < first {
            self.items.insert(place, item(Extent { end: first, ..extent }));
            place += 1;
        }
        let gone = Extent { start: first, end };
        place = self.tell_expired(place, gone, subscription, log);
        if end < extent.end {
            self.items.insert(place, item(Extent { start: end, ..extent }));
        }
        (place, bytes)
    }

    /// Tells messages in the gap in front of a place, and lets them go. Returns the place behind it.
    fn tell_expired(
        &mut self,
        place: usize,
        gone: Extent,
        addressee: Option<u64>,
        log: &mut impl Entries,
    ) -> usize {
        let known = matches!(self.in_front_of(place), Some(Item::Gaps(_)));
        if !known {
            self.items.insert(place, Item::Gaps(Box::default()));
        }
        let place = place + usize::from(!known);
        let Some(Item::Gaps(ledger)) = self.in_front_of(place) else {
            unreachable!("a gap stands in front of what has expired");
        };
        let before = ledger.bytes();
        gone.entries().for_each(|entry| tell(ledger, entry, addressee, log));
        let after = ledger.bytes();
        self.gap_bytes = self.gap_bytes - before + after;
        self.count_expired(gone, log);
        place
    }

    fn in_front_of(&mut self, place: usize) -> Option<&mut Item<F>> {
        match place.checked_sub(1) {
            Some(before) => self.items.get_mut(before),
            None => self.passed.as_mut()?.back_mut(),
        }
    }

    /// Leaves out what has expired of the values of a key. Returns how many bytes are left of them.
    fn expire_values(&mut self, place: usize, now: Duration, log: &mut impl Entries) -> u64 {
        let Some(Item::Newest(newest)) = self.items.get_mut(place) else { return 0 };
        let (gone, left): (Vec<u64>, Vec<u64>) =
            newest.entries().partition(|entry| log.has_expired(*entry, now));
        let bytes = left.iter().map(|entry| u64::from(log.size(*entry))).sum();
        if gone.is_empty() {
            return bytes;
        }
        if left.is_empty() {
            let mut ledger = Box::<Ledger>::default();
            let (topic, epoch) = log.topic(newest.last());
            for (reason, skipped) in newest.take_skipped() {
                ledger.record(Missing { topic, epoch, skipped, reason, addressee: None });
            }
            gone.iter().for_each(|entry| tell(&mut ledger, *entry, None, log));
            if let Some(walked) = &mut self.walked {
                walked.forget_place(place, newest.last(), log);
            }
            self.gap_bytes += ledger.bytes();
            self.items[place] = Item::Gaps(ledger);
        } else {
            gone.iter().for_each(|entry| newest.skip(GapReason::Expired, log.seq(*entry)));
            newest.leave_only(left);
        }
        gone.iter().for_each(|entry| self.count_expired(Extent::one(*entry), log));
        bytes
    }

    fn count_expired(&mut self, gone: Extent, log: &mut impl Entries) {
        self.messages -= gone.len();
        self.bytes -= log.bytes(gone);
        self.books.expired += u64::from(gone.len());
        log.let_go(gone);
    }
}

fn tell(ledger: &mut Ledger, entry: u64, addressee: Option<u64>, log: &impl Entries) {
    let ((topic, epoch), skipped) = (log.topic(entry), Skipped::one(log.seq(entry)));
    ledger.record(Missing { topic, epoch, skipped, reason: GapReason::Expired, addressee });
}

#[cfg(test)]
mod tests;
