//! Replays of subscriptions that go on in another lane.
//!
//! The lane that is left may still lose what it was to bring them: it discards what waits, or a link
//! takes along what was sent. Then what is retained comes anew in the lane where they are, since there
//! `caught_up` is to be true of it.

use broker_delivery::lane::{Item, Overflow};

use super::anew;
use crate::command::Purpose;
use crate::session::{LaneFrame, Session, Subscription};

impl Session {
    /// A subscription goes on in another lane, and its replay with it: what is still to be asked for.
    pub(in crate::shard) fn move_replay(&mut self, number: u64, left: usize, lane: usize) {
        self.note_left(number, left);
        let dealings = self.dealings.as_mut();
        let replays = dealings.and_then(|dealings| dealings.replays.get_mut(&left));
        let taken = replays.and_then(|replays| {
            let mut queue = replays.queue.iter();
            let place = queue.position(|wanted| wanted.subscription == number)?;
            replays.queue.remove(place)
        });
        self.forget_replays(left);
        if self.lanes[lane].lane.is_discarding() {
            return self.replay_anew(number);
        }
        if let Some(wanted) = taken {
            self.replays_of(lane).queue.push_back(wanted);
        }
    }

    fn note_left(&mut self, number: u64, left: usize) {
        let resyncs = self.lanes[left].lane.options().overflow == Overflow::Resync;
        if let Some(found) = self.standing.get_mut(&number)
            && (found.replay || resyncs)
        {
            found.left |= lane_bit(left);
        }
    }

    /// A lane discards what waits: some of it was for subscriptions that leave it behind that.
    pub(super) fn replay_to_those_that_leave(&mut self, lane: usize) {
        let leaving = self.lanes[lane].lane.items().filter_map(|item| match item {
            Item::Frame(LaneFrame::Moved(moved)) => Some(moved.subscription),
            _ => None,
        });
        let elsewhere =
            |number: &u64| self.standing.get(number).is_some_and(|one| one.lane != lane);
        let leaving: Vec<u64> = leaving.filter(elsewhere).collect();
        leaving.into_iter().for_each(|number| self.replay_anew(number));
    }

    /// A link took along what a lane had sent, maybe to subscriptions that have left it.
    pub(super) fn replay_to_those_that_left(&mut self, lane: usize) {
        let left = |found: &Subscription| found.left & lane_bit(lane) != 0 && found.lane != lane;
        let those = self.standing.iter().filter(|(_, found)| left(found));
        let those: Vec<u64> = those.map(|(number, _)| *number).collect();
        those.into_iter().for_each(|number| self.replay_anew(number));
    }

    /// All that is retained comes anew for a subscription, where it is.
    fn replay_anew(&mut self, number: u64) {
        let Some(found) = self.standing.get_mut(&number) else { return };
        if !matches!(found.purpose, Purpose::Messages { .. }) {
            return;
        }
        (found.replay, found.left) = (true, 0);
        let (wanted, lane) = (anew(number, found), found.lane);
        let replays = self.replays_of(lane);
        let is_queued = replays.queue.iter().any(|one| one.subscription == number);
        if is_queued && replays.resyncs {
            // All of it is to come anyway, as of the point at which the lane goes on.
            return;
        }
        replays.queue.retain(|one| one.subscription != number);
        replays.queue.push_back(wanted);
        // An answer that is on its way may be to what was asked for before.
        replays.asked &= replays.resyncs;
    }
}

/// The bit of a lane among those of a session, of which there are 16 at most.
fn lane_bit(lane: usize) -> u16 {
    1u16.checked_shl(lane as u32).unwrap_or_default()
}
