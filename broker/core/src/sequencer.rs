//! The sequencer: one order for the whole broker.
//!
//! It stamps what is accepted, finds the shards that want it, and appends to their inboxes. A
//! subscription is an item in the same order as messages and begins at that point.
//!
//! Invariants: per topic and epoch `seq` counts from 1 without holes; every shard receives its
//! items in the one order; nothing is encoded here.

mod attendance;
mod callbacks;
mod calls;
mod directory;
mod groups;
mod inspections;
mod interest;
mod providers;
mod retained;
mod topics;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use broker_protocol::ErrorCode;

use crate::command::{Purpose, Retain};
use crate::{
    Addressee, Answer, Batch, Command, Folds, Item, Limits, Now, Policies, Publication, SessionId,
    ShardId, Span, Standing, Token,
};
use attendance::Attendance;
use callbacks::Callbacks;
pub(crate) use callbacks::filter_of;
use calls::{Call, Calls};
use directory::Directory;
use groups::Groups;
use inspections::Inspections;
use interest::Interest;
use providers::Providers;
pub use retained::RetainedConfig;
use retained::{NotRetained, Retained};
use topics::{Topics, TopicsFull};

/// One order for the whole broker.
#[derive(Debug)]
pub struct Sequencer {
    topics: Topics,
    retained: Retained,
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

/// The settings of the sequencer.
#[derive(Debug, Clone)]
pub struct SequencerConfig {
    /// The most topics that are known at a time.
    pub topics_max: usize,
    /// The most topics that are known because one session was the first to use them.
    pub topics_per_session_max: usize,
    /// After how much idleness a topic is forgotten.
    pub forget_after: Duration,
    /// How much is retained.
    pub retained: RetainedConfig,
    /// What holds for the topics of a pattern: what is kept of them.
    pub policies: Policies,
    /// How documents are made of patches, where they are kept.
    pub folds: Folds,
    /// The largest document.
    pub payload_bytes_max: usize,
}

impl Default for SequencerConfig {
    fn default() -> Self {
        Self {
            topics_max: 1_000_000,
            topics_per_session_max: 100_000,
            forget_after: Duration::from_secs(600),
            retained: RetainedConfig::default(),
            policies: Policies::default(),
            folds: Folds::default(),
            payload_bytes_max: Limits::default().payload_bytes_max,
        }
    }
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
    /// Last values that are retained now.
    pub retained: u64,
    /// What they cost, in bytes.
    pub retained_bytes: u64,
    /// How often a document was made of the one before and the patches that came since.
    pub documents_made: u64,
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
            topics: Topics::new(config, now.wall),
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
        let documents_made = self.retained.folded();
        Statistics { retained, retained_bytes, documents_made, ..self.statistics }
    }

    /// How many topics are known.
    pub fn topics(&self) -> usize {
        self.topics.len()
    }

    /// Carries out what a shard asks, in order, and tells the shards.
    pub fn handle(&mut self, now: Now, batch: &Batch, out: &mut impl Inboxes) {
        for command in &batch.commands {
            self.carry_out(now, batch, command, out);
        }
        for topic_id in self.topics.forget_idle(now.monotonic) {
            self.statistics.forgotten += 1;
            self.interest.shards().for_each(|shard| out.put(shard, Item::Forgotten { topic_id }));
        }
    }

    fn carry_out(&mut self, now: Now, batch: &Batch, command: &Command, out: &mut impl Inboxes) {
        match command {
            Command::Publish { session, id, topic, parts, expires_in, retain } => {
                let message = (*topic, *parts, *retain, expires(now, *expires_in));
                self.publish(now, batch, message, (*session, *id), out);
            }
            Command::Send { session, id, to, topic, parts } => {
                self.send(now, batch, (*topic, *parts), to, (*session, *id), out);
            }
            Command::Open { session, name } => {
                self.directory.enter(name, *session);
                self.inspections.seen(session.shard);
            }
            Command::Close { session, name } => {
                self.directory.leave(name, *session);
                self.groups.set_blocked(*session, false);
                self.topics.maker_gone(*session);
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
                self.hand_back(standing, publication.clone(), out);
            }
            Command::Replay { session, lane, ticket, wanted } => {
                let (session, lane, ticket) = (*session, *lane, *ticket);
                let pages = self.retained.pages(wanted, now.monotonic);
                let point = self.retained.point();
                out.put(session.shard, Item::Replayed { session, lane, ticket, point, pages });
            }
            Command::Blocked { session, blocked } => self.groups.set_blocked(*session, *blocked),
            Command::Answer { session, answer } => answer_to(*session, answer.clone(), out),
            Command::Callback(command) => self.about_callbacks(now, batch, command, out),
            Command::Inspect(inspection) => self.inspect(now, inspection, out),
            Command::Inspected { inspection, overview, part } => {
                inspections::tell(inspection, *overview, part, out);
            }
        }
    }

