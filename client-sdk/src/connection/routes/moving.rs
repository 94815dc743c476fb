//! Subscriptions that go on in another lane.
//!
//! `accepted` comes in the lane to which one moves, `moved` in the one that it leaves, in either order
//! where lanes have channels of their own. Between them messages of both lanes are for it.

use std::collections::{HashMap, HashSet};

use super::Routes;
use super::handing::account;
use super::lane::Lane;
use crate::Event;
use crate::connection::guard::Guard;
use crate::hub::{Hub, Relocation, Target};
use crate::inbox::Rules;

/// Moves that are half done, by the broker's number of the subscription.
#[derive(Debug, Default)]
pub(super) struct Moving {
    /// Those that were accepted, with the lane that still delivers.
    leaving: HashMap<u64, u8>,
    /// Those that left their lane and weren't accepted in the other yet.
    left: HashSet<u64>,
}

impl Moving {
    /// Whether the lane still delivers what was before the subscription's move.
    pub(super) fn leaves(&self, subscription: u64, lane: u8) -> bool {
        self.leaving.get(&subscription) == Some(&lane)
    }
}

impl Routes {
    /// What comes from here on in another lane is for this subscription.
    pub(in crate::connection) fn relocate(&mut self, relocation: Relocation, hub: &Hub) {
        let Relocation { granted, guarded_keys, attendance } = relocation;
        let (subscription, number) = (granted.subscription, granted.lane);
        let Some(route) = self.begun.get_mut(&subscription) else { return };
        let left = std::mem::replace(&mut route.lane, number);
        let lane = self.lanes.entry(number).or_insert_with(|| Lane::new(number));
        lane.sharers += 1;
        hub.credit.set_granted(&granted);
        attendance.since.get_or_init(|| lane.tick);
        attendance.begun.store(lane.tick, std::sync::atomic::Ordering::Relaxed);
        route.attendance = attendance;
        lane.filters.insert(&route.filter, subscription);
        if let Some(keys_max) = guarded_keys {
            lane.guard.get_or_insert_with(|| Guard::new(keys_max));
        }
        let target = route.target.clone();
        let wish = route.wish;
        if let Some(lane) = self.lanes.get_mut(&left) {
            lane.sharers = lane.sharers.saturating_sub(1);
        }
        let Target::Inbox(inbox) = target else { return };
        inbox.hold(number, Rules::granted(&granted.options));
        account(
            wish,
            inbox.push_in(number, u64::MAX, Event::Subscribed(granted), &mut self.woken),
            hub,
        );
        match self.moving.left.remove(&subscription) {
            true => self.settle(subscription, hub),
            false => _ = self.moving.leaving.insert(subscription, left),
        }
    }

    /// Nothing that comes from here on in the lane that it leaves is for this subscription.
    pub(in crate::connection) fn moved(&mut self, subscription: u64, hub: &Hub) {
        let Some(route) = self.begun.get(&subscription) else { return };
        let left = self.moving.leaving.remove(&subscription);
        if let Some(lane) = self.lanes.get_mut(&left.unwrap_or(route.lane)) {
            lane.filters.remove(&route.filter, &subscription);
        }
        match left {
            Some(_) => self.settle(subscription, hub),
            None => _ = self.moving.left.insert(subscription),
        }
    }

    /// The lane that was left has delivered everything, and what was held of the other one follows.
    fn settle(&mut self, subscription: u64, hub: &Hub) {
        let Some(route) = self.begun.get(&subscription) else { return };
        if let Target::Inbox(inbox) = &route.target {
            account(route.wish, inbox.release(&mut self.woken), hub);
        }
        hub.settled(route.wish);
    }

    /// The connection is over, and all moves with it.
    pub(super) fn forget_moves(&mut self) {
        let leaving: Vec<_> = self.moving.leaving.keys().copied().collect();
        leaving.into_iter().for_each(|subscription| self.forget_move(subscription));
        self.moving.left.clear();
    }

    /// A subscription is over, and its move with it.
    pub(super) fn forget_move(&mut self, subscription: u64) {
        let left = self.moving.leaving.remove(&subscription);
        let lane = left.and_then(|left| self.lanes.get_mut(&left));
        if let (Some(lane), Some(route)) = (lane, self.begun.get(&subscription)) {
            lane.filters.remove(&route.filter, &subscription);
        }
        self.moving.left.remove(&subscription);
    }

    /// Keeps the keys of a lane in order, so many of them.
    pub(in crate::connection) fn guard(&mut self, lane: u8, keys_max: usize) {
        if let Some(lane) = self.lanes.get_mut(&lane) {
            lane.guard.get_or_insert_with(|| Guard::new(keys_max));
        }
    }
}
