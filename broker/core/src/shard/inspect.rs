//! Those who ask about sessions: what they ask is looked up here, and their answers put together.

mod scan;
mod topics;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use broker_protocol::frame::{Body, BrokerFrame, Content, Outcome, Request, RoutedReply};
use broker_protocol::{Codec, ErrorCode};
use bytes::BytesMut;
use hashbrown::HashMap;

use super::Shard;
use super::commands::Refusal;
use crate::inspection::{Answered, Overview, Part, Peer, Question, Subject, TopicsAnswered};
use crate::{Command, Inspection, Now, SessionId, Token};
use scan::Scan;

/// How many sessions, and messages of lanes that conflate, are looked at in one turn. It takes a
/// fraction of a millisecond.
const LOOKS_PER_TURN: usize = 20_000;

/// What is under way for those who ask. Bounded by how many inspections are admitted in a second; about
/// topics there is one at a time in the whole broker.
#[derive(Debug, Default)]
pub(super) struct Inspections {
    /// What this shard still looks at, one after the other.
    scans: VecDeque<Scan>,
    /// What shards told those who asked here, and nobody has looked at.
    told: Vec<(Arc<Inspection>, Overview, Arc<Part>)>,
    /// What was told so far.
    answered: HashMap<Token, Answered>,
    /// The same about topics.
    topics: HashMap<Token, TopicsAnswered>,
}

impl Shard {
    /// Asks all shards about their sessions.
    pub(super) fn ask_about(
        &mut self,
        now: Now,
        slot: u32,
        request: &Request<'_>,
        subject: Subject,
    ) {
        let question = match self.check_question(slot, request, subject) {
            Ok(question) => question,
            Err(refusal) => return self.reject(slot, request.id, refusal),
        };
        let (token, _) = self.begin_wait(now, slot, request);
        let (asker, id) = (self.sessions[slot as usize].id, request.id);
        let inspection = Inspection { asker, id, token, question };
        self.outgoing.push(Command::Inspect(Arc::new(inspection)));
    }

    fn check_question(
        &self,
        slot: u32,
        request: &Request<'_>,
        subject: Subject,
    ) -> Result<Question, Refusal> {
        if !self.config.inspection {
            let message = format!(
                "{:?}: this broker tells nobody about its sessions and topics (`server.inspection`)",
                request.topic
            );
            return Err(Refusal::of("topic", ErrorCode::NotAllowed, message));
        }
        self.check_wait(slot, request.id)?;
        Question::read(subject, &request.body.payload)
            .map_err(|error| Refusal::of("payload", ErrorCode::InvalidField, error))
    }

    /// The sequencer has everybody look.
    pub(super) fn begin_scan(&mut self, inspection: Arc<Inspection>, overview: Overview) {
        self.inspections.scans.push_back(Scan::new(inspection, overview));
    }

    /// A shard has told somebody who asked here.
    pub(super) fn inspected(
        &mut self,
        inspection: Arc<Inspection>,
        overview: Overview,
        part: Arc<Part>,
    ) {
        self.inspections.told.push((inspection, overview, part));
    }

    /// Whether there is something to [`inspect`](Shard::inspect).
    pub fn has_to_inspect(&self) -> bool {
        !self.inspections.scans.is_empty() || !self.inspections.told.is_empty()
    }

    /// Looks at some sessions for those who asked, and answers those for whom all shards have.
    /// `peer` tells what is known of a session's link.
    pub fn inspect(&mut self, now: Now, peer: &dyn Fn(u32) -> Option<Peer>) {
        for (inspection, overview, part) in std::mem::take(&mut self.inspections.told) {
            self.take_in(now, &inspection, overview, part);
        }
        let mut looks = LOOKS_PER_TURN;
        while looks > 0
            && let Some(mut scan) = self.inspections.scans.pop_front()
        {
            if !self.look(now, &mut scan, &mut looks, peer) {
                return self.inspections.scans.push_front(scan);
            }
            let Scan { inspection, overview, mut part, .. } = scan;
            part.statistics = self.statistics();
            part.deliveries = self.routes.by_pattern().to_vec();
            let part = Arc::new(part);
            let overview = Box::new(overview);
            self.outgoing.push(Command::Inspected { inspection, overview, part });
        }
    }

    /// Takes in what one shard told, and answers if it was the last.
    fn take_in(&mut self, now: Now, inspection: &Inspection, overview: Overview, part: Arc<Part>) {
        let Inspection { asker, id, token, question } = inspection;
        let answered = self.inspections.answered.entry(*token);
        if !answered.or_insert_with(|| Answered::new(overview)).add(part) {
            return;
        }
        let answered = self.inspections.answered.remove(token);
        let Some(answered) = answered.filter(|_| self.waits_for(*asker, *id, *token)) else {
            return;
        };
        let (policies, most) = (&self.config.policies, self.config.limits.payload_bytes_max);
        let payload = answered.write(question, policies, now.wall, most);
        self.tell_asker((*asker, *id), payload);
    }

    /// Answers who asked.
    fn tell_asker(&mut self, (asker, id): (SessionId, u64), payload: Vec<u8>) {
        let body = Body { content: Content::Json, payload: Cow::Owned(payload), ..Body::default() };
        let outcome = Outcome::Answer(body);
        let reply = BrokerFrame::Reply(RoutedReply { id, from: None, outcome });
        let mut frame = BytesMut::new();
        Codec::Bincode.write_broker(&reply, &mut frame);
        self.replied(asker, id, &frame.freeze());
    }
}
