//! One direction of a link, as both of its ends see it.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;
use transport_api::{Channel, CloseReason, Framing, LinkError, Packet, Sent};

use crate::conditions::{Conditions, Stall};
use crate::queue::{Item, Limits, Queue};

/// What one poll hands over at most, so that other links get their turn.
const RECEIVE_SHARE_BYTES: usize = 64 * 1024;
const RECEIVE_SHARE_ITEMS: usize = 256;

/// Answers to pings that wait to be read; pings beyond are not answered.
const PONGS_WAITING_MAX: usize = 64;

/// An item on loan to the receiver, with the index of its queue.
pub(crate) type Loan = (usize, Channel, Item);

/// How a direction ends.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// The sender closed it.
    Closed(CloseReason),
    /// The sender vanished without a word.
    Vanished,
}

/// The link broke by losing a packet that it had to carry.
#[derive(Debug)]
pub(crate) struct Lost;

impl From<Lost> for LinkError {
    fn from(_: Lost) -> Self {
        Self::Broken(io::ErrorKind::ConnectionAborted.into())
    }
}

/// What came of moving what is held back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Advance {
    /// Whether a blocked channel became free, or none is blocked.
    pub(crate) is_free: bool,
    /// Whether anything is under way that wasn't.
    pub(crate) moved: bool,
}

/// One direction of a link, as both of its ends see it.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) conditions: Conditions,
    framing: Framing,
    datagram_bytes_max: usize,
    random: SmallRng,
    /// In order of first use: few enough to be searched.
    queues: Vec<Queue>,
    /// Which queue is read first in the next poll.
    first: usize,
    pongs_waiting: usize,
    end: Option<(End, Option<Instant>)>,
    pub(crate) reader: Option<Waker>,
    pub(crate) writer: Option<Waker>,
}

impl Way {
    pub(crate) fn new(
        conditions: Conditions,
        framing: Framing,
        datagram_bytes_max: usize,
        seed: u64,
    ) -> Self {
        Self {
            conditions,
            framing,
            datagram_bytes_max,
            random: SmallRng::seed_from_u64(seed),
            queues: Vec::new(),
            first: 0,
            pongs_waiting: 0,
            end: None,
            reader: None,
            writer: None,
        }
    }

    /// Takes a packet, as the conditions allow.
    pub(crate) fn offer(&mut self, channel: Channel, packet: Packet<'_>) -> Result<Sent, Lost> {
        let is_lost = self.chance(self.conditions.loss);
        let at = self.queue_of(channel);
        let (limits, due) = (self.limits(), self.due());
        if matches!(channel, Channel::Datagram(_)) {
            let queue = &mut self.queues[at];
            if queue.in_flight >= limits.capacity_bytes {
                queue.is_blocked = true;
                return Ok(Sent::Refused);
            }
            let fits = packet.len() < self.datagram_bytes_max;
            if fits && !is_lost && !self.chance(self.conditions.datagram_loss) {
                self.queues[at].push(Item::Data(packet.to_bytes()), due);
            }
            return Ok(Sent::Taken);
        }
        if is_lost {
            return Err(Lost);
        }
        let allowed = self.allowed(packet.len());
        Ok(self.queues[at].offer(|| packet.to_bytes(), &limits, allowed, due))
    }

    /// Takes a ping unless the control channel is blocked.
    pub(crate) fn offer_ping(&mut self, mark: u64) -> Sent {
        let at = self.queue_of(Channel::Control);
        let (limits, due) = (self.limits(), self.due());
        let queue = &mut self.queues[at];
        if !queue.rest.is_empty() || queue.in_flight >= limits.capacity_bytes {
            queue.is_blocked = true;
            return Sent::Refused;
        }
        queue.push(Item::Ping(mark), due);
        Sent::Taken
    }

    /// Answers a ping of the other direction.
    pub(crate) fn answer(&mut self, mark: u64) {
        if self.pongs_waiting < PONGS_WAITING_MAX {
            self.pongs_waiting += 1;
            let (at, due) = (self.queue_of(Channel::Control), self.due());
            self.queues[at].push(Item::Pong(mark), due);
        }
    }

    /// Moves what is held back.
    pub(crate) fn advance(&mut self) -> Advance {
        let (limits, due) = (self.limits(), self.due());
        let (mut freed, mut blocked, mut moved) = (false, false, false);
        for at in 0..self.queues.len() {
            let allowed = self.allowed(self.queues[at].rest.len());
            let queue = &mut self.queues[at];
            moved |= queue.advance(&limits, allowed, due);
            if queue.is_blocked {
                let has_room = queue.rest.is_empty() && queue.in_flight < limits.capacity_bytes;
                queue.is_blocked = !has_room;
                freed |= has_room;
                blocked |= !has_room;
            }
        }
        Advance { is_free: freed || !blocked, moved }
    }

