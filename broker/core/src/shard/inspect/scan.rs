//! A look at all sessions of a shard, over as many turns as it takes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Shard;
use crate::inspection::{
    Counted, LaneReport, Overview, Part, Peer, Question, Rank, SessionReport, Waiting, rank,
};
use crate::session::{LaneSlot, Session, Stage};
use crate::{Inspection, Now, SessionId};

/// How far a look came.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) inspection: Arc<Inspection>,
    pub(super) overview: Overview,
    pub(super) part: Part,
    /// The slot that is looked at next.
    next: usize,
    /// The first ones in the order that is asked for, and that aren't in the part yet.
    first: BTreeSet<Place>,
}

/// Where a session stands in the order that is asked for.
type Place = (Rank, Arc<str>, SessionId);

impl Scan {
    pub(super) fn new(inspection: Arc<Inspection>, overview: Overview) -> Self {
        let (part, first) = (Part::default(), BTreeSet::new());
        Self { inspection, overview, part, next: 0, first }
    }
}

impl Shard {
    /// Goes on with a look, by so many steps. Returns whether it is done.
    pub(super) fn look(
        &self,
        now: Now,
        scan: &mut Scan,
        steps: &mut usize,
        peer: &dyn Fn(u32) -> Option<Peer>,
    ) -> bool {
        while scan.next < self.sessions.capacity() {
            if *steps == 0 {
                return false;
            }
            let session = self.sessions.get(scan.next).filter(|session| lives(session));
            if let Some(session) = session {
                self.consider(now, scan, session);
            }
            scan.next += 1;
            *steps = steps.saturating_sub(1 + session.map_or(0, steps_of));
        }
        while *steps > 0
            && let Some((_, _, id)) = scan.first.pop_first()
        {
            let session = self.sessions.get(id.slot as usize);
            let session = session.filter(|session| session.id == id && lives(session));
            if let Some(session) = session {
                scan.part.sessions.push(self.report(now, session, peer(id.slot)));
            }
            *steps = steps.saturating_sub(1 + session.map_or(0, steps_of));
        }
        scan.first.is_empty()
    }

    /// Counts a session, and notes it if it is among the first.
    fn consider(&self, now: Now, scan: &mut Scan, session: &Session) {
        let Scan { inspection, first, part, .. } = scan;
        let mut waiting = Waiting::default();
        for slot in &session.lanes {
            waiting.add(self.waiting_in(now, slot));
            part.books.add(Counted::from(slot.lane.books()));
        }
        part.waiting.add(waiting);
        part.counts.sessions += 1;
        part.counts.connected += u64::from(session.stage != Stage::Away);
        // Who is away is behind for the shard, though nothing may wait for it.
        let waits = waiting.messages > 0 || waiting.bytes > 0;
        part.counts.behind += u64::from(session.behind && waits);
        let Question { sort, limit, name, .. } = &inspection.question;
        if !session.name.starts_with(&**name) {
            return;
        }
        part.counts.matching += 1;
        let ranked = (rank(*sort, waiting), session.name.clone(), session.id);
        if first.len() < *limit || first.last().is_some_and(|last| ranked < *last) {
            first.insert(ranked);
        }
        if first.len() > *limit {
            first.pop_last();
        }
    }

    fn waiting_in(&self, now: Now, slot: &LaneSlot) -> Waiting {
        let oldest = slot.lane.oldest().map(|entry| self.log.time(entry));
        Waiting {
            messages: u64::from(slot.lane.messages()),
            bytes: slot.lane.bytes(),
            age: oldest.map_or(0, |time| now.wall.saturating_sub(time)),
        }
    }

    fn report(&self, now: Now, session: &Session, peer: Option<Peer>) -> SessionReport {
        let report = |slot: &LaneSlot| LaneReport {
            lane: slot.number,
            options: *slot.lane.options(),
            waiting: self.waiting_in(now, slot),
            counted: Counted::from(slot.lane.books()),
            forgotten: slot.lane.forgotten(),
        };
        let lanes: Vec<_> = session.lanes.iter().map(report).collect();
        let (mut waiting, mut counted) = (Waiting::default(), Counted::default());
        for lane in &lanes {
            waiting.add(lane.waiting);
            counted.add(lane.counted);
        }
        let connected_for = now.monotonic.saturating_sub(session.link.opened);
        SessionReport {
            name: session.name.to_string(),
            session: session.id.to_string(),
            transport: peer.as_ref().map(|peer| peer.transport),
            codec: session.link.info.codec.name(),
            peer: peer.map(|peer| peer.address),
            connected: session.stage != Stage::Away,
            since: now.wall.saturating_sub(connected_for.as_millis() as u64),
            subscriptions: session.standing.len() as u64,
            waiting,
            counted,
            lanes,
        }
    }
}

/// Whether a session has begun and not ended.
fn lives(session: &Session) -> bool {
    matches!(session.stage, Stage::Open | Stage::Away | Stage::Draining)
}

/// What a look at a session costs beside the look: the oldest message of a lane that conflates is
/// found by a visit to all.
fn steps_of(session: &Session) -> usize {
    let conflates = session.lanes.iter().filter(|slot| slot.lane.conflates());
    conflates.map(|slot| slot.lane.messages() as usize).sum()
}
