//! Calls of callbacks: sent or asked here, and taken into their lanes here.

use std::sync::Arc;
use std::time::Duration;

use broker_delivery::lane::{Extent, Keep};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{Request, Send};
use broker_protocol::message;
use bytes::Bytes;

use super::offers::METHOD_BYTES_MAX;
use crate::item::SentCall;
use crate::log::Render;
use crate::session::Answering;
use crate::shard::Shard;
use crate::shard::commands::Refusal;
use crate::shard::publish::check_body;
use crate::{
    Answer, CallbackCommand, CallbackId, Command, Now, Owned, Publication, SentCalls, Token,
    TopicId,
};

/// What the topics of calls begin with, and those of messages to one client.
const TO: &str = "$to.";

/// Set in the number of every topic of a method, and in no number that the sequencer gives.
const METHOD_BIT: u64 = 1 << 63;

/// A method, and the callback that it belongs to.
type Place = (Owned, u8);

impl Shard {
    /// A client calls a method, and doesn't ask for an answer.
    pub(in crate::shard) fn send_to_callback(&mut self, slot: u32, send: &Send<'_>, method: &str) {
        let callback = match self.check_call(send, method) {
            Ok(callback) => callback,
            Err(refusal) => return self.reject(slot, send.id.unwrap_or(0), refusal),
        };
        let topic = &mut self.callbacks.topic;
        topic.clear();
        // The token is written as it is read.
        [TO, &*send.to, ".", method].into_iter().for_each(|part| topic.push_str(part));
        let session = &self.sessions[slot as usize];
        let (from, name) = ((session.id, send.id), &session.name);
        let parts = self.outgoing.write_parts(topic, name, &send.body);
        let method = self.outgoing.write_text(method);
        if let Some(id) = send.id {
            self.note_asked(slot, id);
        }
        self.statistics.received += 1;
        let expires_in = send.expires_in;
        let send = CallbackCommand::Send { from, callback, method, parts, expires_in };
        self.outgoing.push(Command::Callback(send));
    }

    fn check_call(&self, send: &Send<'_>, method: &str) -> Result<CallbackId, Refusal> {
        let callback = CallbackId::parse_token(&send.to).ok_or_else(unknown_callback)?;
        check_length(method)?;
        check_body(&self.config.limits, &send.body)?;
        Ok(callback)
    }

    /// A client calls a method, and waits for the answer.
    pub(in crate::shard) fn ask_callback(
        &mut self,
        now: Now,
        slot: u32,
        request: &Request<'_>,
        (token, method): (&str, &str),
    ) {
        let callback = match self.check_asked(slot, request, (token, method)) {
            Ok(callback) => callback,
            Err(refusal) => return self.reject(slot, request.id, refusal),
        };
        let (token, frame) = self.route(now, slot, request);
        let method = self.outgoing.write_text(method);
        let from = (self.sessions[slot as usize].id, request.id);
        let request = CallbackCommand::Request { from, token, callback, method, frame };
        self.outgoing.push(Command::Callback(request));
    }

    fn check_asked(
        &self,
        slot: u32,
        request: &Request<'_>,
        (token, method): (&str, &str),
    ) -> Result<CallbackId, Refusal> {
        let callback = CallbackId::parse_token(token).ok_or_else(unknown_callback)?;
        check_length(method)?;
        check_body(&self.config.limits, &request.body)?;
        self.check_wait(slot, request.id)?;
        Ok(callback)
    }

    /// The place of a method's lane, if the callback is still there.
    fn lane_of(&mut self, (to, method): Place) -> Option<usize> {
        let session = self.find(to.owner)?;
        let number = session.roles()?.offered.get(&to.number)?.methods.lane(method);
        session.lanes.iter().position(|one| one.number == number)
    }

    /// Calls arrive at their owners.
    pub(super) fn sent_to_callbacks(&mut self, calls: &SentCalls) {
        for call in calls.by_session() {
            self.settle(call.to.owner.slot);
            self.sent_to_callback(call, calls.time, calls.arena.slice(call.parts.range()));
        }
    }