    fn publish(
        &mut self,
        now: Now,
        batch: &Batch,
        (topic, parts, retain, expires): (Span, Span, Retain, Option<Duration>),
        (session, id): (SessionId, Option<u64>),
        out: &mut impl Inboxes,
    ) {
        let topic = match self.topics.accept(batch.text(topic), session, now.monotonic) {
            Ok(topic) => topic,
            Err(full) => {
                self.statistics.refused += 1;
                return answer_to(session, too_many_topics(id, full), out);
            }
        };
        let admitted = match self.retained.admit(topic, retain, batch.slice(parts)) {
            Ok(admitted) => admitted,
            Err(refused) => {
                self.statistics.refused_retained += 1;
                return answer_to(session, not_retained(id, &refused), out);
            }
        };
        self.statistics.published += 1;
        topic.refresh(&self.interest, &self.groups);
        let publication = match retain {
            Retain::Keep => Some(topic.stamp_always(now.wall, batch.bytes(parts))),
            _ => topic.stamp(now.wall, || batch.bytes(parts)),
        };
        let publication = publication.map(|publication| Publication { expires, ..publication });
        self.retained.note(topic, admitted, publication.as_ref(), batch.slice(parts));
        if let Some(publication) = publication {
            let addressed = self.groups.choose(topic.groups());
            deliver(topic.shards(), publication, addressed, out);
        }
        if let Some(id) = id {
            answer_to(session, Answer::Published { id }, out);
        }
    }

    fn send(
        &mut self,
        now: Now,
        batch: &Batch,
        (topic, parts): (Span, Span),
        to: &str,
        (session, id): (SessionId, Option<u64>),
        out: &mut impl Inboxes,
    ) {
        let Some(to) = self.directory.find(to) else {
            return answer_to(session, no_such_client(id, to), out);
        };
        let topic = match self.topics.accept(batch.text(topic), session, now.monotonic) {
            Ok(topic) => topic,
            Err(full) => return answer_to(session, too_many_topics(id, full), out),
        };
        let publication = topic.stamp_always(now.wall, batch.bytes(parts));
        out.put(to.shard, Item::Sent { publication, to, from: session, id });
    }

    fn subscribe(&mut self, standing: &Standing, out: &mut impl Inboxes) {
        match &standing.purpose {
            Purpose::Messages { .. } => {
                self.interest.begin(&standing.filter, standing.session.shard);
            }
            Purpose::Group(group) => self.groups.join(group, standing),
            Purpose::Requests => self.providers.begin(standing),
        }
        let Standing { session, subscription, .. } = *standing;
        let point = self.retained.point();
        out.put(session.shard, Item::Begun { session, subscription, point });
        if standing.purpose != Purpose::Requests {
            self.attendance.join(standing, out);
        }
    }

    fn unsubscribe(&mut self, standing: &Standing, id: Option<u64>, out: &mut impl Inboxes) {
        match &standing.purpose {
            Purpose::Messages { .. } => {
                self.interest.end(&standing.filter, standing.session.shard);
            }
            Purpose::Group(group) => self.groups.leave(group, standing),
            Purpose::Requests => self.providers.end(standing),
        }
        if standing.purpose != Purpose::Requests {
            self.attendance.leave(standing, out);
        }
        let Standing { session, subscription, .. } = *standing;
        let in_a_group = matches!(standing.purpose, Purpose::Group(_));
        if id.is_some() || in_a_group {
            out.put(session.shard, Item::Ended { session, subscription, id });
        }
    }

