//! The sequencer: one order for the whole broker.
//!
//! It stamps what is accepted, finds the shards that want it, and appends to their inboxes. A
//! subscription is an item in the same order as messages and begins at that point.
//!
//! Invariants: per topic and epoch `seq` counts from 1 without holes; every shard receives its
//! items in the one order; nothing is encoded here.

mod answers;
mod attendance;
mod callbacks;
mod calls;
mod config;
mod directory;
mod expiry;
mod forgetting;
mod gathering;
mod groups;
mod inspections;
mod interest;
mod looking;
mod patterns;
mod providers;
mod publish;
mod replays;
mod retained;
mod standing;
mod topics;
mod turns;

use std::sync::Arc;

use crate::{Batch, Command, Item, Now, Overview, Publication, ShardId};
use answers::answer_to;
use attendance::Attendance;
use callbacks::Callbacks;
pub(crate) use callbacks::filter_of;
use calls::{Call, Calls};
pub use config::SequencerConfig;
use directory::Directory;
use forgetting::Forgetting;
use gathering::Gathering;
use groups::Groups;
use inspections::Inspections;
use interest::Interest;
use patterns::Patterns;
use providers::Providers;
use publish::expires;
use replays::Replays;
use retained::Retained;
pub use retained::RetainedConfig;
use topics::Topics;

/// One order for the whole broker.
#[derive(Debug)]
pub struct Sequencer {
    topics: Topics,
    forgetting: Forgetting,
    patterns: Patterns,
    retained: Retained,
    replays: Replays,
    interest: Interest,
    groups: Groups,
    providers: Providers,
    calls: Calls,
    directory: Directory,
    callbacks: Callbacks,
    attendance: Attendance,
    inspections: Inspections,
    statistics: Statistics,
}

/// What the sequencer has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Messages accepted.
    pub published: u64,
    /// Messages refused because there are too many topics.
    pub refused: u64,
    /// Messages refused because they can't or mustn't be retained.
    pub refused_retained: u64,
    /// Topics forgotten.
    pub forgotten: u64,
    /// How often a topic that was idle for long wasn't forgotten since a message of it waited.
    pub topics_waited: u64,
    /// Of those forgotten, topics that made room for others at a limit, whatever waited of them.
    pub topics_displaced: u64,
    /// Last values that are retained now.
    pub retained: u64,
    /// What they cost, in bytes.
    pub retained_bytes: u64,
    /// How often a document was made of the one before and the patches that came since.
    pub documents_made: u64,
    /// How many retained values were looked at for replays.
    pub replay_looks: u64,
}

/// Where the sequencer puts what it tells: the shards' inboxes.
pub trait Inboxes {
    /// Appends an item to a shard's inbox.
    fn put(&mut self, shard: ShardId, item: Item);
}

impl<F: FnMut(ShardId, Item)> Inboxes for F {
    fn put(&mut self, shard: ShardId, item: Item) {
        self(shard, item);
    }
}

impl Sequencer {
    /// A sequencer whose first epoch is the wall clock's milliseconds, so that epochs grow over
    /// restarts.
    pub fn new(config: SequencerConfig, now: Now) -> Self {
        Self {
            retained: Retained::new(&config),
            forgetting: Forgetting::new(config.forget_after),
            patterns: Patterns::new(config.policies.filters().count()),
            topics: Topics::new(config, now.wall),
            replays: Replays::default(),
            interest: Interest::default(),
            groups: Groups::default(),
            providers: Providers::default(),
            calls: Calls::default(),
            directory: Directory::default(),
            callbacks: Callbacks::default(),
            attendance: Attendance::default(),
            inspections: Inspections::default(),
            statistics: Statistics::default(),
        }
    }

    /// What was done so far.
    pub fn statistics(&self) -> Statistics {
        let (retained, retained_bytes) = (self.retained.len() as u64, self.retained.bytes() as u64);
        let (documents_made, replay_looks) = (self.retained.folded(), self.retained.looks());
        let topics_displaced = self.topics.displaced();
        Statistics {
            retained,
            retained_bytes,
            documents_made,
            replay_looks,
            topics_displaced,
            ..self.statistics
        }
    }

