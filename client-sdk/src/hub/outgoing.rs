//! What is to be sent, in the order in which the program said it.

mod queue;

use std::task::Context;

use broker_protocol::frame::{Cancel, ClientFrame, Replay, Serve, Subscribe, Unsubscribe};
use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use super::open::{Answer, Failure, Leave};
use super::wish::{Kind, Stage, WishId};
use super::{Hub, Open, State, wake};
pub(super) use queue::Outgoing;
use queue::Queued;

/// A packet is filled up to this many bytes; a larger single frame stands alone.
pub(super) const PACKET_BYTES_MAX: usize = 64 * 1024;

/// Frames in a packet, far below what a broker accepts.
const PACKET_FRAMES_MAX: usize = 1024;

/// Wishes, and what was held and attached, that are made known at one time, after a reconnect: the
/// answers must not overrun the lane that they come in.
pub(super) const BEGINNING_MAX: usize = 256;

/// What may wait without room of its own, in bytes: answers that take none, cancels, and wishes and
/// their ends; a hundred thousand of these in JSON. Beyond, the connection ends.
const ROOMLESS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long a frame is worth sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// Also in a later session.
    Client,
    /// In this session alone.
    Session,
}

/// What there was to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gathered {
    Frames,
    /// Nothing; the task will be woken.
    Nothing,
    /// Nothing, and the program asked to close.
    Finished,
}

impl Hub {
    /// Queues a frame for which there is room.
    pub(crate) fn push(&self, bytes: Bytes, room: usize, lifetime: Lifetime) {
        let mut state = self.lock();
        if lifetime == Lifetime::Session && !state.has_session() {
            drop(state);
            return self.room.add_permits(room);
        }
        state.outgoing.push(Queued::one(bytes, None, room, lifetime));
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }

    /// Queues a frame for which there is room, and which is worth sending in a later session too.
    pub(crate) fn append(&self, frame: &[u8], room: usize) {
        let mut state = self.lock();
        state.outgoing.append(frame, room);
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }

    /// Queues a command that is answered. Ids grow in the order of the queue.
    pub(crate) fn push_command(
        &self,
        room: usize,
        frame: impl FnOnce(u64) -> Bytes,
    ) -> (u64, oneshot::Receiver<Result<Answer, Failure>>) {
        let (caller, answer) = oneshot::channel();
        let mut state = self.lock();
        let id = state.take_id();
        if let Some(reason) = state.closed.clone() {
            drop(state);
            Open::Caller(caller).closed(&reason);
            return (id, answer);
        }
        state.open.insert(id, Open::Caller(caller));
        let (bytes, lifetime) = (frame(id), Lifetime::Client);
        state.outgoing.push(Queued::one(bytes, Some(id), room, lifetime));
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        (id, answer)
    }

    /// Nobody waits for the answer to a command any more. A request is cancelled.
    pub(crate) fn give_up(&self, id: u64, is_request: bool) {
        let mut state = self.lock();
        let was_sent = state.open.was_sent(id);
        if state.open.remove(id).is_none() || !is_request {
            return;
        }
        let room = state.outgoing.take(id);
        if (was_sent || room.is_none()) && state.has_session() {
            let bytes = self.encode(&ClientFrame::Cancel(Cancel { id }));
            state.push_for_session(None, bytes);
        }
        let room = room.unwrap_or(0);
        let writer = state.writer.take();
        drop(state);
        self.room.add_permits(room);
        wake(writer);
    }

    /// Whether more waits for the session than may.
    pub(crate) fn is_overrun(&self) -> bool {
        self.lock().outgoing.roomless_bytes() > ROOMLESS_BYTES_MAX
    }

