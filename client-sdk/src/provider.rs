//! Answering requests.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use broker_protocol::frame::{self, Outcome, RoutedRequest};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::Body;
use crate::hub::Hub;
use crate::publication::room_for;

/// Requests that are answered at one time by one provider.
pub(crate) const CONCURRENT_MAX: usize = 64;

/// Requests that wait for their turn at most; beyond, askers are told `busy`.
pub(crate) const WAITING_MAX: usize = 1024;

/// Answers the requests of a topic.
///
/// Each request is answered in a task of its own, several at a time
/// ([`ServingBuilder::concurrent_max`](crate::ServingBuilder::concurrent_max)). If the asker gives
/// up, or the connection is lost, the future is dropped at its next await. An `async` closure
/// `Fn(Request) -> Result<Body, Refusal>` is a provider too, and any other result that becomes one:
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
/// # doc::with_client(async |client| {
/// use client_sdk::{Body, Refusal, Request};
///
/// let _serving = client
///     .provide("math.double", async |request: Request| {
///         let number: i64 = request
///             .text()
///             .and_then(|text| text.parse().ok())
///             .ok_or_else(|| Refusal::new("not-a-number", "send an integer as text"))?;
///         Ok(Body::from((number * 2).to_string()))
///     })
///     .await?;
/// # Ok(())
/// # }).unwrap();
/// ```
pub trait Provider: Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, request: Request) -> impl Future<Output = Result<Body, Refusal>> + Send;
}

impl<F, A> Provider for F
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Body, Refusal>> + Send,
{
    fn answer(&self, request: Request) -> impl Future<Output = Result<Body, Refusal>> + Send {
        self(request)
    }
}

/// A request, as its provider receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The request topic.
    pub topic: Arc<str>,
    /// The name of the client that asks.
    pub from: Option<Arc<str>>,
    /// The session of that client, if the broker tells.
    pub session: Option<Arc<str>>,
    /// How long the asker still waited when the broker passed the request on.
    pub timeout: Duration,
    /// What it carries.
    pub body: Body,
}

impl Request {
    /// The payload as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        self.body.text()
    }
}

/// A provider's refusal. Code and sentence are the provider's own; the broker passes them on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Refusal {
    /// A code for programs.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl Refusal {
    /// The code of a provider that has no room for another request.
    pub(crate) const BUSY: &str = "busy";

    /// The code of an answer that is larger than the broker allows.
    const TOO_LARGE: &str = "payload-too-large";

    /// Makes a refusal.
    pub fn new(code: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { code: code.into(), message: message.to_string() }
    }

    fn size(&self) -> usize {
        self.code.len() + self.message.len()
    }

    fn into_outcome(self) -> Outcome<'static> {
        Outcome::Failure(frame::RequestError { code: self.code, message: self.message })
    }
}

/// A request on its way to its provider.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) request: Request,
    pub(crate) unanswered: Unanswered,
    pub(crate) cancelled: oneshot::Receiver<()>,
}

/// The duty to answer. A provider that panics is not silent.
pub(crate) struct Unanswered {
    hub: Arc<Hub>,
    token: Option<Arc<str>>,
}

impl fmt::Debug for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unanswered").field("token", &self.token).finish_non_exhaustive()
    }
}

impl Unanswered {
    fn answer(mut self, outcome: Outcome<'_>, room: usize) {
        if let Some(token) = self.token.take() {
            self.hub.answer(&token, outcome, room);
        }
    }
}

impl Unanswered {
    /// Answers, once there is room for it.
    pub(crate) async fn give(self, answer: Result<Body, Refusal>) {
        let answer = allowed(&self.hub, answer);
        let size = answer.as_ref().map_or_else(Refusal::size, Body::size);
        let room = room_for(&self.hub, size).await.unwrap_or(0);
        match answer {
            Ok(body) => self.answer(Outcome::Answer(body.as_frame()), room),
            Err(refusal) => self.answer(refusal.into_outcome(), room),
        }
    }
}

/// An answer for which the broker would end the connection is a refusal.
fn allowed(hub: &Hub, answer: Result<Body, Refusal>) -> Result<Body, Refusal> {
    let bytes = answer.as_ref().map_or(0, |body| body.payload.len());
    match hub.payload_bytes_max() {
        Some(limit) if bytes as u64 > limit => {
            let message = format!("the answer has {bytes} bytes, and {limit} are allowed");
            Err(Refusal::new(Refusal::TOO_LARGE, message))
        }
        _ => answer,
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            let refusal = Refusal::new("failed", "the provider gave no answer");
            self.hub.answer(&token, refusal.into_outcome(), 0);
        }
    }
}

impl Call {
    /// A request that came.
    pub(crate) fn new(request: &RoutedRequest<'_>, hub: &Arc<Hub>) -> Self {
        let token: Arc<str> = Arc::from(&*request.token);
        let cancelled = hub.called(&token);
        let unanswered = Unanswered { hub: Arc::clone(hub), token: Some(token) };
        let request = Request {
            topic: Arc::from(&*request.topic),
            from: request.from.as_deref().map(Arc::from),
            session: request.session.as_deref().map(Arc::from),
            timeout: Duration::from_millis(request.timeout),
            body: Body::received(&request.body),
        };
        Self { request, unanswered, cancelled }
    }

    /// Answers that there is no room.
    pub(crate) fn refuse_busy(self) {
        self.unanswered.hub.counters.requests_busy.count();
        let refusal = Refusal::new(Refusal::BUSY, "the provider has no room for more");
        self.unanswered.answer(refusal.into_outcome(), 0);
    }
}

/// Hands a request to its provider, or answers that there is no room or no provider.
pub(crate) fn call(
    provider: Option<&mpsc::Sender<Call>>,
    request: &RoutedRequest<'_>,
    hub: &Arc<Hub>,
) {
    let call = Call::new(request, hub);
    match provider.map(mpsc::Sender::try_reserve) {
        Some(Ok(place)) => place.send(call),
        Some(Err(mpsc::error::TrySendError::Full(()))) => call.refuse_busy(),
        // The serving has just ended; dropping the call says so.
        Some(Err(mpsc::error::TrySendError::Closed(()))) | None => drop(call),
    }
}

/// Answers calls until the serving ends; those under way are finished.
pub(crate) async fn serve<P: Provider>(
    mut calls: mpsc::Receiver<Call>,
    provider: P,
    concurrent_max: usize,
) {
    let provider = Arc::new(provider);
    let turns = Arc::new(Semaphore::new(concurrent_max));
    while let Some(call) = calls.recv().await {
        let turn = Arc::clone(&turns).acquire_owned().await.expect("it is never closed");
        let provider = Arc::clone(&provider);
        tokio::spawn(async move {
            let _turn = turn;
            answer(&*provider, call).await;
        });
    }
}

async fn answer<P: Provider>(provider: &P, call: Call) {
    let Call { request, unanswered, mut cancelled } = call;
    let hub = Arc::clone(&unanswered.hub);
    let work = async {
        let outcome = allowed(&hub, provider.answer(request).await);
        let size = outcome.as_ref().map_or_else(Refusal::size, Body::size);
        (outcome, room_for(&hub, size).await.unwrap_or(0))
    };
    let answered = tokio::select! {
        biased;
        _ = &mut cancelled => None,
        answered = work => Some(answered),
    };
    match answered {
        Some((Ok(body), room)) => unanswered.answer(Outcome::Answer(body.as_frame()), room),
        Some((Err(refusal), room)) => unanswered.answer(refusal.into_outcome(), room),
        // The hub has forgotten the token already, so that nothing is sent.
        None => drop(unanswered),
    }
}
