//! One channel of one direction: what is under way, and what its sender holds back.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;
use transport_api::{Channel, Framing, Sent};

/// What travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Data(Bytes),
    Ping(u64),
    Pong(u64),
}

impl Item {
    /// What the item counts for against the capacity, in bytes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Data(bytes) => bytes.len(),
            Self::Ping(_) | Self::Pong(_) => 8,
        }
    }
}

/// An item and when it arrives; `None` is at once.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) item: Item,
    pub(crate) due: Option<Instant>,
}

/// One channel of one direction.
///
/// # Bounds
/// Under way are at most the capacity and one packet where packets stay whole, at most the capacity
/// on streams. Held back is the rest of at most one packet.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) channel: Channel,
    pub(crate) flights: VecDeque<Flight>,
    /// Bytes under way, with those that the receiver was lent.
    pub(crate) in_flight: usize,
    /// What was taken and held back.
    pub(crate) rest: Bytes,
    /// Whether the sender was told that the channel is blocked.
    pub(crate) is_blocked: bool,
}

impl Queue {
    pub(crate) fn new(channel: Channel) -> Self {
        Self {
            channel,
            flights: VecDeque::new(),
            in_flight: 0,
            rest: Bytes::new(),
            is_blocked: false,
        }
    }

    /// Takes a packet, of which at most `allowed` bytes may move now.
    pub(crate) fn offer(
        &mut self,
        packet: impl FnOnce() -> Bytes,
        limits: &Limits,
        allowed: usize,
        due: Option<Instant>,
    ) -> Sent {
        if !self.rest.is_empty() || self.in_flight >= limits.capacity_bytes {
            self.is_blocked = true;
            return Sent::Refused;
        }
        self.rest = packet();
        self.advance(limits, allowed, due);
        if self.rest.is_empty() {
            return Sent::Taken;
        }
        self.is_blocked = true;
        Sent::TakenAndBlocked
    }

    /// Moves what was held back, at most `allowed` bytes of it, as far as there is room. Returns
    /// whether anything moved.
    pub(crate) fn advance(
        &mut self,
        limits: &Limits,
        allowed: usize,
        due: Option<Instant>,
    ) -> bool {
        let room = limits.capacity_bytes.saturating_sub(self.in_flight);
        let moved = match limits.framing {
            Framing::Stream => self.rest.len().min(room).min(allowed),
            Framing::Packets if allowed < self.rest.len() => 0,
            Framing::Packets if self.in_flight == 0 || self.rest.len() <= room => self.rest.len(),
            Framing::Packets => 0,
        };
        if moved > 0 {
            let bytes = self.rest.split_to(moved);
            self.push(Item::Data(bytes), due);
        }
        moved > 0
    }

    /// Sends an item on its way.
    pub(crate) fn push(&mut self, item: Item, due: Option<Instant>) {
        self.in_flight += item.size();
        self.flights.push_back(Flight { item, due });
    }

    /// When the next item arrives, if it hasn't yet.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.flights.front()?.due.filter(|due| *due > Instant::now())
    }

    /// Takes the next item if it has arrived. It counts as under way until it is
    /// [released](Self::release).
    pub(crate) fn pop(&mut self) -> Option<Item> {
        match self.next_due() {
            Some(_) => None,
            None => self.flights.pop_front().map(|flight| flight.item),
        }
    }

    /// Takes `length` bytes that have arrived, or fewer, cut and joined without regard to packets;
    /// an item that isn't data, as it is.
    pub(crate) fn pop_chopped(&mut self, length: usize) -> Option<Item> {
        let mut piece = match self.pop_bytes(length) {
            Some(first) => BytesMut::from(first),
            None => return self.pop(),
        };
        while piece.len() < length {
            let Some(next) = self.pop_bytes(length - piece.len()) else { break };
            piece.extend_from_slice(&next);
        }
        Some(Item::Data(piece.freeze()))
    }

    fn pop_bytes(&mut self, bytes_max: usize) -> Option<Bytes> {
        if self.next_due().is_some() {
            return None;
        }
        let Item::Data(bytes) = &mut self.flights.front_mut()?.item else { return None };
        let piece = bytes.split_to(bytes.len().min(bytes_max));
        if bytes.is_empty() {
            self.flights.pop_front();
        }
        Some(piece)
    }

    /// Gives an item back that the receiver didn't take after all.
    pub(crate) fn give_back(&mut self, item: Item) {
        self.flights.push_front(Flight { item, due: None });
    }

    /// Frees the room of an item that the receiver has taken.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
    }

    /// Loses everything.
    pub(crate) fn clear(&mut self) {
        self.flights.clear();
        self.in_flight = 0;
        self.rest = Bytes::new();
    }
}

/// What bounds a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) framing: Framing,
    pub(crate) capacity_bytes: usize,
}
