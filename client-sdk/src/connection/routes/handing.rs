//! What came is handed to those that it is for, with the part of the credit that each takes over.

use std::sync::Arc;
use std::time::Instant;

use super::receiver::Receiver;
use crate::Event;
use crate::credit::Owed;
use crate::hub::{Hub, WishId};
use crate::inbox::{Held, Inbox, Pushed, Woken};

/// A frame that came, beside what it says.
pub(in crate::connection) struct Arrival<'a> {
    /// What is told to the broker once all that got it have done with it, if the connection takes
    /// part in credit.
    pub(in crate::connection) owed: Option<Owed>,
    pub(in crate::connection) now: Instant,
    pub(in crate::connection) hub: &'a Arc<Hub>,
}

impl<'a> Arrival<'a> {
    /// A frame that takes so many bytes of its lane's credit; none, if it isn't data.
    pub(in crate::connection) fn new(
        hub: &'a Arc<Hub>,
        now: Instant,
        lane: u8,
        bytes: usize,
    ) -> Self {
        let owed = (bytes > 0).then(|| hub.credit.received(lane, bytes));
        Self { owed: owed.filter(|_| hub.credit.is_on()), now, hub }
    }
}

/// The part of what a frame owes that one of its receivers takes over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// Of how many receivers that haven't taken theirs.
    pub(super) of: usize,
    /// How many share the lane's credit.
    pub(super) sharers: usize,
}

pub(super) fn push_to_all(
    targets: &[Receiver],
    event: Event,
    sharers: usize,
    arrival: &mut Arrival<'_>,
    woken: &mut Woken,
) {
    let Some((last, others)) = targets.split_last() else { return };
    for (place, receiver) in others.iter().enumerate() {
        let share = Share { of: targets.len() - place, sharers };
        push(receiver.wish, receiver.place(), event.clone(), share, arrival, woken);
    }
    push(last.wish, last.place(), event, Share { of: 1, sharers }, arrival, woken);
}

pub(super) fn push(
    wish: WishId,
    (inbox, lane): (&Inbox, u8),
    event: Event,
    Share { of, sharers }: Share,
    arrival: &mut Arrival<'_>,
    woken: &mut Woken,
) {
    let (hub, since) = (arrival.hub, arrival.now);
    let owed = match of {
        1 => arrival.owed.take(),
        of => arrival.owed.as_mut().map(|owed| owed.share(of)),
    };
    let most = hub.credit.held_max(sharers);
    account(wish, inbox.push_in(lane, most, Held { event, owed, since }, woken), hub);
}

/// Forgets a wish whose inbox was full.
pub(super) fn account(wish: WishId, pushed: Pushed, hub: &Hub) {
    if pushed == Pushed::Overflowed {
        hub.counters.subscribers_too_slow.count();
        hub.take_wish(wish);
    }
}
