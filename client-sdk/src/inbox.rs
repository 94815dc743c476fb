//! What waits for one subscriber: the one queue between the connection and a callback.
//!
//! The connection's task puts events in and never waits; the subscriber's task takes them out. So a
//! slow callback costs its bound of memory, and nobody else anything.

mod lost;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::{Ended, Event, Message};
use lost::Lost;

/// What an event costs beside its contents, in bytes: an estimate of what holds it.
const EVENT_BYTES: usize = 128;

/// How much may wait for a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) messages: usize,
    /// A larger single message still goes into an empty inbox.
    pub(crate) bytes: usize,
}

/// What happens at the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtBound {
    /// The subscription ends, once what waits is delivered.
    End,
    /// The oldest messages are dropped, and told in a gap.
    DropOldest,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits, or came too late to be wanted.
    Done,
    /// It came at the bound: the subscription has ended.
    Overflowed,
}

/// What waits for one subscriber.
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    events: VecDeque<Event>,
    bytes: usize,
    bound: Bound,
    at_bound: AtBound,
    /// What was dropped: it would stand before every message that waits.
    lost: Lost,
    ended: bool,
    reader: Option<Waker>,
}

impl Inbox {
    pub(crate) fn new(bound: Bound, at_bound: AtBound) -> Self {
        let queue = Queue {
            events: VecDeque::new(),
            bytes: 0,
            bound,
            at_bound,
            lost: Lost::default(),
            ended: false,
            reader: None,
        };
        Self { queue: Mutex::new(queue) }
    }

    /// Puts an event at the end. After the end of the subscription nothing is taken any more.
    pub(crate) fn push(&self, event: Event) -> Pushed {
        let mut queue = self.lock();
        if queue.ended {
            return Pushed::Done;
        }
        let pushed = queue.push(event);
        wake(queue);
        pushed
    }

    /// Follows what the broker granted.
    pub(crate) fn set_at_bound(&self, at_bound: AtBound) {
        self.lock().at_bound = at_bound;
    }

    /// Ends the subscription behind what waits.
    pub(crate) fn end(&self, ended: Ended) {
        let mut queue = self.lock();
        queue.end(ended);
        wake(queue);
    }

    /// Ends the subscription, discarding what waits: after this only the end is delivered.
    pub(crate) fn end_now(&self, ended: Ended) {
        let mut queue = self.lock();
        queue.discard();
        queue.end(ended);
        wake(queue);
    }

    /// Takes the next event; `None` after the end was taken.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut queue = self.lock();
        if let Some(event) = queue.pop() {
            return Poll::Ready(Some(event));
        }
        if queue.ended {
            return Poll::Ready(None);
        }
        queue.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, event: Event) -> Pushed {
        let size = size(&event);
        while !self.has_room(size) {
            if self.at_bound == AtBound::End || !self.drop_oldest() {
                let ended = Ended::TooSlow { messages: self.events.len(), bytes: self.bytes };
                self.end(ended);
                return Pushed::Overflowed;
            }
        }
        self.bytes += size;
        self.events.push_back(event);
        Pushed::Done
    }

    fn has_room(&self, size: usize) -> bool {
        self.events.is_empty()
            || self.events.len() < self.bound.messages && self.bytes + size <= self.bound.bytes
    }

    /// Drops the oldest message. Returns whether there was one.
    fn drop_oldest(&mut self) -> bool {
        let place = self.events.iter().position(|event| matches!(event, Event::Message(_)));
        let Some(Event::Message(message)) = place.and_then(|place| self.events.remove(place))
        else {
            return false;
        };
        self.bytes -= message_size(&message);
        self.lost.note(&message);
        true
    }

    fn pop(&mut self) -> Option<Event> {
        // The first word is always that the subscription begins; every gap comes behind it.
        if !matches!(self.events.front(), Some(Event::Subscribed(_)))
            && let Some(gap) = self.lost.take()
        {
            return Some(Event::Gap(gap));
        }
        let event = self.events.pop_front()?;
        self.bytes -= size(&event);
        Some(event)
    }

    fn end(&mut self, ended: Ended) {
        if !self.ended {
            self.ended = true;
            let event = Event::Ended(ended);
            self.bytes += size(&event);
            self.events.push_back(event);
        }
    }

    /// Discards what waits, all but the end.
    fn discard(&mut self) {
        self.events.retain(|event| matches!(event, Event::Ended(_)));
        self.bytes = self.events.iter().map(size).sum();
        self.lost = Lost::default();
    }
}

/// Wakes the reader once nothing is locked any more: its executor may run it at once.
fn wake(mut queue: MutexGuard<'_, Queue>) {
    let reader = queue.reader.take();
    drop(queue);
    if let Some(reader) = reader {
        reader.wake();
    }
}

fn message_size(message: &Message) -> usize {
    EVENT_BYTES + message.topic.len() + message.body.size()
}

fn size(event: &Event) -> usize {
    match event {
        Event::Message(message) => message_size(message),
        Event::Presence(presence) => {
            let names = presence.joined.iter().chain(&presence.left);
            EVENT_BYTES + names.map(|name| size_of::<String>() + name.len()).sum::<usize>()
        }
        _ => EVENT_BYTES,
    }
}
