//! Calls of callbacks: sent or asked here. Those that aren't answered arrive in
//! [rows](super::arrivals).

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Request, Send};
use bytes::Bytes;

use super::arrivals::Place;
use super::offers::METHOD_BYTES_MAX;
use crate::session::Answering;
use crate::shard::Shard;
use crate::shard::commands::Refusal;
use crate::shard::publish::check_body;
use crate::{CallbackCommand, CallbackId, Command, Now, Owned, Token};

/// What the topics of calls begin with, and those of messages to one client.
const TO: &str = "$to.";

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
