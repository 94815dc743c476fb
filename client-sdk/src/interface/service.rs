//! A handle to a service.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::described::{self, Described};
use super::error::{CallError, ResolveError};
use super::format::Format;
use super::handle::Handle;
use super::remote::{Remote, Target};
use super::{Interface, ServiceInterface};
use crate::{Body, Client, request};

/// A handle to a service, to be called like the object itself.
///
/// Cheap to clone. A call that fails says why; a handle is good for as long as somebody serves the
/// name, whoever it is.
pub struct Service<I: ?Sized>(Handle<I>);

impl<I: ServiceInterface + ?Sized> Service<I> {
    fn new(remote: Remote) -> Self {
        Self(Handle::new(remote))
    }

    /// The same service, to be called in JSON: whoever serves it needs no bincode. The answers come
    /// in what they are written in.
    #[must_use]
    pub fn json(&self) -> Self {
        Self::new(Remote { format: Format::Json, ..self.0.remote().clone() })
    }

    /// The same service, each answer of which is waited for so long, whatever its method says.
    #[must_use]
    pub fn timeout(&self, most: Duration) -> Self {
        Self::new(Remote { timeout: Some(most), ..self.0.remote().clone() })
    }
}

/// Finds a service and sees that it is the interface that is meant.
pub(crate) async fn resolve<I: ServiceInterface + ?Sized>(
    client: &Client,
    name: &str,
) -> Result<Service<I>, ResolveError> {
    let hub = client.hub();
    let topic = format!("{name}.{}", described::METHOD);
    let timeout = hub.config.request_timeout;
    let asked = request::request(hub, &topic, Body::default(), timeout).await;
    let reply = asked.map_err(|error| match CallError::of(error) {
        CallError::NotServed => ResolveError::NotServed { name: name.to_owned() },
        error => ResolveError::Call(error),
    })?;
    let found: Described = serde_json::from_slice(&reply.body.payload).map_err(|error| {
        let message = format!("what {name:?} says of itself can't be read: {error}");
        CallError::BadAnswer { message }
    })?;
    found.check(name, <I as Interface>::DESCRIPTION)?;
    let target = Target::Service(Arc::from(name));
    let client = client.clone();
    Ok(Service::new(Remote {
        client,
        format: Format::default(),
        timeout: None,
        expires_in: None,
        target,
    }))
}

impl<I: ServiceInterface + ?Sized> Deref for Service<I> {
    type Target = I::Calls;

    fn deref(&self) -> &I::Calls {
        self.0.calls()
    }
}

impl<I: ?Sized> Clone for Service<I> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I: ServiceInterface + ?Sized> fmt::Debug for Service<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
