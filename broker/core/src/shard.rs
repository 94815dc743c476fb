//! A shard: some of the sessions, their lanes, and the log of what they want.

mod absence;
mod apply;
mod beside;
mod callbacks;
mod commands;
mod connect;
mod credit;
mod dirty;
mod drain;
mod ending;
mod flush;
mod grants;
mod holders;
mod idle;
mod inspect;
mod laggards;
mod lanes;
mod late;
mod liveness;
mod looks;
mod marks;
mod moving;
mod outgoing;
mod paces;
mod packet;
mod publish;
mod receive;
mod repeats;
mod replays;
mod requests;
mod resume;
mod routes;
mod subscriptions;
mod together;
mod turns;
mod unreliable;
mod walks;

use std::collections::BTreeSet;
use std::time::Duration;

use broker_delivery::Matcher;
use bytes::BytesMut;
use hashbrown::HashMap;
use slab::Slab;

use crate::session::Session;
use crate::{Addressee, Config, LinkInfo, Log, LogStatistics, Now, SessionId, ShardId, Standing};
use callbacks::Callbacks;
use dirty::Dirty;
pub use dirty::Unserved;
pub use drain::Deadline;
use drain::Draining;
pub use ending::Ending;
pub use flush::{Channel, Flushed, Outlet, Verdict};
use holders::Holders;
use idle::Search;
use inspect::Inspections;
use late::Late;
use looks::Look;
use outgoing::Outgoing;
use paces::Paces;
pub use receive::{Framing, Heard};
use routes::{Routes, Target};
use together::Together;
use walks::Walks;

/// Some of the sessions, their lanes, and the log of what they want.
///
/// Sessions are named by their slot; a slot is in use from [`Shard::attach`] to [`Shard::forget`].
#[derive(Debug)]
pub struct Shard {
    id: ShardId,
    config: Config,
    sessions: Slab<Session>,
    matcher: Matcher<Target>,
    routes: Routes,
    /// Messages on their way from the sequencer's items to the log.
    together: Together,
    log: Log,
    outgoing: Outgoing,
    /// Sessions with something to write.
    dirty: Dirty,
    /// Sessions whose lanes wait, so that the log is held for them.
    laggards: BTreeSet<u32>,
    /// A look at those who are behind that isn't over, and where the log ended when it last went on.
    look: Option<Look>,
    looked_at: u64,
    /// What is noted for lanes that wait.
    late: Late,
    /// Lanes that are to be conflated.
    walks: Walks,
    /// Sessions for which something is kept that was sent.
    holders: Holders,
    /// Where the log ended when they were last looked at.
    settled_at: u64,
    /// Sessions without a link, by the time since which they are.
    away: BTreeSet<(Duration, u32)>,
    /// Sessions without a link that have ended.
    buried: Vec<u32>,
    /// Links that belong to another slot now: from where and to where.
    moves: Vec<(u32, u32)>,
    /// Members of queue groups whose session has ended, until the sequencer knows.
    departed: HashMap<Addressee, Standing>,
    /// Sessions that left queue groups in this turn.
    left: BTreeSet<SessionId>,
    endings: Vec<Ending>,
    native_pings: Vec<(u32, u64)>,
    /// When the turn began.
    now: Duration,
    /// When open requests time out: the time, the slot, its generation and the asker's id.
    deadlines: BTreeSet<(Duration, u32, u64, u64)>,
    next_scan: Duration,
    paces: Paces,
    scratch: BytesMut,
    sessions_seen: u64,
    callbacks: Callbacks,
    /// What is under way for those who ask about sessions.
    inspections: Inspections,
    /// Idle topics of which the sequencer wants to know whether something waits.
    search: Option<Box<Search>>,
    /// Set once the broker stops.
    draining: Option<Draining>,
    statistics: Statistics,
}

/// What a shard has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Sessions that were opened.
    pub sessions_opened: u64,
    /// Sessions that their client came back to.
    pub sessions_resumed: u64,
    /// Sessions whose client didn't come back in time, or that were too many.
    pub sessions_expired: u64,
    /// Sessions without a link now.
    pub sessions_away: u64,
    /// Messages accepted from clients of this shard.
    pub received: u64,
    /// Messages handed to links.
    pub delivered: u64,
    /// Messages dropped at the bound of a lane, of sessions that have ended.
    pub dropped: u64,
    /// Messages that newer ones replaced while they waited, of sessions that have ended.
    pub conflated: u64,
    /// Messages that were folded into others while they waited, of sessions that have ended.
    pub merged: u64,
    /// Messages that expired while they waited, of sessions that have ended.
    pub expired: u64,
    /// Retained values that were put into lanes for subscriptions that began, or were behind.
    pub replayed: u64,
    /// How often a lane at its bound discarded what waited, to be sent what is retained.
    pub resyncs: u64,
    /// Packets handed to links.
    pub packets: u64,
    /// Sessions ended because a lane was at its bound.
    pub slow_consumers: u64,
    /// Sessions ended because their control queue was at its bound.
    pub control_overruns: u64,
    /// Sessions ended because their client was silent.
    pub timed_out: u64,
    /// Sessions ended because their client sent what it mustn't.
    pub malformed: u64,
    /// Commands refused.
    pub rejected: u64,
    /// Callbacks that are offered now.
    pub callbacks: u64,
    /// Callbacks and sessions that are held now, once for each that holds them.
    pub holds: u64,
    /// Calls without an answer that a callback's lane had no room for.
    pub calls_refused: u64,
    /// Bytes that the log holds now, survivors included.
    pub log_bytes: u64,
    /// The most that the log held at the end of a turn.
    pub log_bytes_most: u64,
    /// The most steps that one turn made to learn of which idle topics something waits.
    pub idle_steps_most: u64,
    /// Messages that live on outside their segments now, since few of their neighbours are wanted.
    pub survivors: u64,
    /// What the log did for sessions that were behind.
    pub log: LogStatistics,
}

