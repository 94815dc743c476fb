//! Messages of one topic for one inbox that come one behind the other: they go there together.
//!
//! Whatever else is to go anywhere goes behind what is gathered.

use std::sync::Arc;

use broker_protocol::frame;

use super::Senders;
use super::handing::{Arrival, account};
use crate::Event;
use crate::credit::Account;
use crate::hub::{Hub, WishId};
use crate::inbox::{Held, Inbox, Mark, Parts, Run, Shared, Woken};

/// What has more of key and payload than this goes by itself, in bytes: to copy it twice would cost
/// more than is saved.
const BODY_BYTES_MAX: usize = 1024;

/// Messages that are gathered at most, and their bytes, before they go.
const MESSAGES_MAX: usize = 256;
const BYTES_MAX: usize = 64 * 1024;

/// Where messages of a topic go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) wish: WishId,
    pub(super) inbox: &'a Arc<Inbox>,
    pub(super) lane: u8,
    pub(super) topic: &'a Arc<str>,
    /// How many share the lane's credit.
    pub(super) sharers: usize,
}

/// Messages that came one behind the other.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    run: Option<Gathered>,
    parts: Parts,
}

/// What all that is gathered has in common.
#[derive(Debug)]
struct Gathered {
    wish: WishId,
    inbox: Arc<Inbox>,
    lane: u8,
    sharers: usize,
    shared: Shared,
    account: Option<Account>,
}

impl Gathering {
    /// Whether a message can be gathered at all.
    pub(super) fn takes(message: &frame::Message<'_>) -> bool {
        let body = &message.body;
        let key_bytes = body.key.as_ref().map_or(0, |key| key.len());
        body.headers.is_empty() && body.payload.len() + key_bytes <= BODY_BYTES_MAX
    }

    /// Gathers a message.
    pub(super) fn add(
        &mut self,
        message: &frame::Message<'_>,
        place: Place<'_>,
        senders: &mut Senders,
        arrival: &mut Arrival<'_>,
        woken: &mut Woken,
    ) {
        if !self.goes_on_with(message, place, arrival) {
            self.flush(arrival.hub, woken);
            self.run = Some(Gathered {
                wish: place.wish,
                inbox: Arc::clone(place.inbox),
                lane: place.lane,
                sharers: place.sharers,
                shared: Shared {
                    topic: Arc::clone(place.topic),
                    from: senders.name(message),
                    epoch: message.epoch,
                    since: arrival.now,
                },
                account: arrival.owes().then(|| arrival.hub.credit.account(arrival.lane)),
            });
        }
        self.put(message, arrival.take_owed());
    }

    /// Gathers one more message, of the same topic and sender, that holds so much credit. Returns whether it
    /// may go with the others.
    pub(super) fn add_next(&mut self, message: &frame::Message<'_>, owed: u64) -> bool {
        let is_same =
            |run: &Gathered| run.shared.epoch == message.epoch && run.account.is_some() && owed > 0;
        let goes_on =
            self.has_room() && Self::takes(message) && self.run.as_ref().is_some_and(is_same);
        if goes_on {
            self.put(message, owed);
        }
        goes_on
    }

    /// Of what topic messages are gathered, and in which lane they came.
    pub(super) fn gathered(&self) -> Option<(u8, &Shared)> {
        self.run.as_ref().map(|run| (run.lane, &run.shared))
    }

    fn put(&mut self, message: &frame::Message<'_>, owed: u64) {
        let (body, Parts { marks, keys, payloads }) = (&message.body, &mut self.parts);
        if let Some(key) = &body.key {
            keys.push_str(key);
        }
        payloads.extend_from_slice(&body.payload);
        let owed_before = marks.last().map_or(0, |last| last.owed_end);
        marks.push(Mark {
            seq: message.seq,
            time: message.time,
            content: body.content,
            has_key: body.key.is_some(),
            key_end: keys.len(),
            payload_end: payloads.len(),
            owed_end: owed_before + owed,
        });
    }

    fn has_room(&self) -> bool {
        self.parts.marks.len() < MESSAGES_MAX
            && self.parts.payloads.len() + self.parts.keys.len() < BYTES_MAX
    }

    fn goes_on_with(
        &self,
        message: &frame::Message<'_>,
        place: Place<'_>,
        arrival: &Arrival<'_>,
    ) -> bool {
        let is_same = |run: &Gathered| {
            Arc::ptr_eq(&run.inbox, place.inbox)
                && Arc::ptr_eq(&run.shared.topic, place.topic)
                && (run.lane, run.shared.epoch) == (place.lane, message.epoch)
                && run.shared.from.as_deref() == message.from.as_deref()
                && run.account.is_some() == arrival.owes()
        };
        self.has_room() && self.run.as_ref().is_some_and(is_same)
    }

    /// What was gathered goes where it is to go.
    pub(super) fn flush(&mut self, hub: &Hub, woken: &mut Woken) {
        let Some(gathered) = self.run.take() else { return };
        let Gathered { wish, inbox, lane, sharers, shared, account: of } = gathered;
        let most = hub.credit.allot(lane, sharers);
        let pushed = match self.parts.marks[..] {
            [alone] => {
                let (Parts { keys, payloads, .. }, since) = (&self.parts, shared.since);
                let event = Event::Message(shared.message(alone, keys, payloads));
                let owed = of.map(|of| of.owed(alone.owed_end));
                inbox.push_in(lane, most, Held { event, owed, since }, woken)
            }
            _ => inbox.push_run_in(lane, most, Run::new(shared, &self.parts, of), woken),
        };
        self.parts.clear();
        account(wish, pushed, hub);
    }
}
