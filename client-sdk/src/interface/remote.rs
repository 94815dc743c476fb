//! The far end of a handle: where its calls go.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use broker_protocol::frame::{self, ClientFrame};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::callback;
use super::description::Method;
use super::error::CallError;
use super::format::Format;
use super::holding::Holding;
use super::told::Told;
use crate::connection::DIRECT_PREFIX;
use crate::hub::Hub;
use crate::request::{self, Reply};
use crate::{Body, Client};

/// Where calls go, and how they are written. What the attributes make calls through this.
#[derive(Clone)]
pub struct Remote {
    pub(super) client: Client,
    pub(super) format: Format,
    pub(super) timeout: Option<Duration>,
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
    /// Calls, and waits for the answer. Dropping the future cancels the call at the far end.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn ask<V: DeserializeOwned>(
        &self,
        method: &'static Method,
        arguments: impl Serialize + Send,
    ) -> Result<V, CallError> {
        let body = self.written(method, &arguments)?;
        let reply = self.request(method, body).await?;
        self.read(method, &reply.body)
    }

    /// The same for a method that returns a `Result`.
    ///
    /// # Errors
    /// See [`CallError`]; the method's own is [`CallError::Application`].
    pub async fn ask_fallible<V: DeserializeOwned, E: DeserializeOwned>(
        &self,
        method: &'static Method,
        arguments: impl Serialize + Send,
    ) -> Result<V, CallError<E>> {
        let answer: Result<Result<V, E>, _> = self.ask(method, arguments).await;
        answer.map_err(CallError::widen)?.map_err(CallError::Application)
    }

    /// Calls without an answer.
    pub fn tell(
        &self,
        method: &'static Method,
        key: Option<String>,
        arguments: impl Serialize,
    ) -> Told {
        match self.written(method, &arguments) {
            Ok(body) => self.send(method, Body { key: key.map(String::into_boxed_str), ..body }),
            Err(error) => Told::failed(error),
        }
    }

    fn send(&self, method: &'static Method, body: Body) -> Told {
        let hub = self.client.hub();
        let checked = match &self.target {
            Target::Callback(held) => callback::check(held),
            Target::Set(_) | Target::Service(_) => Ok(()),
        };
        if let Err(error) = checked.and_then(|()| check_size(hub, &body)) {
            return Told::failed(error);
        }
        let frame = match &self.target {
            Target::Callback(held) => ClientFrame::Send(frame::Send {
                id: None,
                to: Cow::Borrowed(held.token()),
                method: Some(Cow::Borrowed(method.name)),
                body: body.as_frame(),
            }),
            Target::Set(topic) | Target::Service(topic) => ClientFrame::Publish(frame::Publish {
                id: None,
                topic: Cow::Owned(format!("{topic}.{}", method.name)),
                body: body.as_frame(),
                retain: false,
                expires_in: None,
            }),
        };
        Told::send(hub, hub.encode(&frame))
    }

    fn written(&self, method: &Method, arguments: &impl Serialize) -> Result<Body, CallError> {
        let body = self.format.call(method, arguments);
        body.map_err(|message| CallError::Unwritable { message })
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
        let read = Format::of(body).read(&body.payload, self.client.clone());
        read.map_err(|error| {
            let message = format!("the answer of {} can't be read: {error}", method.signature);
            CallError::BadAnswer { message }
        })
    }
}

fn check_size(hub: &Hub, body: &Body) -> Result<(), CallError> {
    let bytes = body.payload.len();
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