impl Statistics {
    /// Adds what another shard has done.
    pub fn add(&mut self, other: &Self) {
        self.sessions_opened += other.sessions_opened;
        self.sessions_resumed += other.sessions_resumed;
        self.sessions_expired += other.sessions_expired;
        self.sessions_away += other.sessions_away;
        self.received += other.received;
        self.delivered += other.delivered;
        self.dropped += other.dropped;
        self.conflated += other.conflated;
        self.merged += other.merged;
        self.expired += other.expired;
        self.replayed += other.replayed;
        self.resyncs += other.resyncs;
        self.packets += other.packets;
        self.slow_consumers += other.slow_consumers;
        self.control_overruns += other.control_overruns;
        self.timed_out += other.timed_out;
        self.malformed += other.malformed;
        self.rejected += other.rejected;
        self.callbacks += other.callbacks;
        self.holds += other.holds;
        self.calls_refused += other.calls_refused;
        self.log_bytes += other.log_bytes;
        self.log_bytes_most += other.log_bytes_most;
        self.idle_steps_most = self.idle_steps_most.max(other.idle_steps_most);
        self.survivors += other.survivors;
        self.log.looks += other.log.looks;
        self.log.copied_out += other.log.copied_out;
        self.log.copied_out_bytes += other.log.copied_out_bytes;
        self.log.folded += other.log.folded;
        self.log.unfolded += other.log.unfolded;
    }
}

impl Shard {
    /// A shard without sessions.
    pub fn new(id: ShardId, config: Config, now: Now) -> Self {
        Self {
            id,
            log: Log::new(config.log_bytes_max)
                .with_folds(config.folds.clone(), config.limits.payload_bytes_max),
            routes: Routes::new(config.policies.clone()),
            config,
            sessions: Slab::new(),
            matcher: Matcher::default(),
            together: Together::default(),
            outgoing: Outgoing::new(id),
            dirty: Dirty::default(),
            laggards: BTreeSet::new(),
            look: None,
            looked_at: 0,
            late: Late::default(),
            walks: Walks::default(),
            holders: Holders::default(),
            settled_at: 0,
            away: BTreeSet::new(),
            buried: Vec::new(),
            moves: Vec::new(),
            departed: HashMap::new(),
            left: BTreeSet::new(),
            endings: Vec::new(),
            native_pings: Vec::new(),
            now: now.monotonic,
            deadlines: BTreeSet::new(),
            next_scan: now.monotonic,
            paces: Paces::default(),
            scratch: BytesMut::new(),
            sessions_seen: 0,
            callbacks: Callbacks::new(now),
            inspections: Inspections::default(),
            search: None,
            draining: None,
            statistics: Statistics::default(),
        }
    }

    /// Takes a link in. Its client has [`handshake_timeout`](crate::Liveness) to say `connect`.
    ///
    /// Returns the slot by which the session is named.
    pub fn attach(&mut self, now: Now, link: LinkInfo) -> u32 {
        self.seat(link, now.monotonic)
    }

    /// Gives a link a slot, and a session that hasn't begun.
    fn seat(&mut self, link: LinkInfo, now: Duration) -> u32 {
        let generation = self.sessions_seen;
        self.sessions_seen += 1;
        let entry = self.sessions.vacant_entry();
        let slot = entry.key() as u32;
        let id = SessionId { shard: self.id, slot, generation };
        entry.insert(Session::new(id, link, now));
        slot
    }

    /// Frees the slot of a session that has ended.
    ///
    /// # Panics
    /// If the session hasn't ended.
    pub fn forget(&mut self, slot: u32) {
        let session = self.sessions.remove(slot as usize);
        assert_eq!(session.stage, crate::session::Stage::Ending, "only what ended is forgotten");
    }

    /// How many sessions there are, ended ones that aren't forgotten included.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// What was done so far.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            log_bytes: self.log.bytes_held() as u64,
            survivors: self.log.survivors() as u64,
            log: self.log.statistics(),
            sessions_away: self.away.len() as u64,
            callbacks: self.callbacks.offered(),
            holds: self.callbacks.held(),
            ..self.statistics
        }
    }

    /// Bytes that the log holds.
    pub fn log_bytes(&self) -> usize {
        self.log.bytes_held()
    }

    /// The sessions that the transport is to ping, with a ping of its own, and the mark of that.
    pub fn take_native_pings(&mut self) -> Vec<(u32, u64)> {
        std::mem::take(&mut self.native_pings)
    }

    /// The session of an id, if it is still the one in its slot and hasn't ended.
    fn find(&mut self, id: SessionId) -> Option<&mut Session> {
        let session = self.sessions.get_mut(id.slot as usize)?;
        (session.id == id && session.stage != crate::session::Stage::Ending).then_some(session)
    }
}
