//! The broker's rules as plain state: no sockets, no clock, no tasks, no locks.
//!
//! Two machines. The [`Sequencer`] is one for the whole broker: it accepts, stamps and routes, and
//! its order is *the* order. A [`Shard`] owns sessions, their lanes and a log of encoded frames; it
//! turns what clients say into [`Command`]s for the sequencer, and the sequencer's [`Item`]s into
//! packets. Whoever runs them (the server, or a simulator) moves commands and items between them
//! and passes the time:
//!
//! ```text
//! bytes → Shard::receive → Batch → Sequencer::handle → Item → Shard::apply → Shard::flush → Outlet
//! ```
//!
//! The contract of a shard: after every input take its batch ([`Shard::take_batch`]) and its dirty
//! sessions ([`Shard::next_dirty`]), and call [`Shard::tick`] no later than it asked to be.
//!
//! Invariant: nothing here reads a clock, a socket or a random number.

mod callback;
mod command;
mod config;
mod few;
mod folds;
mod ids;
mod inspection;
mod item;
mod log;
mod policy;
mod publication;
mod replay;
mod sequencer;
mod session;
mod shard;

pub use callback::{CallbackId, Methods};
pub use command::{Batch, CallbackCommand, Command, Purpose, Retain, Span, Standing};
pub use config::{Absence, Config, Limits, Liveness};
pub use folds::Folds;
pub use ids::{Now, SessionId, ShardId, Token, TopicId};
pub use inspection::{
    Inspection, Overview, Part, PatternSum, Peer, TopicCounts, TopicRow, TopicsPage, WantedTopics,
};
pub use item::{Addressee, Answer, Attachment, CallbackItem, Item, Owned, SentCalls};
pub use log::{Log, LogStatistics, Run, Wanted};
pub use policy::{KeepRule, Pattern, Policies, Retention};
pub use publication::Publication;
pub use replay::{Cursor, Outstanding, Page, Place};
pub use sequencer::{
    Inboxes, RetainedConfig, Sequencer, SequencerConfig, Statistics as SequencerStatistics,
};
pub use session::{LinkInfo, PongTo};
pub use shard::{
    Channel, Deadline, Ending, Flushed, Framing, Heard, Outlet, Shard, Statistics, Unserved,
    Verdict,
};
