//! The loop itself: from frames that were published to bytes that are written to everybody.

use broker_protocol::{Codec, DecodeError};
use bytes::BytesMut;
use slab::Slab;

use crate::conversation::{Client, Outcome};
use crate::topics::Topics;

/// The longest frame that is read, in bytes.
pub(crate) const FRAME_BYTES_MAX: usize = 1 << 20;

/// The way to one client.
pub(crate) trait Way {
    /// Bytes that are left free in front of a run.
    const HEADROOM: usize;

    /// A run as it is written to everybody.
    type Sealed<'a>;

    /// Makes `run`, with the headroom in front, ready to be written.
    fn seal(run: &mut BytesMut) -> Self::Sealed<'_>;

    /// Opens a lane, unless it is open. Returns whether that could be done.
    fn open(&mut self, lane: u8) -> bool;

    /// Writes a run to a lane that is open, or keeps what can't be written now.
    fn send(&mut self, lane: u8, run: &Self::Sealed<'_>);

    /// Writes an answer to a lane that is open.
    fn answer_in_lane(&mut self, lane: u8, frames: &[u8]);

    /// Writes answers in an order of their own.
    fn answer(&mut self, frames: &[u8]);
}

/// All clients and topics.
pub(crate) struct Hub<W> {
    clients: Slab<(Client, W)>,
    topics: Topics,
    /// Answers to the client that is being read.
    answers: BytesMut,
}

impl<W: Way> Hub<W> {
    pub(crate) fn new() -> Self {
        let topics = Topics::new(W::HEADROOM);
        Self { clients: Slab::new(), topics, answers: BytesMut::new() }
    }

    /// Adds a client. Returns its id.
    pub(crate) fn join(&mut self, way: W) -> usize {
        let entry = self.clients.vacant_entry();
        let id = entry.key();
        entry.insert((Client::new(id), way));
        id
    }

    /// Forgets a client. Returns the way to it.
    pub(crate) fn leave(&mut self, id: usize) -> Option<W> {
        let (mut client, way) = self.clients.try_remove(id)?;
        client.leave(&mut self.topics);
        Some(way)
    }

    /// The way to a client that is there.
    pub(crate) fn way(&mut self, id: usize) -> Option<&mut W> {
        self.clients.get_mut(id).map(|(_, way)| way)
    }

    /// Whether the client has said goodbye, and was answered.
    pub(crate) fn is_leaving(&self, id: usize) -> bool {
        self.clients.get(id).is_some_and(|(client, _)| client.is_leaving())
    }

    /// Takes one frame of a client, cut from what arrived.
    ///
    /// # Errors
    /// If it isn't one.
    pub(crate) fn hear(&mut self, id: usize, frame: &[u8]) -> Result<(), DecodeError> {
        let Some(frame) = Codec::Bincode.read_client(frame)? else { return Ok(()) };
        if self.topics.is_full() || is_turning_point(&frame) {
            self.deliver();
        }
        let (client, way) = &mut self.clients[id];
        match client.hear(frame, way, &mut self.topics) {
            Outcome::Silence => {}
            Outcome::Control(answer) => Codec::Bincode.write_broker(&answer, &mut self.answers),
            Outcome::Lane(lane, answer) => {
                let mut frames = BytesMut::new();
                Codec::Bincode.write_broker(&answer, &mut frames);
                way.answer_in_lane(lane, &frames);
            }
        }
        Ok(())
    }

    /// Writes what came of the frames of a client that were there.
    pub(crate) fn flush(&mut self, id: usize) {
        if !self.answers.is_empty() {
            self.clients[id].1.answer(&self.answers);
            self.answers.clear();
        }
        self.deliver();
    }

    /// Writes every run to everybody who is subscribed to its topic.
    fn deliver(&mut self) {
        let clients = &mut self.clients;
        self.topics.take_runs(|run, subscribers| {
            let sealed = W::seal(run);
            for subscriber in subscribers {
                clients[subscriber.client].1.send(subscriber.lane, &sealed);
            }
        });
    }
}

/// Whether what was published before the frame goes to others than what is published after it.
fn is_turning_point(frame: &broker_protocol::frame::ClientFrame<'_>) -> bool {
    use broker_protocol::frame::ClientFrame::{Subscribe, Unsubscribe};
    matches!(frame, Subscribe(_) | Unsubscribe(_))
}