    fn hand_back(&mut self, standing: &Standing, message: Publication, out: &mut impl Inboxes) {
        let Purpose::Group(group) = &standing.purpose else { return };
        if let Some(member) = self.groups.choose_in(group, &standing.filter) {
            let addressed = vec![member];
            let item = Item::Message { publication: message, to_all: false, addressed };
            out.put(member.session.shard, item);
        }
    }

    fn request(
        &mut self,
        batch: &Batch,
        token: Token,
        call: Call,
        (topic, frame): (Span, Span),
        out: &mut impl Inboxes,
    ) {
        let topic = batch.text(topic);
        let Some(provider) = self.providers.choose(topic, &self.groups) else {
            let message = format!("nobody serves {topic:?}; start a provider, or check the topic");
            let code = ErrorCode::NobodyAnswers;
            let answer = Answer::RequestFailed { id: call.id, code, message };
            return answer_to(call.asker, answer, out);
        };
        let id = call.id;
        self.calls.begin(token, call, provider.session);
        let Addressee { session: provider, subscription } = provider;
        let frame = batch.bytes(frame);
        out.put(provider.shard, Item::Request { provider, subscription, token, id, frame });
    }

    fn reply(&mut self, batch: &Batch, token: Token, frame: Span, out: &mut impl Inboxes) {
        if let Some((call, _)) = self.calls.end(token) {
            let Call { asker, id } = call;
            out.put(asker.shard, Item::Reply { asker, id, frame: batch.bytes(frame) });
        }
    }

    fn refuse(&mut self, token: Token, code: ErrorCode, message: &str, out: &mut impl Inboxes) {
        if let Some((call, _)) = self.calls.end(token) {
            let answer = Answer::RequestFailed { id: call.id, code, message: message.to_owned() };
            answer_to(call.asker, answer, out);
        }
    }

    fn cancel(&mut self, token: Token, out: &mut impl Inboxes) {
        if let Some((_, provider)) = self.calls.end(token) {
            out.put(provider.shard, Item::Cancelled { provider, token });
        }
    }
}

/// When a message expires, if ever.
fn expires(now: Now, expires_in: Option<u64>) -> Option<Duration> {
    now.monotonic.checked_add(Duration::from_millis(expires_in?))
}

/// Tells every shard that wants a message, whether for all or for chosen members.
fn deliver(
    shards: interest::ShardSet,
    publication: Publication,
    mut addressed: Vec<Addressee>,
    out: &mut impl Inboxes,
) {
    if addressed.is_empty() {
        let mut shards = shards.iter().peekable();
        while let Some(shard) = shards.next() {
            if shards.peek().is_none() {
                return out.put(shard, message(publication, true, Vec::new()));
            }
            out.put(shard, message(publication.clone(), true, Vec::new()));
        }
        return;
    }
    addressed.sort_unstable_by_key(|addressee| addressee.session.shard);
    let with_members = interest::ShardSet::of(addressed.iter().map(|to| to.session.shard));
    for shard in shards.union(with_members).iter() {
        let here = |to: &&Addressee| to.session.shard == shard;
        let addressed = addressed.iter().filter(here).copied().collect();
        out.put(shard, message(publication.clone(), shards.has(shard), addressed));
    }
}

fn message(publication: Publication, to_all: bool, addressed: Vec<Addressee>) -> Item {
    Item::Message { publication, to_all, addressed }
}

fn answer_to(session: SessionId, answer: Answer, out: &mut impl Inboxes) {
    out.put(session.shard, Item::Answer { session, answer });
}

fn too_many_topics(id: Option<u64>, full: TopicsFull) -> Answer {
    let message = full.to_string();
    Answer::Rejected { id: id.unwrap_or(0), code: ErrorCode::TooManyTopics, message }
}

fn not_retained(id: Option<u64>, refused: &NotRetained) -> Answer {
    let (code, message) = (refused.code(), refused.to_string());
    Answer::Rejected { id: id.unwrap_or(0), code, message }
}

fn no_such_client(id: Option<u64>, name: &str) -> Answer {
    let message = format!("no client named {name:?} is connected");
    Answer::Rejected { id: id.unwrap_or(0), code: ErrorCode::NoSuchClient, message }
}

/// A topic's name, shared.
type Name = Arc<str>;

#[cfg(test)]
mod crowds;
#[cfg(test)]
mod tests;