    /// A call arrives at its owner. Without room for it its sender is told, and it has no `seq`.
    fn sent_to_callback(&mut self, call: &SentCall, time: u64, parts: Bytes) {
        let (place, (session, id)) = ((call.to, call.method), call.from);
        let Some(lane) = self.lane_of(place) else {
            let Refusal { code, message, .. } = unknown_callback();
            let answer = Answer::Rejected { id: id.unwrap_or(0), code, message };
            return self.outgoing.push(Command::Answer { session, answer });
        };
        let answer = match self.push_call((place, lane), (time, call.expires), parts) {
            true => id.map(|id| Answer::Accepted { id }),
            false => {
                self.statistics.calls_refused += 1;
                let (code, message) =
                    (ErrorCode::Busy, "the callback's lane has no room".to_owned());
                Some(Answer::Rejected { id: id.unwrap_or(0), code, message })
            }
        };
        if let Some(answer) = answer {
            self.outgoing.push(Command::Answer { session, answer });
        }
    }

    /// Puts a call into its lane. Returns whether there was room.
    fn push_call(
        &mut self,
        (place, lane): (Place, usize),
        (time, expires): (u64, Option<Duration>),
        parts: Bytes,
    ) -> bool {
        let (to, method) = place;
        let epoch = self.callbacks.epoch;
        let slot = to.owner.slot;
        let session = &mut self.sessions[slot as usize];
        let waiting = &session.lanes[lane].lane;
        // As long as the longest that its frame may be.
        let about = message::frame_bytes(u64::MAX, epoch, time, parts.len()) as u64;
        if waiting.options().keep == Keep::All && !waiting.has_room(about) {
            return false;
        }
        let offered = session.roles_mut().and_then(|roles| roles.offered.get_mut(&to.number));
        let offered = offered.expect("its lane was found just now");
        let (seq, topic) = offered.next_call(method, || {
            let topic = message::topic(&parts).expect("this broker encoded it");
            Arc::from(&*topic)
        });
        let topic_id = TopicId(METHOD_BIT | to.number << 8 | u64::from(method));
        let publication = Publication { topic, topic_id, seq, epoch, time, expires, parts };
        let (entry, size) = self.log.append(&publication, Render::Bincode);
        let waiting = &mut self.sessions[slot as usize].lanes[lane].lane;
        let pushed = waiting.push(Extent::one(entry), u64::from(size), &mut self.log);
        self.pushed((slot, lane), pushed);
        true
    }

    /// A call that is to be answered arrives at its owner.
    pub(super) fn callback_asked(
        &mut self,
        place: Place,
        (token, id): (Token, u64),
        frame: &Bytes,
    ) {
        let (Owned { owner, number }, _) = place;
        let Some(lane) = self.lane_of(place) else {
            let message = "the callback's owner went away before it got the request";
            return self.outgoing.refuse(token, ErrorCode::ProviderGone, message);
        };
        let answering = Answering { id, callback: Some(number) };
        if self.push_request((owner.slot, lane), (token, answering), frame)
            && let Some(roles) = self.sessions[owner.slot as usize].roles_mut()
        {
            roles.asked.insert((number, token));
        }
    }

    /// Refuses what a callback was asked and hasn't answered.
    pub(super) fn refuse_asked(&mut self, slot: u32, number: u64, message: &str) {
        let session = &mut self.sessions[slot as usize];
        let Some(roles) = session.roles_mut() else { return };
        let of_it = (number, Token::FIRST)..=(number, Token::LAST);
        let asked: Vec<Token> = roles.asked.range(of_it).map(|(_, token)| *token).collect();
        for token in asked {
            self.sessions[slot as usize].answered(token);
            self.outgoing.refuse(token, ErrorCode::ProviderGone, message);
        }
    }
}

/// The token and the method that the topic of a call names.
pub(in crate::shard) fn called(topic: &str) -> Option<(&str, &str)> {
    topic.strip_prefix(TO)?.split_once(broker_delivery::TOKEN_SEPARATOR)
}

fn check_length(method: &str) -> Result<(), Refusal> {
    if method.len() <= METHOD_BYTES_MAX {
        return Ok(());
    }
    let message = format!("the name of a method of {} bytes", method.len());
    Err(Refusal::of("method", ErrorCode::UnknownMethod, message))
}

pub(super) fn unknown_callback() -> Refusal {
    Refusal::new(ErrorCode::UnknownCallback, "there is no such callback, or no longer")
}
