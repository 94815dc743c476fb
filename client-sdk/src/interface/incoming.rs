//! A call that came, on its way to the object's method.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::caller::Caller;
use super::description::{Description, Method};
use super::fault::{Fault, code};
use super::format::Format;
use crate::client::WeakClient;
use crate::{Body, Content};

/// An object that calls can reach. The attributes write this.
pub trait Handler: Send + Sync {
    /// Takes a call.
    fn handle(&self, call: Incoming<'_>) -> Handled;
}

/// A call that came.
pub struct Incoming<'a> {
    method: usize,
    described: &'static Description,
    format: Format,
    payload: &'a [u8],
    client: &'a WeakClient,
}

/// What a call brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    pub(super) content: Content,
    pub(super) payload: &'a [u8],
}

impl<'a> Sent<'a> {
    pub(super) fn of(body: &'a Body) -> Self {
        Self { content: body.content, payload: &body.payload }
    }
}

/// What became of a call.
pub enum Handled {
    /// The method has returned, and nobody waits for an answer.
    Done,
    /// It didn't reach the method.
    Failed(Fault),
    /// The method's answer.
    Later(Answering),
}

/// A method that will have answered.
pub type Answering = Pin<Box<dyn Future<Output = Result<Body, Fault>> + Send>>;

impl From<Fault> for Handled {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

impl<'a> Incoming<'a> {
    /// A call of a method by its place in the interface.
    pub(super) fn new(
        described: &'static Description,
        method: usize,
        sent: Sent<'a>,
        client: &'a WeakClient,
    ) -> Self {
        let Sent { content, payload } = sent;
        Self { method, described, format: Format::of(content), payload, client }
    }

    /// The method's place in the interface.
    pub fn method(&self) -> usize {
        self.method
    }

    pub(super) fn described(&self) -> &'static Method {
        &self.described.methods[self.method]
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// If they are those of another version, or can't be read.
    pub fn arguments<A: DeserializeOwned>(&self) -> Result<A, Fault> {
        let method = self.described();
        let signature = || format!("{}.{}", self.described.name, method.signature);
        let mut payload = self.payload;
        if self.format == Format::Bincode {
            let (number, rest) = payload.split_at_checked(4).unwrap_or((&[], payload));
            if number != method.fingerprint.to_le_bytes() {
                let signature = signature();
                let message =
                    format!("it is {signature} here, and something else where it is called");
                return Err(Fault::new(code::VERSION_MISMATCH, message));
            }
            payload = rest;
        }
        self.format.read(payload, self.client).map_err(|error| {
            let message = format!("the arguments of {} can't be read: {error}", signature());
            Fault::new(code::BAD_ARGUMENTS, message)
        })
    }

    /// The answer of a method, once it has one.
    pub fn later<V: Serialize>(self, method: impl Future<Output = V> + Send + 'static) -> Handled {
        let format = self.format;
        Handled::Later(Box::pin(async move {
            let answer = method.await;
            let unwritable =
                |error| Fault::new(code::FAILED, format!("the answer can't be written: {error}"));
            format.answer(&answer).map_err(unwritable)
        }))
    }

    /// A method that the description has and the dispatcher doesn't: there is none.
    pub fn unknown(&self) -> Handled {
        Fault::new(code::UNKNOWN_METHOD, "there is no such method".to_owned()).into()
    }
}

/// Takes a call to its method and waits for the answer.
pub(super) async fn handled(
    handler: &dyn Handler,
    call: Incoming<'_>,
    caller: Caller,
) -> Result<Body, Fault> {
    match caller.clone().sync_scope(|| handler.handle(call)) {
        Handled::Done => Ok(Body::default()),
        Handled::Failed(fault) => Err(fault),
        Handled::Later(answering) => caller.scope(answering).await,
    }
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Incoming").field(&self.described().signature).finish()
    }
}

impl fmt::Debug for Handled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "Done",
            Self::Failed(_) => "Failed",
            Self::Later(_) => "Later",
        })
    }
}
