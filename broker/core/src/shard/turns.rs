//! Whose turn it is among a session's lanes.

use super::beside::{AT_ONCE_BYTES, TIMES_LOWER};
use crate::session::Session;

/// So many bytes of a highest lane, and lower ones have their turn, with a part of that.
const TURN_BYTES: i32 = (AT_ONCE_BYTES * TIMES_LOWER as usize) as i32;

/// The most that is saved for lower lanes, or that they owe after a large message, in bytes of the highest.
const SAVED_BYTES_MAX: i32 = 512 << 10;

impl Session {
    /// The lane that sends next: of those that are ready, the one with the highest priority; for so many
    /// bytes of it as [`TIMES_LOWER`] says the others have one. Equal ones take turns, packet by packet, and
    /// so do all lower ones when it is their turn: else one of them alone had the eighth.
    pub(super) fn next_lane(&self) -> Option<usize> {
        if !self.lanes_flow() {
            return None;
        }
        if let [only] = &*self.lanes {
            return only.is_ready().then_some(0);
        }
        // Mostly one alone has something.
        let mut ready = self.ready_lanes();
        let (first, _) = ready.next()?;
        if ready.next().is_none() {
            return Some(first);
        }
        let (highest, lowest) = self.priorities()?;
        // Those who waited may have nothing left: then it is nobody else's turn.
        let lower_turn = lowest < highest && self.link.favoured >= TURN_BYTES;
        let ready = self.ready_lanes();
        let lanes = ready.filter(|(_, priority)| !(lower_turn && *priority == highest));
        let had_turn = |place: usize| lower_turn && self.lanes[place].had_turn;
        let (count, last) = (self.lanes.len(), usize::from(self.link.last_lane));
        // How long ago a lane's turn was: the next one behind the last has waited longest.
        let waited = |place: usize| count - (place + count - last - 1) % count;
        let order =
            |(place, priority): &(usize, u8)| (!had_turn(*place), *priority, waited(*place));
        lanes.max_by_key(order).map(|(place, _)| place)
    }

    /// The places and priorities of the lanes that could send.
    fn ready_lanes(&self) -> impl Iterator<Item = (usize, u8)> + '_ {
        let lanes = self.lanes.iter().enumerate();
        let ready = lanes.filter(|(place, slot)| slot.is_ready() && self.share_of(*place) > 0);
        ready.map(|(place, slot)| (place, slot.lane.options().priority))
    }

    /// The highest and the lowest priority of the lanes that could send.
    fn priorities(&self) -> Option<(u8, u8)> {
        self.ready_lanes().fold(None, |known, (_, priority)| {
            let (highest, lowest) = known.unwrap_or((priority, priority));
            Some((highest.max(priority), lowest.min(priority)))
        })
    }

    /// How many bytes a packet may take of a lane, beside others; one message at least.
    #[inline]
    pub(super) fn part_of(&self, place: usize) -> usize {
        if self.lanes.len() == 1 {
            return usize::MAX;
        }
        let own = self.lanes[place].lane.options().priority;
        let mut others = self.lanes.iter();
        let in_turn = match others.any(|one| one.lane.options().priority > own && one.is_ready()) {
            true => ((self.link.favoured.max(0) as u64 / TIMES_LOWER) as usize).max(AT_ONCE_BYTES),
            false => usize::MAX,
        };
        self.share_of(place).min(in_turn)
    }

    /// Notes whose turn it was, and how much was sent in it, before that is struck off.
    pub(super) fn count_turn(&mut self, place: usize, bytes: usize) {
        if self.lanes.len() == 1 {
            return;
        }
        let priority = self.lanes[place].lane.options().priority;
        let bytes = i32::try_from(bytes).unwrap_or(SAVED_BYTES_MAX).min(SAVED_BYTES_MAX);
        let favoured = match self.priorities() {
            Some((highest, _)) if priority < highest => {
                self.note_lower_turn(place);
                self.link.favoured - bytes * TIMES_LOWER as i32
            }
            levels => {
                // Whose turn it is among the highest is as it was after one of lower ones.
                self.link.last_lane = place as u8;
                match levels {
                    Some((highest, lowest)) if lowest < highest => self.link.favoured + bytes,
                    _ => 0,
                }
            }
        };
        self.link.favoured = favoured.clamp(-SAVED_BYTES_MAX, SAVED_BYTES_MAX);
    }

    /// Notes that a lane had its turn beside a higher one. If it had one before, all that were ready had.
    fn note_lower_turn(&mut self, place: usize) {
        if self.lanes[place].had_turn {
            self.lanes.iter_mut().for_each(|one| one.had_turn = false);
        }
        self.lanes[place].had_turn = true;
    }
}
