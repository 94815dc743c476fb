//! What came is handed to those that it is for, with the part of the credit that each takes over.

use std::sync::Arc;
use std::time::Instant;

use super::receiver::Receiver;
use crate::Event;
use crate::credit::Owed;
use crate::hub::{Hub, WishId};
use crate::inbox::{Held, Inbox, Pushed, Woken};

/// A frame that came, beside what it says. Credit that nobody takes over is given back when it is
/// dropped.
pub(in crate::connection) struct Arrival<'a> {
    pub(super) lane: u8,
    /// What is told to the broker once all that got it have done with it, in bytes; `None` if it isn't
    /// data, or the connection takes no part in credit.
    owed: Option<u64>,
    pub(super) now: Instant,
    pub(super) hub: &'a Arc<Hub>,
}

impl<'a> Arrival<'a> {
    /// A frame that takes so many bytes of its lane's credit; none, if it isn't data.
    pub(in crate::connection) fn new(
        hub: &'a Arc<Hub>,
        now: Instant,
        lane: u8,
        bytes: usize,
    ) -> Self {
        let mut arrival = Self { lane, owed: None, now, hub };
        if bytes > 0 {
            let (credit, bytes) = (&hub.credit, bytes as u64);
            credit.note_received(lane, 1, bytes);
            match credit.is_on() {
                true => arrival.owed = Some(bytes),
                false => credit.finished(lane, bytes),
            }
        }
        arrival
    }

    /// Whether it holds credit.
    pub(super) fn owes(&self) -> bool {
        self.owed.is_some()
    }

    /// Leaves it to the caller to give back what this owes.
    pub(super) fn take_owed(&mut self) -> u64 {
        self.owed.take().unwrap_or(0)
    }

    /// Hands the share of one of so many receivers over; the last takes what is left.
    fn share(&mut self, of: usize) -> Option<Owed> {
        let mut owed = self.hub.credit.account(self.lane).owed(self.owed.take()?);
        if of <= 1 {
            return Some(owed);
        }
        let share = owed.share(of);
        self.owed = Some(owed.take());
        Some(share)
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if let Some(bytes) = self.owed {
            self.hub.credit.finished(self.lane, bytes);
        }
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
    let owed = arrival.share(of);
    let most = hub.credit.allot(lane, sharers);
    account(wish, inbox.push_in(lane, most, Held { event, owed, since }, woken), hub);
}

/// Forgets a wish whose inbox was full.
pub(super) fn account(wish: WishId, pushed: Pushed, hub: &Hub) {
    if pushed == Pushed::Overflowed {
        hub.counters.subscribers_too_slow.count();
        hub.take_wish(wish);
    }
}
