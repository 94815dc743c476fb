//! Requests, from the asker's and from the provider's side.

use std::borrow::Cow;
use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    BrokerFrame, Outcome, Reply, Request, RequestError, RoutedCancel, RoutedReply, RoutedRequest,
};
use bytes::Bytes;

use super::Shard;
use super::callbacks::called;
use super::commands::Refusal;
use super::publish::{check_body, check_open_topic};
use crate::few::Few;
use crate::inspection::Subject;
use crate::session::{Answering, Asked, LaneFrame};
use crate::{Command, Now, SessionId, Span, Token};

/// The longest code of a provider's failure, in bytes; what is longer is cut.
const FAILURE_CODE_BYTES: usize = 64;

/// The longest message of a provider's failure, in bytes; what is longer is cut.
const FAILURE_MESSAGE_BYTES: usize = 4 << 10;

impl Shard {
    pub(super) fn request(&mut self, now: Now, slot: u32, request: &Request<'_>) {
        if let Some(subject) = Subject::of(&request.topic) {
            return self.ask_about(now, slot, request, subject);
        }
        if let Some(called) = called(&request.topic) {
            return self.ask_callback(now, slot, request, called);
        }
        if let Err(refusal) = self.check_request(slot, request) {
            return self.reject(slot, request.id, refusal);
        }
        let (token, frame) = self.route(now, slot, request);
        let (asker, id) = (self.sessions[slot as usize].id, request.id);
        let topic = self.outgoing.write_text(&request.topic);
        self.outgoing.push(Command::Request { asker, id, token, topic, frame });
    }

    /// Has a session wait for the answer to a request, and writes that as its provider is to get it.
    pub(super) fn route(&mut self, now: Now, slot: u32, request: &Request<'_>) -> (Token, Span) {
        let (token, timeout) = self.begin_wait(now, slot, request);
        let session = &self.sessions[slot as usize];
        let routed = BrokerFrame::Request(RoutedRequest {
            token: Cow::Owned(token.to_string()),
            topic: Cow::Borrowed(&request.topic),
            from: Some(Cow::Borrowed(&session.name)),
            timeout: timeout.as_millis() as u64,
            body: request.body.clone(),
            session: Some(Cow::Owned(session.id.to_string())),
        });
        (token, self.outgoing.write_frame(request.body.payload.len() + 256, &routed))
    }

    fn check_request(&self, slot: u32, request: &Request<'_>) -> Result<(), Refusal> {
        check_open_topic(&request.topic)?;
        check_body(&self.config.limits, &request.body)?;
        self.check_wait(slot, request.id)
    }

    /// Checks whether a session may wait for one more answer, under this id.
    pub(super) fn check_wait(&self, slot: u32, id: u64) -> Result<(), Refusal> {
        let asked = self.sessions[slot as usize].dealings.as_ref().map(|dealings| &dealings.asked);
        let most = self.config.limits.commands_open_max;
        if asked.is_some_and(|asked| asked.contains_key(&id)) {
            let message = format!("request {id} still waits for its answer");
            return Err(Refusal::of("id", ErrorCode::InvalidId, message));
        }
        if asked.map_or(0, Few::len) >= most {
            let message = format!("{most} requests wait for an answer, and no more may");
            return Err(Refusal::new(ErrorCode::TooManyCommands, message));
        }
        Ok(())
    }

    /// Has a session wait for an answer. Returns the request's token, and for how long.
    pub(super) fn begin_wait(
        &mut self,
        now: Now,
        slot: u32,
        request: &Request<'_>,
    ) -> (Token, Duration) {
        let timeout = self.timeout_of(request);
        let token = self.outgoing.next_token();
        let session = &mut self.sessions[slot as usize];
        let deadline = now.monotonic + timeout;
        let asked = Asked { token, deadline };
        session.dealings.get_or_insert_default().asked.insert(request.id, asked);
        self.deadlines.insert((deadline, slot, session.id.generation, request.id));
        (token, timeout)
    }

    /// Whether a session still waits for the answer to this very request.
    pub(super) fn waits_for(&mut self, asker: SessionId, id: u64, token: Token) -> bool {
        let dealings = self.find(asker).and_then(|session| session.dealings.as_ref());
        let asked = dealings.and_then(|dealings| dealings.asked.get(&id));
        asked.is_some_and(|asked| asked.token == token)
    }

    fn timeout_of(&self, request: &Request<'_>) -> Duration {
        let wished = request.timeout.map_or(self.config.request_timeout, Duration::from_millis);
        wished.min(self.config.request_timeout_max)
    }

    /// Ends the wait for a request: it was answered, failed, or is given up.
    fn end_wait(&mut self, slot: u32, id: u64) -> Option<Asked> {
        let session = &mut self.sessions[slot as usize];
        let asked = session.dealings.as_mut()?.asked.remove(&id)?;
        self.deadlines.remove(&(asked.deadline, slot, session.id.generation, id));
        Some(asked)
    }