    /// Appends what is to be sent to a packet. If there is nothing, the task is woken later.
    pub(crate) fn gather(&self, packet: &mut BytesMut, cx: &Context<'_>) -> Gathered {
        let mut state = self.lock();
        self.announce(&mut state, packet);
        // What waits may be for what isn't there yet.
        let may_go = self.say_anew(&mut state, packet);
        let (mut room, mut count) = (0, 0);
        while may_go && count < PACKET_FRAMES_MAX {
            let Some(length) = state.outgoing.next_bytes() else { break };
            if !packet.is_empty() && packet.len() + length > PACKET_BYTES_MAX {
                break;
            }
            let queued = state.outgoing.pop().expect("there is a front");
            packet.extend_from_slice(&queued.bytes);
            room += queued.room;
            count += queued.count;
            if let Some(id) = queued.id {
                state.open.mark_sent(id, &queued.bytes, self.config.outgoing_bytes_max);
            }
        }
        let gathered = match (packet.is_empty(), state.closing) {
            (false, _) => Gathered::Frames,
            (true, true) => Gathered::Finished,
            (true, false) => {
                state.writer = Some(cx.waker().clone());
                Gathered::Nothing
            }
        };
        drop(state);
        self.room.add_permits(room);
        gathered
    }

    /// Makes wishes known that the session doesn't know yet.
    fn announce(&self, state: &mut State, packet: &mut BytesMut) {
        while state.open.beginning() < BEGINNING_MAX
            && packet.len() < PACKET_BYTES_MAX
            && let Some(wish) = state.unannounced.pop_front()
        {
            if let Some((id, bytes)) = self.begin_frame(state, wish) {
                self.say_first(state, packet, (id, &bytes));
            }
        }
    }

    /// Puts a command of this session into a packet, in front of what waits.
    pub(super) fn say_first(
        &self,
        state: &mut State,
        packet: &mut BytesMut,
        (id, bytes): (u64, &Bytes),
    ) {
        packet.extend_from_slice(bytes);
        state.open.mark_sent(id, bytes, self.config.outgoing_bytes_max);
    }

    /// The command that makes a wish known, if there is one and it isn't known.
    pub(super) fn begin_frame(&self, state: &mut State, id: WishId) -> Option<(u64, Bytes)> {
        let command = state.take_id();
        let wish = state.wishes.get_mut(&id).filter(|wish| wish.stage == Stage::Waiting)?;
        wish.stage = Stage::Asked;
        let bytes = match &wish.kind {
            Kind::Messages { group, presence, replay } => {
                self.encode(&ClientFrame::Subscribe(Subscribe {
                    id: command,
                    filter: wish.filter.to_string(),
                    lane: Some(wish.choice.lane),
                    options: wish.choice.options.clone(),
                    group: group.clone(),
                    presence: *presence,
                    replay: if *replay { Replay::Last } else { Replay::None },
                }))
            }
            Kind::Requests => {
                let filter = wish.filter.to_string();
                self.encode(&ClientFrame::Serve(Serve { id: command, filter, lane: None }))
            }
        };
        let lane = wish.choice.lane;
        state.open.insert(command, Open::Begin(id));
        state.open.comes_to_share(command, [self.credit.comes_to_share(lane)]);
        Some((command, bytes))
    }

    /// Ends what the broker knows as `subscription`.
    pub(super) fn queue_leave(&self, state: &mut State, subscription: u64, wish: Option<WishId>) {
        let id = state.take_id();
        let bytes = self.encode(&ClientFrame::Unsubscribe(Unsubscribe { id, subscription }));
        state.open.insert(id, Open::Leave(Leave { subscription, wish }));
        state.push_for_session(Some(id), bytes);
    }
}

impl State {
    pub(super) fn push_for_session(&mut self, id: Option<u64>, bytes: Bytes) {
        let lifetime = Lifetime::Session;
        self.outgoing.push(Queued::one(bytes, id, 0, lifetime));
    }

    pub(super) fn push_reply(&mut self, bytes: Bytes, room: usize) {
        let lifetime = Lifetime::Session;
        self.outgoing.push(Queued::one(bytes, None, room, lifetime));
    }
}
