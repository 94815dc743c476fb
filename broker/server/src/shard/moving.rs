//! Links that change their place: a client that comes back goes on with the session that it had, in
//! another slot or another shard.

use std::rc::Rc;

use broker_core::{Heard, ShardId};

use super::connection::Connection;
use super::{Seat, Shard};
use crate::seating::Welcome;

/// Hears what a link had brought before it came to this shard.
pub(super) fn hear(shard: &Rc<Shard>, slot: u32, early: &[u8]) {
    let Some(connection) = shard.connection(slot) else { return };
    let mut rules = shard.rules.borrow_mut();
    let heard = rules.receive(shard.now(), slot, early, connection.framing);
    let moves = rules.take_moves();
    drop(rules);
    if let Heard::Here(slot) = heard {
        connection.slot.set(slot);
    }
    shard.apply_moves(&moves);
    shard.work.notify_one();
}

impl Shard {
    /// Has connections follow their links, from slot to slot.
    pub(super) fn apply_moves(&self, moves: &[(u32, u32)]) {
        let mut connections = self.connections.borrow_mut();
        for (from, to) in moves {
            let moved = connections.get_mut(*from as usize).and_then(Option::take);
            if connections.len() <= *to as usize {
                connections.resize_with(*to as usize + 1, || None);
            }
            if let Some(moved) = &moved {
                moved.settle_in(*to);
            }
            connections[*to as usize] = moved;
        }
    }

    /// Sends a link to the shard where the session is that its client goes on with.
    pub(super) fn send_on(
        self: &Rc<Self>,
        connection: &Connection,
        shard: ShardId,
        early: Vec<u8>,
    ) {
        let Some(link) = connection.leave() else { return };
        self.connections.borrow_mut()[connection.slot.get() as usize] = None;
        let Some(seat) = self.seats.borrow().get(usize::from(shard.0)).cloned() else { return };
        // It is one that was let in already, be it that all places are taken now.
        self.exchange.seating.enter(shard);
        let welcome = Welcome::Yes;
        // A shard that is gone is a broker that stops.
        self.spawn(async move { drop(seat.send(Seat::Link { link, early, welcome }).await) });
    }
}
