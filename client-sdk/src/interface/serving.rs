//! Serving an object under a name.

use std::fmt;

use super::checked::ImplementsService;
use super::described::{self, Described};
use super::fault::{Fault, code};
use super::incoming::{Handler, Incoming, Sent, handled};
use super::instances::{For, Instances};
use super::{Caller, Description, Eventually, ServiceInterface};
use crate::client::WeakClient;
use crate::{Body, Client, Provider, Refusal, Request, Serving, SubscribeError};

/// A service with options, before it is served; see [`Client::serving`].
///
/// Several that serve one name, in one process or many, share its calls.
#[derive(Debug)]
#[must_use = "nothing is served until it is started"]
pub struct ServiceBuilder<'a> {
    client: &'a Client,
    name: String,
    concurrent_max: Option<usize>,
    waiting_max: Option<usize>,
    instances_max: usize,
}

/// Objects that one service makes at most, each for a client or session of its own.
const INSTANCES_MAX: usize = 10_000;

impl<'a> ServiceBuilder<'a> {
    pub(crate) fn new(client: &'a Client, name: &str) -> Self {
        let (concurrent_max, waiting_max) = (None, None);
        let instances_max = INSTANCES_MAX;
        Self { client, name: name.to_owned(), concurrent_max, waiting_max, instances_max }
    }

    /// Makes calls one at a time, in the order in which they came: the next one begins when the one
    /// before has returned. So what a method reads, awaits and then writes is safe. An interface with
    /// `&mut self` is served so for each object anyway.
    pub fn serial(self) -> Self {
        self.concurrent_max(1)
    }

    /// How many calls are carried out at one time; at least 1. 64.
    pub fn concurrent_max(self, calls: usize) -> Self {
        Self { concurrent_max: Some(calls), ..self }
    }

    /// How many calls wait for their turn; at least 1. Beyond, callers are told
    /// [`Busy`](super::CallError::Busy). 1,024.
    pub fn waiting_max(self, calls: usize) -> Self {
        Self { waiting_max: Some(calls), ..self }
    }

    /// How many objects [`per_client`](Self::per_client) and [`per_session`](Self::per_session) make
    /// at most; at least 1. Beyond, the one that was called longest ago goes. 10,000.
    pub fn instances_max(self, objects: usize) -> Self {
        Self { instances_max: objects.max(1), ..self }
    }

    /// Begins to serve one object for all.
    ///
    /// # Errors
    /// See [`Client::serve`].
    ///
    /// # Cancel safety
    /// Dropping the future ends the serving.
    pub fn start<I, S>(self, service: S) -> Eventually<'a, Result<Serving, SubscribeError>>
    where
        I: ServiceInterface + ?Sized,
        S: ImplementsService<I>,
    {
        let instances = Instances::Shared(service.into_handler());
        Box::pin(self.begin(I::DESCRIPTION, instances))
    }

    /// Begins to serve each client, by its name, an object of its own, made at its first call.
    ///
    /// It outlives the client's sessions: a client that comes back under its name finds it again. It
    /// is dropped with the serving, or when there are too many ([`Self::instances_max`]).
    ///
    /// # Errors
    /// See [`Client::serve`].
    pub fn per_client<I, S>(
        self,
        make: impl Fn(&Caller) -> S + Send + Sync + 'static,
    ) -> Eventually<'a, Result<Serving, SubscribeError>>
    where
        I: ServiceInterface + ?Sized,
        S: ImplementsService<I>,
    {
        self.each(For::Client, make)
    }

    /// Begins to serve each session an object of its own, made at its first call and dropped when the
    /// session is over: when its client ends, or is lost for longer than its session waits for it. So
    /// the object's `Drop` is told when a client is gone.
    ///
    /// # Errors
    /// See [`Client::serve`].
    pub fn per_session<I, S>(
        self,
        make: impl Fn(&Caller) -> S + Send + Sync + 'static,
    ) -> Eventually<'a, Result<Serving, SubscribeError>>
    where
        I: ServiceInterface + ?Sized,
        S: ImplementsService<I>,
    {
        self.each(For::Session, make)
    }

    fn each<I, S>(
        self,
        whom: For,
        make: impl Fn(&Caller) -> S + Send + Sync + 'static,
    ) -> Eventually<'a, Result<Serving, SubscribeError>>
    where
        I: ServiceInterface + ?Sized,
        S: ImplementsService<I>,
    {
        let made = move |caller: &Caller| make(caller).into_handler();
        let instances = Instances::each(whom, made, self.instances_max);
        Box::pin(self.begin(I::DESCRIPTION, instances))
    }

    async fn begin(
        self,
        description: &'static Description,
        instances: Instances,
    ) -> Result<Serving, SubscribeError> {
        let Self { client, name, concurrent_max, waiting_max, .. } = self;
        let served = Served { description, instances, client: client.downgrade() };
        let mut providing = client.providing(&format!("{name}.*"));
        if let Some(calls) = concurrent_max {
            providing = providing.concurrent_max(calls);
        }
        if let Some(calls) = waiting_max {
            providing = providing.waiting_max(calls);
        }
        providing.start(served).await
    }
}

/// The provider of a service's requests.
struct Served {
    description: &'static Description,
    instances: Instances,
    /// The guard of the serving keeps the client.
    client: WeakClient,
}

impl Provider for Served {
    async fn answer(&self, request: Request) -> Result<Body, Refusal> {
        let method = request.topic.rsplit('.').next().unwrap_or_default();
        if method == described::METHOD {
            return describe(self.description);
        }
        let gone = || Refusal::new(code::FAILED, "the service ends");
        let client = self.client.upgrade().ok_or_else(gone)?;
        let caller = Caller { name: request.from, session: request.session };
        let handler = self.instances.of(&caller, &client);
        // Calls that are answered keep nobody.
        drop(client);
        let answered = match self.description.called(method) {
            Ok(method) => {
                let call =
                    Incoming::new(self.description, method, Sent::of(&request.body), &self.client);
                handled(&*handler, call, caller).await
            }
            Err(fault) => Err(fault),
        };
        answered.map_err(|Fault(refusal)| refusal)
    }
}

fn describe(description: &Description) -> Result<Body, Refusal> {
    let document = serde_json::to_string(&Described::from(description));
    document.map(Body::json).map_err(|error| Refusal::new(code::FAILED, error))
}

impl fmt::Debug for dyn Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}