    /// Moves what is held back while the sender only receives: separate channels don't wait for each
    /// other's `poll_writable`. Returns whether anything moved.
    pub(crate) fn advance_aside(&mut self) -> bool {
        let (limits, due) = (self.limits(), self.due());
        let queues = self.queues.iter_mut();
        queues.fold(false, |moved, queue| moved | queue.advance(&limits, usize::MAX, due))
    }

    /// Whether something is held back although there is room, only because chance wanted it.
    pub(crate) fn can_advance(&self) -> bool {
        let capacity = self.limits().capacity_bytes;
        self.queues.iter().any(|queue| match self.framing {
            _ if queue.rest.is_empty() => false,
            Framing::Stream => queue.in_flight < capacity,
            Framing::Packets => {
                queue.in_flight == 0 || queue.in_flight + queue.rest.len() <= capacity
            }
        })
    }

    /// Bytes that are held back.
    pub(crate) fn unsent(&self) -> usize {
        self.queues.iter().map(|queue| queue.rest.len()).sum()
    }

    /// Lends what has arrived to the receiver.
    pub(crate) fn lend(&mut self, loans: &mut VecDeque<Loan>) {
        let (first, count) = (self.first, self.queues.len());
        let mut bytes = 0;
        for at in (0..count).map(|step| (first + step) % count) {
            if self.conditions.stall.holds(self.queues[at].channel) {
                continue;
            }
            while let Some(item) = self.pop(at) {
                bytes += item.size();
                loans.push_back((at, self.queues[at].channel, item));
                if bytes >= RECEIVE_SHARE_BYTES || loans.len() >= RECEIVE_SHARE_ITEMS {
                    self.first = (at + 1) % count;
                    return;
                }
            }
        }
    }

    fn pop(&mut self, at: usize) -> Option<Item> {
        let queue = &mut self.queues[at];
        match self.conditions.chop_bytes_max {
            Some(longest) if self.framing == Framing::Stream => {
                queue.pop_chopped(self.random.random_range(1..=longest.max(1)))
            }
            _ => queue.pop(),
        }
    }

    /// Frees the room of an item that was handed over.
    pub(crate) fn release(&mut self, at: usize, item: &Item) {
        if matches!(item, Item::Pong(_)) {
            self.pongs_waiting = self.pongs_waiting.saturating_sub(1);
        }
        self.queues[at].release(item.size());
    }

    /// Takes back what the receiver paused before.
    pub(crate) fn give_back(&mut self, loans: &mut VecDeque<Loan>) {
        while let Some((at, _, item)) = loans.pop_back() {
            self.queues[at].give_back(item);
        }
    }

    /// Ends the direction behind what is under way; what is held back is lost.
    pub(crate) fn finish(&mut self, end: End) {
        for queue in &mut self.queues {
            queue.rest = Bytes::new();
        }
        if self.end.is_none() {
            self.end = Some((end, self.due()));
        }
    }

    /// How the direction ended, if that is known at the receiving end by now.
    pub(crate) fn arrived_end(&self) -> Option<&End> {
        let (end, due) = self.end.as_ref()?;
        let is_held = self.conditions.stall == Stall::Everything;
        let is_due = due.is_none_or(|due| due <= Instant::now());
        (is_due && !is_held).then_some(end)
    }

    /// Whether everything under way was read.
    pub(crate) fn is_drained(&self) -> bool {
        self.queues.iter().all(|queue| queue.flights.is_empty())
    }

    /// When the next thing arrives by itself, if anything does.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let stall = self.conditions.stall;
        let moving = self.queues.iter().filter(|queue| !stall.holds(queue.channel));
        moving.filter_map(Queue::next_due).chain(self.end_due()).min()
    }

    /// When the end arrives, if it is under way.
    pub(crate) fn end_due(&self) -> Option<Instant> {
        let (_, due) = self.end.as_ref()?;
        due.filter(|due| *due > Instant::now())
    }

    /// Loses everything.
    pub(crate) fn clear(&mut self) {
        for queue in &mut self.queues {
            queue.clear();
        }
    }

    fn queue_of(&mut self, channel: Channel) -> usize {
        let at = self.queues.iter().position(|queue| queue.channel == channel);
        at.unwrap_or_else(|| {
            self.queues.push(Queue::new(channel));
            self.queues.len() - 1
        })
    }

    fn limits(&self) -> Limits {
        Limits { framing: self.framing, capacity_bytes: self.conditions.capacity_bytes.max(1) }
    }

    fn due(&self) -> Option<Instant> {
        let delay = self.conditions.delay;
        (!delay.is_zero()).then(|| Instant::now() + delay)
    }

    fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.random.random_bool(share.min(1.0))
    }

    /// How many of `bytes` may move now.
    fn allowed(&mut self, bytes: usize) -> usize {
        if bytes > 0 && self.chance(self.conditions.partial) {
            self.random.random_range(0..bytes)
        } else {
            usize::MAX
        }
    }
}
