//! Publishing, and sending to one client.

use std::borrow::Cow;
use std::sync::Arc;

use broker_delivery::{check_topic, is_reserved};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{Body, Publish, Send};

use super::Shard;
use super::commands::Refusal;
use crate::{Command, Limits, Retain};

impl Shard {
    pub(super) fn publish(&mut self, slot: u32, publish: &Publish<'_>) {
        if let Err(refusal) = self.check_publish(slot, publish) {
            return self.reject(slot, publish.id.unwrap_or(0), refusal);
        }
        let session = &mut self.sessions[slot as usize];
        if let Some(id) = publish.id {
            session.last_publish_id = id;
        }
        let (id, session, name) = (publish.id, session.id, &session.name);
        let parts = self.outgoing.write_parts(&publish.topic, name, &publish.body);
        let topic = self.outgoing.write_text(&publish.topic);
        let retain = match publish.retain {
            false => Retain::No,
            true if publish.body.payload.is_empty() => Retain::Clear,
            true => Retain::Keep,
        };
        self.statistics.received += 1;
        let expires_in = publish.expires_in;
        self.outgoing.push(Command::Publish { session, id, topic, parts, expires_in, retain });
    }

    fn check_publish(&self, slot: u32, publish: &Publish<'_>) -> Result<(), Refusal> {
        check_open_topic(&publish.topic)?;
        check_body(&self.config.limits, &publish.body)?;
        let last = self.sessions[slot as usize].last_publish_id;
        match publish.id {
            Some(id) if id <= last => {
                let message = format!("ids of publishes grow strictly; {id} came after {last}");
                Err(Refusal::of("id", ErrorCode::InvalidId, message))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn send(&mut self, slot: u32, send: &Send<'_>) {
        if let Some(method) = &send.method {
            return self.send_to_callback(slot, send, method);
        }
        if let Err(refusal) = self.check_send(send) {
            return self.reject(slot, send.id.unwrap_or(0), refusal);
        }
        let session = &self.sessions[slot as usize];
        let (session, name) = (session.id, &session.name);
        let topic = format!("$to.{}", send.to);
        let parts = self.outgoing.write_parts(&topic, name, &send.body);
        let topic = self.outgoing.write_text(&topic);
        let to = Arc::from(&*send.to);
        let (id, expires_in) = (send.id, send.expires_in);
        if let Some(id) = id {
            self.note_asked(slot, id);
        }
        self.statistics.received += 1;
        self.outgoing.push(Command::Send { session, id, to, topic, parts, expires_in });
    }

    fn check_send(&self, send: &Send<'_>) -> Result<(), Refusal> {
        let most = self.config.limits.name_bytes_max;
        if send.to.len() > most || check_topic(&send.to).is_err() {
            let message = format!("{:?} can't be a client's name", shortened(&send.to));
            return Err(Refusal::of("to", ErrorCode::InvalidField, message));
        }
        check_body(&self.config.limits, &send.body)
    }
}

/// Checks a topic that clients may publish to or ask on.
pub(super) fn check_open_topic(topic: &str) -> Result<(), Refusal> {
    if let Err(error) = check_topic(topic) {
        let message = format!("{:?}: {error}", shortened(topic));
        return Err(Refusal::of("topic", ErrorCode::InvalidTopic, message));
    }
    if is_reserved(topic) {
        let message = format!("{topic:?}: topics that begin with `$` belong to the broker");
        return Err(Refusal::of("topic", ErrorCode::ReservedTopic, message));
    }
    Ok(())
}

pub(super) fn check_body(limits: &Limits, body: &Body<'_>) -> Result<(), Refusal> {
    let (bytes, most) = (body.payload.len(), limits.payload_bytes_max);
    if bytes > most {
        let message = format!("a payload of {bytes} bytes; at most {most} are allowed");
        return Err(Refusal::of("payload", ErrorCode::PayloadTooLarge, message));
    }
    let key_bytes = body.key.as_ref().map_or(0, |key| key.len());
    if key_bytes > limits.key_bytes_max {
        let most = limits.key_bytes_max;
        let message = format!("a key of {key_bytes} bytes; at most {most} are allowed");
        return Err(Refusal::of("key", ErrorCode::InvalidField, message));
    }
    check_headers(limits, body)
}

fn check_headers(limits: &Limits, body: &Body<'_>) -> Result<(), Refusal> {
    let count = body.headers.len();
    let bytes: usize = body.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if count > limits.headers_max || bytes > limits.headers_bytes_max {
        let Limits { headers_max, headers_bytes_max, .. } = limits;
        let message = format!(
            "{count} headers of {bytes} bytes; at most {headers_max} of {headers_bytes_max} bytes \
             are allowed"
        );
        return Err(Refusal::of("headers", ErrorCode::InvalidField, message));
    }
    Ok(())
}

/// What is shown of a text that may be far too long.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    const SHOWN_BYTES: usize = 80;
    if text.len() <= SHOWN_BYTES {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(SHOWN_BYTES)]))
}
