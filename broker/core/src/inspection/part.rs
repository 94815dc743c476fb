//! What one shard tells.

use std::cmp::Reverse;

use broker_delivery::lane::{Books, Keep, LaneOptions, Overflow};
use serde::{Serialize, Serializer};

use super::Sort;
use crate::Statistics;

/// What one shard tells: its share of the answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    pub(crate) sessions: Vec<SessionReport>,
    pub(crate) counts: Counts,
    /// What waits in all lanes of the shard.
    pub(crate) waiting: Waiting,
    /// What was counted in the lanes of sessions that live.
    pub(crate) books: Counted,
    pub(crate) statistics: Statistics,
    /// Messages of the topics of each pattern that went into lanes.
    pub(crate) deliveries: Vec<u64>,
}

impl Part {
    /// What it counts against the bound of an inbox, in bytes.
    pub(crate) fn size(&self) -> usize {
        let lanes: usize = self.sessions.iter().map(|session| session.lanes.len()).sum();
        size_of::<Self>()
            + self.sessions.len() * (size_of::<SessionReport>() + 128)
            + lanes * size_of::<LaneReport>()
            + self.deliveries.len() * size_of::<u64>()
    }

    /// Adds the numbers of another shard; sessions are the caller's affair.
    pub(super) fn add_numbers(&mut self, other: &Self) {
        self.counts.add(other.counts);
        self.waiting.add(other.waiting);
        self.books.add(other.books);
        self.statistics.add(&other.statistics);
        self.deliveries.resize(other.deliveries.len(), 0);
        self.deliveries.iter_mut().zip(&other.deliveries).for_each(|(sum, more)| *sum += more);
    }
}

/// How many sessions there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) sessions: u64,
    pub(crate) connected: u64,
    /// Those that were asked for.
    pub(crate) matching: u64,
    /// Those of all for which messages wait.
    pub(crate) behind: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.connected += other.connected;
        self.matching += other.matching;
        self.behind += other.behind;
    }
}

/// What waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Waiting {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// The age of the oldest message, in milliseconds.
    pub(crate) age: u64,
}

impl Waiting {
    pub(crate) fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.age = self.age.max(other.age);
    }
}

/// What became of what was pushed into lanes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counted {
    pub(crate) received: u64,
    pub(crate) conflated: u64,
    pub(crate) merged: u64,
    pub(crate) dropped: u64,
    pub(crate) expired: u64,
    pub(crate) gaps: u64,
}

impl Counted {
    pub(crate) fn add(&mut self, other: Self) {
        self.received += other.received;
        self.conflated += other.conflated;
        self.merged += other.merged;
        self.dropped += other.dropped;
        self.expired += other.expired;
        self.gaps += other.gaps;
    }
}

impl From<&Books> for Counted {
    fn from(books: &Books) -> Self {
        let Books { received, conflated, merged, dropped, expired, gaps } = *books;
        Self { received, conflated, merged, dropped, expired, gaps }
    }
}

/// One session: what waits and what was counted is the sum of its lanes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SessionReport {
    pub(crate) name: String,
    pub(crate) session: String,
    pub(crate) transport: Option<&'static str>,
    pub(crate) codec: &'static str,
    pub(crate) peer: Option<String>,
    pub(crate) connected: bool,
    /// Since when that is so, in milliseconds since the Unix epoch.
    pub(crate) since: u64,
    pub(crate) subscriptions: u64,
    #[serde(flatten)]
    pub(crate) waiting: Waiting,
    #[serde(flatten)]
    pub(crate) counted: Counted,
    pub(crate) lanes: Vec<LaneReport>,
}

/// Where a session stands in the order that is asked for: the lowest first, and equal ones by name.
pub(crate) type Rank = Reverse<(u64, u64)>;

impl SessionReport {
    pub(super) fn place(&self, sort: Sort) -> (Rank, String, String) {
        (rank(sort, self.waiting), self.name.clone(), self.session.clone())
    }
}

/// The rank of a session for which this waits.
pub(crate) fn rank(sort: Sort, waiting: Waiting) -> Rank {
    Reverse(match sort {
        Sort::Age => (waiting.age, waiting.messages),
        Sort::Queue => (waiting.messages, waiting.bytes),
        Sort::Name => (0, 0),
    })
}

/// One lane of a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LaneReport {
    pub(crate) lane: u8,
    #[serde(serialize_with = "write_options")]
    pub(crate) options: LaneOptions,
    #[serde(flatten)]
    pub(crate) waiting: Waiting,
    #[serde(flatten)]
    pub(crate) counted: Counted,
    /// Keys that were forgotten at the bound before their interval was over.
    pub(crate) forgotten: u64,
}

/// The options of a lane under the names that `subscribe` has for them.
#[derive(Serialize)]
struct Options {
    keep: Kept,
    overflow: &'static str,
    bound_messages: u32,
    bound_bytes: u64,
    min_interval: u64,
    priority: u8,
    unreliable: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Kept {
    Named(&'static str),
    Newest(u32),
}

fn write_options<S: Serializer>(options: &LaneOptions, to: S) -> Result<S::Ok, S::Error> {
    let keep = match options.keep {
        Keep::All => Kept::Named("all"),
        Keep::Latest(1) => Kept::Named("latest"),
        Keep::Latest(newest) => Kept::Newest(newest),
        Keep::Merge => Kept::Named("merge"),
    };
    let overflow = match options.overflow {
        Overflow::Disconnect => "disconnect",
        Overflow::DropOldest => "drop-oldest",
        Overflow::Resync => "resync",
    };
    let written = Options {
        keep,
        overflow,
        bound_messages: options.bound.messages,
        bound_bytes: options.bound.bytes,
        min_interval: options.min_interval.as_millis() as u64,
        priority: options.priority,
        unreliable: options.unreliable,
    };
    written.serialize(to)
}
