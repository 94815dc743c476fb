//! Lanes beside one that has as much on its way as its link takes.
//!
//! Such a lane waits until some of that has arrived. What others write meanwhile lies in the same buffers
//! in front of what it writes next: so much, over a slow link, that it would get a small part of the
//! link, and its values would be old when they arrive. So beside it lanes of lower priorities go on with
//! the eighth that all of them get, in equal parts, and each of the same priority that keeps everything with
//! as much as it, or as each of several. Each lane has an account of its own: none uses up what another may send.

use std::cmp::Ordering;
use std::time::Duration;

use crate::session::{Attachment, LaneSlot, Session, Window};

/// How many bytes a waiting lane is to have for each of all lanes of lower priority together.
pub(super) const TIMES_LOWER: u64 = 7;

/// What such a lane may send at once, in bytes, however small its share is: about what a segment takes.
/// What is too much is set off against what comes.
pub(super) const AT_ONCE_BYTES: usize = 1400;

impl LaneSlot {
    /// How much may be on its way of a lane that sends what its link takes, or waits until some of that
    /// has arrived.
    fn fills(&self, link: &Attachment) -> Option<u64> {
        let shortest = Duration::from_millis(link.shortest_trip.into());
        let follows = |window: &&Window| window.follows_its_link(shortest);
        let window = self.window.as_deref().filter(follows)?;
        let may_go = self.room() > 0 && !self.blocked;
        let fills = self.lane.is_due() && (may_go || window.is_under_way(self.blocked));
        fills.then_some(window.size())
    }

    fn priority(&self) -> u8 {
        self.lane.options().priority
    }

    /// Whether it has only a share beside another one while that fills its link: windows that are measured
    /// share evenly, and so do those of credit.
    fn gives_way_to(&self, other: &LaneSlot) -> bool {
        match other.priority().cmp(&self.priority()) {
            Ordering::Greater => true,
            Ordering::Equal => !self.lane.conflates() && other.lane.conflates(),
            Ordering::Less => false,
        }
    }
}

impl Session {
    /// Has what arrives measured of all lanes, where their priorities differ, and only there.
    pub(super) fn measure_beside(&mut self, now: Duration) {
        let separate_lanes = self.link.info.separate_lanes;
        let first = self.lanes.first().map(LaneSlot::priority);
        let differ = self.lanes.iter().any(|one| Some(one.priority()) != first);
        for one in &mut self.lanes {
            match differ {
                true => one.measure_beside(separate_lanes, now),
                false => drop(one.window.take_if(|window| !window.bounds())),
            }
        }
    }

    /// How many bytes another lane is to have for each of this one, and how much is on its way of it,
    /// if this one is beside such a one.
    fn beside(&self, place: usize) -> Option<(u64, u64)> {
        let own = &self.lanes[place];
        let others = self.lanes.iter().filter(|one| own.gives_way_to(one));
        let waiting = others.filter_map(|one| Some((one.priority(), one.fills(&self.link)?)));
        let (priority, size) = waiting.max()?;
        Some((if priority > own.priority() { self.times_lower(priority) } else { 1 }, size))
    }

    /// How many bytes one of that priority is to have for each of one of those lower ones that have
    /// something to send.
    fn times_lower(&self, priority: u8) -> u64 {
        let lower = self.lanes.iter().filter(|one| one.priority() < priority && one.lane.is_due());
        TIMES_LOWER * (lower.count().max(1) as u64)
    }

    /// How many bytes a lane may send now, as far as others are concerned; more than 0 allow one message
    /// at least.
    #[inline]
    pub(super) fn share_of(&self, place: usize) -> usize {
        // Mostly no lane has a window, and this is asked several times with each packet.
        if self.lanes.len() == 1 || !self.has_windows() {
            return usize::MAX;
        }
        match self.beside(place) {
            None => usize::MAX,
            Some((times, size)) => match u64::try_from(self.lanes[place].beside) {
                Ok(0) | Err(_) => 0,
                Ok(saved) => ((saved.min(size) / times) as usize).max(AT_ONCE_BYTES),
            },
        }
    }

    /// Whether some lane has to wait for its share.
    pub(super) fn waits_for_a_share(&self) -> bool {
        self.lanes.len() > 1
            && (0..self.lanes.len())
                .any(|place| self.lanes[place].lane.is_due() && self.share_of(place) == 0)
    }

    /// Counts what a lane sent, before that is struck off.
    pub(super) fn count_beside(&mut self, place: usize, bytes: usize) {
        if self.lanes.len() == 1 {
            return;
        }
        let whole = |bytes: u64| i32::try_from(bytes).unwrap_or(i32::MAX);
        let bytes = whole(bytes as u64);
        if self.has_windows()
            && let Some((times, size)) = self.beside(place)
        {
            // No debt is larger than what one window pays off, however large a message was.
            let times = times as i32;
            let least = whole(size).saturating_mul(times).saturating_neg();
            let own = &mut self.lanes[place].beside;
            *own = own.saturating_sub(bytes.saturating_mul(times)).max(least);
            return;
        }
        // Nobody of those that it gives way to waits for a link.
        self.lanes[place].beside = self.lanes[place].beside.max(0);
        if let Some(most) = self.lanes[place].window.as_ref().map(|window| whole(window.size())) {
            self.save_for_others(place, bytes, most);
        }
    }

    /// What a lane sent that has a window, others may send some of beside it. Beside several of the same
    /// priority that fill the link, equal ones have as much as each of them, not as all.
    fn save_for_others(&mut self, place: usize, bytes: i32, most: i32) {
        let above = self.lanes[place].priority();
        let fills = |one: &LaneSlot| one.priority() == above && one.fills(&self.link).is_some();
        let others =
            self.lanes.iter().enumerate().filter(|(number, one)| *number != place && fills(one));
        let part = bytes / (1 + others.count() as i32);
        for number in 0..self.lanes.len() {
            if number != place && self.lanes[number].gives_way_to(&self.lanes[place]) {
                let one = &mut self.lanes[number];
                let saved = if one.priority() == above { part } else { bytes };
                one.beside = one.beside.saturating_add(saved).min(most);
            }
        }
    }
}
