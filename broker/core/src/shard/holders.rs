//! Sessions for which something is kept that was sent: the log is held for them.
//!
//! The log keeps its last part for all of them. Only those whose oldest is in front of it are looked
//! at, and they are found without a look at the others: each stands in a queue by what was its oldest
//! when it was last looked at, which can only have become newer.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use slab::Slab;

use super::Shard;
use crate::log::Wanted;
use crate::session::Session;
use crate::{Log, SessionId};

/// Sessions for which something is kept that was sent. One that falls behind while it stands in the queue
/// may come to stand there twice, until the log lets go of what it had.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// By the oldest entry, those for which the last part of the log is enough.
    queue: BinaryHeap<Reverse<(u64, SessionId)>>,
    /// Those that want more of the log.
    late: BTreeSet<SessionId>,
}

impl Holders {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.late.is_empty()
    }

    /// Takes a session in, if anything of the log is kept for it.
    pub(super) fn add(&mut self, session: &mut Session) {
        let oldest = session.kept_since();
        session.holds = oldest.is_some();
        if let Some(oldest) = oldest {
            self.queue.push(Reverse((oldest, session.id)));
        }
    }

    /// Takes a session in that may have been sent what is older than what is kept for it.
    pub(super) fn add_late(&mut self, session: &mut Session) {
        session.holds = true;
        self.late.insert(session.id);
    }

    /// The slots of those for which something may be kept in front of `tail`.
    pub(super) fn in_front_of(&mut self, tail: u64) -> impl Iterator<Item = u32> + '_ {
        self.note_late(tail);
        self.late.iter().map(|id| id.slot)
    }

    fn note_late(&mut self, tail: u64) {
        while let Some(Reverse((oldest, id))) = self.queue.peek().copied()
            && oldest < tail
        {
            self.queue.pop();
            self.late.insert(id);
        }
    }

    /// Adds what is kept in front of `tail`, and all of what else is kept for the same sessions.
    pub(super) fn want(
        &mut self,
        tail: u64,
        sessions: &mut Slab<Session>,
        log: &mut Log,
        wanted: &mut Wanted,
    ) {
        self.note_late(tail);
        for id in std::mem::take(&mut self.late) {
            let Some(session) = holder(sessions, id) else { continue };
            session.keep_no_more(log);
            match session.kept_since() {
                Some(oldest) if oldest < tail => {
                    let first = wanted.first();
                    for slot in &session.lanes {
                        wanted.add(slot.lane.kept_extents().filter(|extent| extent.end > first));
                    }
                    self.late.insert(id);
                }
                _ => self.add(session),
            }
        }
    }

    /// Forgets those for which nothing is kept any more. Costs a look at all.
    fn settle(&mut self, sessions: &mut Slab<Session>) {
        let queue = std::mem::take(&mut self.queue).into_iter().map(|Reverse((_, id))| id);
        for id in queue.chain(std::mem::take(&mut self.late)) {
            if let Some(session) = holder(sessions, id) {
                self.add(session);
            }
        }
    }
}

fn holder(sessions: &mut Slab<Session>, id: SessionId) -> Option<&mut Session> {
    sessions.get_mut(id.slot as usize).filter(|session| session.id == id && session.holds)
}

impl Session {
    /// Whether anything is kept that was sent.
    #[inline]
    pub(super) fn keeps_something(&self) -> bool {
        self.lanes.iter().any(|slot| !slot.lane.keeps_nothing())
    }

    /// The oldest entry that was sent and is kept.
    fn kept_since(&self) -> Option<u64> {
        self.lanes.iter().filter_map(|slot| slot.lane.kept_since()).min()
    }
}

impl Shard {
    /// Lets the log go if nothing was written for a while and nothing is kept any more.
    pub(super) fn settle_holders(&mut self) {
        let end = self.log.end();
        if std::mem::replace(&mut self.settled_at, end) == end && !self.holders.is_empty() {
            self.holders.settle(&mut self.sessions);
        }
    }
}
