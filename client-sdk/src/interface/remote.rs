//! The far end of a handle: where its calls go.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use broker_protocol::frame::{self, ClientFrame, Content};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::callback;
use super::description::Method;
use super::error::CallError;
use super::format::Format;
use super::holding::Holding;
use super::scratch::Scratch;
use super::told::Told;
use crate::connection::DIRECT_PREFIX;
use crate::hub::Hub;
use crate::publication::milliseconds;
use crate::request::{self, Reply};
use crate::{Body, Client};

/// Where calls go, and how they are written. What the attributes make calls through this.
#[derive(Clone)]
pub struct Remote {
    pub(super) client: Client,
    pub(super) format: Format,
    pub(super) timeout: Option<Duration>,
    /// After how many milliseconds calls without an answer aren't worth delivering, whatever their methods
    /// say.
    pub(super) expires_in: Option<u64>,
    pub(super) target: Target,
}

/// Who is called.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// Whoever serves a name.
    Service(Arc<str>),
    /// An object at a client.
    Callback(Arc<Holding>),
    /// All that are attached to a topic.
    Set(Arc<str>),
}

/// The caller's side of an interface. The attributes write this.
pub trait Calls: fmt::Debug + Send + Sync + 'static {
    /// What calls this far end.
    fn new(remote: Remote) -> Self;
    /// The far end.
    fn remote(&self) -> &Remote;
}

impl Remote {
    /// Calls, and waits for the answer.
    pub(super) async fn ask<V: DeserializeOwned>(
        &self,
        method: &'static Method,
        written: Body,
    ) -> Result<V, CallError> {
        let reply = self.request(method, written).await?;
        self.read(method, &reply.body)
    }

    /// The same far end; calls of it without an answer are for so long.
    pub(super) fn expiring(&self, time: Duration) -> Self {
        Self { expires_in: Some(milliseconds(time)), ..self.clone() }
    }

    /// Calls without an answer.
    pub(super) fn tell(
        &self,
        method: &'static Method,
        key: Option<String>,
        arguments: impl Serialize,
    ) -> Told {
        let mut scratch = Scratch::take();
        let written = self.write(method, key.as_deref(), &arguments, &mut scratch);
        let told = match written {
            Ok(()) => Told::send(self.client.hub(), &scratch.frame),
            Err(error) => Told::failed(error),
        };
        scratch.give_back();
        told
    }

    /// Writes the frame of a call without an answer.
    fn write(
        &self,
        method: &'static Method,
        key: Option<&str>,
        arguments: &impl Serialize,
        scratch: &mut Scratch,
    ) -> Result<(), CallError> {
        let hub = self.client.hub();
        if let Target::Callback(held) = &self.target {
            callback::check(held)?;
        }
        let Scratch { topic, payload, frame } = scratch;
        let content = self.write_arguments(method, arguments, payload)?;
        check_size(hub, payload.len())?;
        let body = frame::Body {
            key: key.map(Cow::Borrowed),
            content,
            headers: Vec::new(),
            payload: Cow::Borrowed(payload),
        };
        let expires_in = self.expires_in.or(method.expires_in);
        let call = match &self.target {
            Target::Callback(held) => ClientFrame::Send(frame::Send {
                id: None,
                to: Cow::Borrowed(held.token()),
                method: Some(Cow::Borrowed(method.name)),
                body,
                expires_in,
            }),
            Target::Set(name) | Target::Service(name) => {
                [name, ".", method.name].into_iter().for_each(|part| topic.push_str(part));
                ClientFrame::Publish(frame::Publish {
                    id: None,
                    topic: Cow::Borrowed(topic),
                    body,
                    retain: false,
                    expires_in,
                })
            }
        };
        hub.config.codec.write_client(&call, frame);
        Ok(())
    }

    fn write_arguments(
        &self,
        method: &Method,
        arguments: &impl Serialize,
        payload: &mut Vec<u8>,
    ) -> Result<Content, CallError> {
        let content = self.format.call(method, arguments, payload);
        content.map_err(|message| CallError::Unwritable { message })
    }

    /// Writes the arguments of a call with an answer.
    pub(super) fn written(
        &self,
        method: &Method,
        arguments: &impl Serialize,
    ) -> Result<Body, CallError> {
        let mut payload = Vec::new();
        let content = self.write_arguments(method, arguments, &mut payload)?;
        Ok(Body { content, ..Body::from(payload) })
    }

    async fn request(&self, method: &Method, body: Body) -> Result<Reply, CallError> {
        let hub = self.client.hub();
        let timeout = self.timeout.unwrap_or_else(|| method.patience(hub.config.request_timeout));
        let topic = match &self.target {
            Target::Service(name) | Target::Set(name) => format!("{name}.{}", method.name),
            Target::Callback(held) => {
                callback::check(held)?;
                format!("{DIRECT_PREFIX}{}.{}", held.token(), method.name)
            }
        };
        request::request_unchecked(hub, &topic, body, timeout).await.map_err(CallError::of)
    }

    fn read<V: DeserializeOwned>(&self, method: &Method, body: &Body) -> Result<V, CallError> {
        let read = Format::of(body.content).read(&body.payload, &self.client.downgrade());
        read.map_err(|error| {
            let message = format!("the answer of {} can't be read: {error}", method.signature);
            CallError::BadAnswer { message }
        })
    }
}

fn check_size(hub: &Hub, bytes: usize) -> Result<(), CallError> {
    match hub.payload_bytes_max() {
        Some(limit) if bytes as u64 > limit => Err(CallError::TooLarge { bytes, limit }),
        _ => Ok(()),
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("target", &self.target).finish_non_exhaustive()
    }
}
