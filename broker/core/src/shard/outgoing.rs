//! What the shard will ask of the sequencer in this turn.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Body, BrokerFrame};
use broker_protocol::{Codec, message};
use bytes::BytesMut;

use crate::{Batch, Command, ShardId, Span, Token};

/// The memory that is taken at once for what commands refer to, in bytes.
const ARENA_BYTES: usize = 64 << 10;

/// What the shard will ask of the sequencer in this turn.
#[derive(Debug)]
pub(super) struct Outgoing {
    shard: ShardId,
    commands: Vec<Command>,
    arena: BytesMut,
    requests_seen: u64,
}

impl Outgoing {
    pub(super) fn new(shard: ShardId) -> Self {
        Self { shard, commands: Vec::new(), arena: BytesMut::new(), requests_seen: 0 }
    }

    pub(super) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub(super) fn refuse(&mut self, token: Token, code: ErrorCode, message: &str) {
        self.push(Command::Refuse { token, code, message: message.to_owned() });
    }

    /// Makes the token of the next request.
    pub(super) fn next_token(&mut self) -> Token {
        self.requests_seen += 1;
        Token { shard: self.shard, number: self.requests_seen }
    }

    pub(super) fn write_text(&mut self, text: &str) -> Span {
        self.write(text.len(), |arena| arena.extend_from_slice(text.as_bytes()))
    }

    pub(super) fn write_parts(&mut self, topic: &str, from: &str, body: &Body<'_>) -> Span {
        let about = topic.len() + from.len() + body.payload.len() + 64;
        self.write(about, |arena| message::write_parts(topic, Some(from), body, arena))
    }

    pub(super) fn write_frame(&mut self, about: usize, frame: &BrokerFrame<'_>) -> Span {
        self.write(about, |arena| Codec::Bincode.write_broker(frame, arena))
    }

    fn write(&mut self, about: usize, write: impl FnOnce(&mut BytesMut)) -> Span {
        if self.arena.capacity() - self.arena.len() < about
            && !self.arena.try_reclaim(about.max(ARENA_BYTES))
        {
            self.arena.reserve(about.max(ARENA_BYTES));
        }
        let start = self.arena.len() as u32;
        write(&mut self.arena);
        Span { start, end: self.arena.len() as u32 }
    }

    /// Bytes that wait to be taken.
    pub(super) fn bytes(&self) -> usize {
        self.arena.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    pub(super) fn take(&mut self) -> Batch {
        Batch { commands: std::mem::take(&mut self.commands), arena: self.arena.split().freeze() }
    }
}

impl super::Shard {
    /// What the shard asks of the sequencer, if anything.
    pub fn take_batch(&mut self) -> Option<Batch> {
        (!self.outgoing.is_empty()).then(|| self.outgoing.take())
    }

    /// Whether there is something to be taken.
    pub fn has_batch(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Bytes that wait to be taken with the next batch: whoever reads for the shard stops for this
    /// turn at some bound of its own.
    pub fn batch_bytes(&self) -> usize {
        self.outgoing.bytes()
    }
}