    /// The asker gives up.
    pub(super) fn cancel(&mut self, slot: u32, id: u64) {
        let Some(asked) = self.end_wait(slot, id) else { return };
        self.outgoing.push(Command::Cancel { token: asked.token });
        let message = "cancelled by the client that asked";
        self.reject(slot, id, Refusal::new(ErrorCode::Cancelled, message));
    }

    pub(super) fn request_failed(&mut self, slot: u32, id: u64, refusal: Refusal) {
        if self.end_wait(slot, id).is_some() {
            self.reject(slot, id, refusal);
        }
    }

    /// Gives up the requests whose time is over.
    pub(super) fn expire_requests(&mut self, now: Duration) {
        while let Some((deadline, slot, _, id)) = self.deadlines.first().copied()
            && deadline <= now
        {
            let asked = self.end_wait(slot, id).expect("a deadline belongs to an open request");
            self.outgoing.push(Command::Cancel { token: asked.token });
            let message = "no answer came in time";
            self.reject(slot, id, Refusal::new(ErrorCode::TimedOut, message));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, ..)| *deadline)
    }

    /// An answer arrives at the asker.
    pub(super) fn replied(&mut self, asker: SessionId, id: u64, frame: &Bytes) {
        if self.find(asker).is_none() || self.end_wait(asker.slot, id).is_none() {
            return;
        }
        self.note_reply(asker.slot, id, frame);
        if !self.tell_reply(asker.slot, frame) {
            let message = "the answer came, but more waits for this client than may; read faster";
            self.reject(asker.slot, id, Refusal::new(ErrorCode::Busy, message));
        }
    }

    /// A request arrives at a provider. Without room for it the asker is told at once.
    pub(super) fn requested(
        &mut self,
        provider: SessionId,
        subscription: u64,
        (token, id): (Token, u64),
        frame: &Bytes,
    ) {
        let Some(session) = self.find(provider) else {
            let message = "the provider went away before it got the request";
            return self.outgoing.refuse(token, ErrorCode::ProviderGone, message);
        };
        let Some(lane) = session.standing.get(&subscription).map(|found| found.lane) else {
            let message = "the provider ended its service before it got the request";
            return self.outgoing.refuse(token, ErrorCode::ProviderGone, message);
        };
        let answering = Answering { id, callback: None };
        self.push_request((provider.slot, lane), (token, answering), frame);
    }

    /// Puts a request into a lane. Returns whether there was room for it.
    pub(super) fn push_request(
        &mut self,
        (slot, lane): (u32, usize),
        (token, answering): (Token, Answering),
        frame: &Bytes,
    ) -> bool {
        let session = &mut self.sessions[slot as usize];
        if !session.lanes[lane].lane.has_room(frame.len() as u64) {
            let message = "the provider has more waiting than it may; try again later";
            self.outgoing.refuse(token, ErrorCode::Busy, message);
            return false;
        }
        session.dealings.get_or_insert_default().answering.insert(token, answering);
        // A copy: what is cut from the batch would hold all of its memory for as long as it waits.
        let frame = LaneFrame::Request(Bytes::copy_from_slice(frame));
        self.push_frame(slot, lane, frame);
        true
    }

    /// A provider answers. What nobody waits for any more is passed over.
    pub(super) fn reply(&mut self, slot: u32, reply: &Reply<'_>) {
        let session = &mut self.sessions[slot as usize];
        let Some(token) = Token::parse(&reply.to) else { return };
        let Some(id) = session.answered(token) else { return };
        if let Outcome::Answer(body) = &reply.outcome
            && let Err(refusal) = check_body(&self.config.limits, body)
        {
            let message = format!("the provider's answer was refused: {}", refusal.message);
            return self.outgoing.refuse(token, refusal.code, &message);
        }
        let from = Some(Cow::Borrowed(&*session.name));
        let outcome = bounded(&reply.outcome);
        let about = match &outcome {
            Outcome::Answer(body) => body.payload.len() + 256,
            Outcome::Failure(error) => error.message.len() + 256,
        };
        let routed = BrokerFrame::Reply(RoutedReply { id, from, outcome });
        let frame = self.outgoing.write_frame(about, &routed);
        self.outgoing.push(Command::Reply { token, frame });
    }

    /// The asker of a request no longer waits.
    pub(super) fn cancelled(&mut self, provider: SessionId, token: Token) {
        let Some(session) = self.find(provider) else { return };
        if session.answered(token).is_some() {
            let token = token.to_string();
            self.tell(provider.slot, &BrokerFrame::Cancelled(RoutedCancel { token }));
        }
    }
}

/// An outcome that fits into the asker's frames in either codec.
fn bounded<'a>(outcome: &Outcome<'a>) -> Outcome<'a> {
    let Outcome::Failure(error) = outcome else { return outcome.clone() };
    let cut = |text: &str, most| text[..text.floor_char_boundary(most)].to_owned();
    Outcome::Failure(RequestError {
        code: cut(&error.code, FAILURE_CODE_BYTES),
        message: cut(&error.message, FAILURE_MESSAGE_BYTES),
    })
}
