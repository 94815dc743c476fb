//! Messages are accepted, stamped and told to the shards that want them.

use std::time::Duration;

use super::answers::{answer_to, no_such_client, not_retained, too_many_topics};
use super::interest::ShardSet;
use super::retained::NotRetained;
use super::{Inboxes, Sequencer};
use crate::command::Retain;
use crate::{Addressee, Answer, Batch, Item, Now, Publication, SessionId, Span};

impl Sequencer {
    pub(super) fn publish(
        &mut self,
        now: Now,
        batch: &Batch,
        (topic, parts, retain, expires): (Span, Span, Retain, Option<Duration>),
        (session, id): (SessionId, Option<u64>),
        out: &mut impl Inboxes,
    ) {
        let name = batch.text(topic);
        let mut topic = match self.topics.accept(name, session, now.monotonic) {
            Ok(topic) => topic,
            Err(full) => {
                self.statistics.refused += 1;
                self.patterns.count_refused(&full);
                return answer_to(session, too_many_topics(id, full), out);
            }
        };
        let mut admitted = self.retained.admit(topic, retain, batch.slice(parts));
        if admitted.as_ref().is_err_and(NotRetained::is_for_want_of_room) {
            self.make_room(now.monotonic);
            topic = self.topics.accepted(name);
            admitted = self.retained.admit(topic, retain, batch.slice(parts));
        }
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(refused) => {
                self.statistics.refused_retained += 1;
                return answer_to(session, not_retained(id, &refused), out);
            }
        };
        self.statistics.published += 1;
        topic.refresh(&self.interest, &self.groups);
        self.patterns.count(topic.count(parts.len()), parts.len());
        let publication = match retain {
            Retain::Keep => Some(topic.stamp_always(now.wall, batch.bytes(parts))),
            _ => topic.stamp(now.wall, || batch.bytes(parts)),
        };
        let publication = publication.map(|publication| Publication { expires, ..publication });
        self.retained.note(topic, admitted, publication.as_ref(), batch.slice(parts));
        if topic.retained > 0 {
            // Replays bring it anywhere.
            topic.reaches(ShardSet::ALL);
        }
        if let Some(publication) = publication {
            let addressed = self.groups.choose(topic.groups());
            let with_members = shards_of(&addressed);
            topic.reaches(topic.shards().union(with_members));
            deliver((topic.shards(), with_members), publication, addressed, out);
        }
        if let Some(id) = id {
            answer_to(session, Answer::Published { id }, out);
        }
    }

    pub(super) fn send(
        &mut self,
        now: Now,
        batch: &Batch,
        (topic, parts, expires): (Span, Span, Option<Duration>),
        to: &str,
        (session, id): (SessionId, Option<u64>),
        out: &mut impl Inboxes,
    ) {
        let Some(to) = self.directory.find(to) else {
            return answer_to(session, no_such_client(id, to), out);
        };
        let topic = match self.topics.accept(batch.text(topic), session, now.monotonic) {
            Ok(topic) => topic,
            Err(full) => {
                self.patterns.count_refused(&full);
                return answer_to(session, too_many_topics(id, full), out);
            }
        };
        self.patterns.count(topic.count(parts.len()), parts.len());
        let publication = topic.stamp_always(now.wall, batch.bytes(parts));
        let publication = Publication { expires, ..publication };
        topic.reaches(ShardSet::of([to.shard].into_iter()));
        out.put(to.shard, Item::Sent { publication, to, from: session, id });
    }
}

/// When a message expires, if ever.
pub(super) fn expires(now: Now, expires_in: Option<u64>) -> Option<Duration> {
    now.monotonic.checked_add(Duration::from_millis(expires_in?))
}

/// Tells every shard that wants a message, whether for all or for chosen members.
fn deliver(
    (shards, with_members): (ShardSet, ShardSet),
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
    for shard in shards.union(with_members).iter() {
        let here = |to: &&Addressee| to.session.shard == shard;
        let addressed = addressed.iter().filter(here).copied().collect();
        out.put(shard, message(publication.clone(), shards.has(shard), addressed));
    }
}

/// The shards of these members of groups.
fn shards_of(addressed: &[Addressee]) -> ShardSet {
    ShardSet::of(addressed.iter().map(|to| to.session.shard))
}

fn message(publication: Publication, to_all: bool, addressed: Vec<Addressee>) -> Item {
    Item::Message { publication, to_all, addressed }
}