    /// How many topics are known.
    pub fn topics(&self) -> usize {
        self.topics.len()
    }

    /// Carries out what a shard asks, in order, and tells the shards.
    pub fn handle(&mut self, now: Now, batch: &Batch, out: &mut impl Inboxes) {
        self.let_expire(now.monotonic);
        self.replays.begin();
        let mut gathering = Gathering::new(out, now, batch);
        for command in &batch.commands {
            self.carry_out(now, batch, command, &mut gathering);
        }
        gathering.end();
        self.forget_some(now, out);
    }

    fn carry_out(
        &mut self,
        now: Now,
        batch: &Batch,
        command: &Command,
        out: &mut Gathering<'_, impl Inboxes>,
    ) {
        match command {
            Command::Publish { session, id, topic, parts, expires_in, retain } => {
                let message = (*topic, *parts, *retain, expires(now, *expires_in));
                self.publish(now, batch, message, (*session, *id), out);
            }
            Command::Send { session, id, to, topic, parts, expires_in } => {
                let message = (*topic, *parts, expires(now, *expires_in));
                self.send(now, batch, message, to, (*session, *id), out);
            }
            Command::Open { session, name } => {
                self.directory.enter(name, *session);
                self.inspections.seen(session.shard);
            }
            Command::Close { session, name } => {
                self.directory.leave(name, *session);
                self.groups.set_blocked(*session, false);
                self.topics.maker_gone(*session);
                self.attacher_gone(*session, out);
            }
            Command::Subscribe(standing) => self.subscribe(standing, out),
            Command::Unsubscribe { standing, id } => self.unsubscribe(standing, *id, out),
            // No state here: it is a point in the order.
            Command::Move { session, subscription, lane, id } => {
                let (session, subscription, lane, id) = (*session, *subscription, *lane, *id);
                out.put(session.shard, Item::Moved { session, subscription, lane, id });
            }
            Command::Request { asker, id, token, topic, frame } => {
                let call = Call { asker: *asker, id: *id };
                self.request(batch, *token, call, (*topic, *frame), out);
            }
            Command::Reply { token, frame } => self.reply(batch, *token, *frame, out),
            Command::Refuse { token, code, message } => self.refuse(*token, *code, message, out),
            Command::Cancel { token } => self.cancel(*token, out),
            Command::HandBack { standing, publication } => {
                self.hand_back(now, standing, Publication::clone(publication), out);
            }
            Command::Replay { session, lane, ticket, wanted } => {
                let (session, lane, ticket) = (*session, *lane, *ticket);
                let looks = self.replays.looks_for(session, batch);
                let pages = self.retained.pages(wanted, now.monotonic, looks);
                let point = self.retained.point();
                out.put(session.shard, Item::Replayed { session, lane, ticket, point, pages });
            }
            Command::Blocked { session, blocked } => self.groups.set_blocked(*session, *blocked),
            Command::Answer { session, answer } => answer_to(*session, answer.clone(), out),
            Command::Callback(command) => self.about_callbacks(batch, command, out),
            Command::StillWaiting { round, shard, topics } => {
                self.still_waiting(*round, *shard, topics);
            }
            Command::Inspect(inspection) => self.inspect(now, inspection, out),
            Command::Topics { inspection, wanted } => {
                self.go_on_with_topics(now, inspection, wanted, out);
            }
            Command::TopicsCounted { inspection, page, counts } => {
                let (shard, inspection, page) =
                    (inspection.asker.shard, inspection.clone(), page.clone());
                out.put(shard, Item::TopicsCounted { inspection, page, counts: counts.clone() });
            }
            Command::Inspected { inspection, overview, part } => {
                inspections::tell(inspection, Overview::clone(overview), part, out);
            }
        }
    }
}

/// A topic's name, shared.
type Name = Arc<str>;

#[cfg(test)]
mod crowds;
#[cfg(test)]
mod tests;
