//! Lanes beside one that conflates and has as much on its way as its link takes.
//!
//! Such a lane waits until some of that has arrived. What others write meanwhile lies in the same buffers
//! in front of what it writes next: so much, over a slow link, that it would get a small part of the
//! link, and its values would be old when they arrive. So beside it a lane of a lower priority goes on with
//! the eighth that lower ones get, and one of the same priority that keeps everything with half.

use crate::session::{LaneSlot, Session};

/// How many bytes a waiting lane is to have for each of a lane of lower priority.
const TIMES_LOWER: u64 = 7;

/// What such a lane may send at once, in bytes, however small its share is: about what a segment takes.
/// What is too much is set off against what comes.
const AT_ONCE_BYTES: usize = 1400;

impl LaneSlot {
    /// How much may be on its way of a lane that sends what its link takes, or waits until some of that
    /// has arrived.
    fn fills_its_link(&self) -> Option<u64> {
        let window = self.window.as_deref().filter(|window| window.follows_its_link())?;
        let waits = !self.blocked && self.lane.is_due() && window.waits_for_a_mark();
        (waits || self.is_ready()).then_some(window.size())
    }

    fn priority(&self) -> u8 {
        self.lane.options().priority
    }

    /// Whether it has only a share beside that lane while that fills its link.
    fn gives_way_to(&self, other: &Self) -> bool {
        let (own, others) = (self.priority(), other.priority());
        others > own || others == own && self.window.is_none()
    }
}

impl Session {
    /// How many bytes another lane is to have for each of this one, and how much is on its way of it,
    /// if this one is beside such a one.
    fn beside(&self, place: usize) -> Option<(u64, u64)> {
        let own = &self.lanes[place];
        let others = self.lanes.iter().filter(|one| own.gives_way_to(one));
        let waiting = others.filter_map(|one| Some((one.priority(), one.fills_its_link()?)));
        let (priority, size) = waiting.max()?;
        Some((if priority > own.priority() { TIMES_LOWER } else { 1 }, size))
    }

    /// How many bytes a lane may send now, as far as others are concerned; more than 0 allow one message
    /// at least.
    #[inline]
    pub(super) fn share_of(&self, place: usize) -> usize {
        if self.lanes.len() == 1 {
            return usize::MAX;
        }
        match self.beside(place) {
            None => usize::MAX,
            Some(_) if self.link.beside <= 0 => 0,
            Some((times, size)) => {
                let share = u64::from(self.link.beside.unsigned_abs()).min(size) / times;
                (share as usize).max(AT_ONCE_BYTES)
            }
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
        let before = self.link.beside;
        self.link.beside = match (self.beside(place), &self.lanes[place].window) {
            // No debt is larger than what one window pays off, however large a message was.
            (Some((times, size)), _) => {
                let times = times as i32;
                let least = whole(size).saturating_mul(times).saturating_neg();
                before.saturating_sub(bytes.saturating_mul(times)).max(least)
            }
            (None, Some(window)) if self.is_above_some(place) => {
                before.saturating_add(bytes).min(whole(window.size()))
            }
            // Nobody waits for a link.
            (None, _) => before.max(0),
        };
    }

    /// Whether other lanes may be beside this one.
    fn is_above_some(&self, place: usize) -> bool {
        let own = &self.lanes[place];
        self.lanes.iter().any(|one| one.gives_way_to(own))
    }
}
