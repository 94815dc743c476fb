//! What the shard will ask of the sequencer in this turn.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Body, BrokerFrame};
use broker_protocol::{Codec, message};
use bytes::BytesMut;

use crate::{
    Batch, CallbackCommand, Command, Outstanding, Overview, Purpose, ShardId, Span, Standing,
    Token, TopicId,
};

/// The memory that is taken at once for what commands refer to, in bytes.
const ARENA_BYTES: usize = 64 << 10;

/// For how many commands memory is kept from turn to turn.
const COMMANDS_KEPT: usize = 4 << 10;

/// What the shard will ask of the sequencer in this turn.
#[derive(Debug)]
pub(super) struct Outgoing {
    shard: ShardId,
    commands: Vec<Command>,
    /// What the commands cost beside the arena, in bytes.
    command_bytes: usize,
    arena: BytesMut,
    requests_seen: u64,
}

impl Outgoing {
    pub(super) fn new(shard: ShardId) -> Self {
        let (commands, arena) = (Vec::new(), BytesMut::new());
        Self { shard, commands, command_bytes: 0, arena, requests_seen: 0 }
    }

    pub(super) fn push(&mut self, command: Command) {
        self.command_bytes += size_of::<Command>() + text_bytes(&command);
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

    /// Bytes that wait to be taken: the commands, and what they refer to.
    pub(super) fn bytes(&self) -> usize {
        self.arena.len() + self.command_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    pub(super) fn take(&mut self) -> Batch {
        self.command_bytes = 0;
        let commands = std::mem::take(&mut self.commands);
        Batch { commands, arena: self.arena.split().freeze() }
    }

    /// Takes the memory of commands that were carried out.
    fn reuse(&mut self, mut commands: Vec<Command>) {
        if self.commands.is_empty() {
            commands.clear();
            commands.shrink_to(COMMANDS_KEPT);
            self.commands = commands;
        }
    }
}

/// The text that a command brings along, in bytes. A client's name belongs to its session.
fn text_bytes(command: &Command) -> usize {
    match command {
        Command::Subscribe(standing) => standing_bytes(standing),
        Command::Unsubscribe { standing, .. } => size_of::<Standing>() + standing_bytes(standing),
        Command::HandBack { standing, publication } => {
            size_of::<Standing>() + standing_bytes(standing) + publication.size()
        }
        Command::Refuse { message, .. } => message.len(),
        Command::Send { to, .. } => to.len(),
        Command::Replay { wanted, .. } => wanted.len() * size_of::<Outstanding>(),
        Command::StillWaiting { topics, .. } => topics.len() * size_of::<TopicId>(),
        Command::Topics { wanted, .. } => wanted.size(),
        Command::TopicsCounted { page, counts, .. } => page.size() + size_of_val(&**counts),
        Command::Inspected { part, .. } => size_of::<Overview>() + part.size(),
        Command::Callback(CallbackCommand::Unwanted { topic, .. }) => topic.len(),
        _ => 0,
    }
}

fn standing_bytes(standing: &Standing) -> usize {
    let group = match &standing.purpose {
        Purpose::Group(group) => group.len(),
        Purpose::Messages { .. } | Purpose::Requests => 0,
    };
    standing.filter.len() + group
}

impl super::Shard {
    /// What the shard asks of the sequencer, if anything.
    pub fn take_batch(&mut self) -> Option<Batch> {
        (!self.outgoing.is_empty()).then(|| self.outgoing.take())
    }

    /// Takes back a batch that was handed to the sequencer: its memory is the next one's. Without this each
    /// grows anew.
    pub fn reuse_batch(&mut self, batch: Batch) {
        self.outgoing.reuse(batch.commands);
    }

    /// Whether there is something to be taken.
    pub fn has_batch(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Bytes that wait to be taken with the next batch, the commands themselves included: whoever reads for the shard stops for this
    /// turn at some bound of its own.
    pub fn batch_bytes(&self) -> usize {
        self.outgoing.bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::SessionId;

    /// What is moved and looked at for each message and call, in bytes.
    const COMMAND_BYTES_MAX: usize = 96;

    fn subscribe(filter: &str, purpose: Purpose) -> Command {
        Command::Subscribe(Standing {
            session: SessionId { shard: ShardId(0), slot: 0, generation: 1 },
            name: Arc::from("client"),
            subscription: 1,
            filter: Arc::from(filter),
            purpose,
        })
    }

    #[test]
    fn a_command_counts_though_it_writes_nothing_into_the_arena() {
        let mut outgoing = Outgoing::new(ShardId(0));
        outgoing.push(subscribe("a.b", Purpose::Requests));
        assert_eq!(outgoing.bytes(), size_of::<Command>() + 3);
        outgoing.push(subscribe("a.b", Purpose::Group(Arc::from("team"))));
        assert_eq!(outgoing.bytes(), 2 * (size_of::<Command>() + 3) + 4);
    }

    #[test]
    fn a_command_is_no_larger_than_a_call_needs() {
        assert!(size_of::<Command>() <= COMMAND_BYTES_MAX, "{}", size_of::<Command>());
    }

    #[test]
    fn the_memory_of_a_batch_is_the_next_ones_up_to_a_bound() {
        let mut outgoing = Outgoing::new(ShardId(0));
        for (pushed, kept) in
            [(100, 100..200), (2 * COMMANDS_KEPT, COMMANDS_KEPT..COMMANDS_KEPT + 1)]
        {
            (0..pushed).for_each(|_| outgoing.push(subscribe("a.b", Purpose::Requests)));
            let Batch { commands, .. } = outgoing.take();
            outgoing.reuse(commands);
            assert!(outgoing.is_empty() && kept.contains(&outgoing.commands.capacity()));
        }
    }

    #[test]
    fn nothing_counts_any_more_once_it_is_taken() {
        let mut outgoing = Outgoing::new(ShardId(0));
        outgoing.push(subscribe("a.b", Purpose::Requests));
        outgoing.write_text("topic");
        assert_eq!(outgoing.take().commands.len(), 1);
        assert_eq!(outgoing.bytes(), 0);
    }
}
