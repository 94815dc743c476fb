//! The task that calls an object with what comes in one of its lanes, in order.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::Semaphore;

use super::Description;
use super::caller::Caller;
use super::fault::Fault;
use super::incoming::{Answering, Handled, Incoming};
use super::object::{Lane, OfferedObject, Pending};
use crate::client::WeakClient;
use crate::hub::Hub;
use crate::inbox::Held;
use crate::pace::Pace;
use crate::provider::{Call, Unanswered};
use crate::{Body, Event, Gap, Message};

/// How many answers of one object are under way at one time. Who asks for more is told `busy`: what
/// waits behind, calls without an answer among it, isn't to wait for what others are slow to answer.
const ANSWERS_MAX: usize = 1024;

/// Calls an object until it is no longer offered.
pub(super) fn begin(object: &Arc<OfferedObject>, client: &WeakClient, hub: &Arc<Hub>) {
    let answered = Arc::new(Semaphore::new(ANSWERS_MAX));
    for (number, _) in object.lanes() {
        let task = Task {
            object: Arc::clone(object),
            client: client.clone(),
            hub: Arc::clone(hub),
            answered: Arc::clone(&answered),
        };
        hub.runtime.spawn(task.run(number));
    }
}

struct Task {
    object: Arc<OfferedObject>,
    client: WeakClient,
    hub: Arc<Hub>,
    /// Calls with an answer that may be under way.
    answered: Arc<Semaphore>,
}

impl Task {
    async fn run(self, number: u8) {
        let object = Arc::clone(&self.object);
        let Some((_, lane)) = object.lanes().find(|(one, _)| *one == number) else { return };
        let mut pace = Pace::new();
        let mut methods = Methods { description: object.description(), last: None };
        while let Some(first) = poll_fn(|cx| lane.inbox().poll_next(cx)).await {
            pace.begin();
            let mut next = Some(first);
            while let Some(Held { event, owed, .. }) = next {
                match event {
                    Event::Message(message) => pace.call(|| self.tell(message, &mut methods)),
                    Event::Gap(gap) => pace.call(|| self.missed(&gap)),
                    Event::CaughtUp => self.word(lane).await,
                    Event::Ended(_) => return,
                    _ => {}
                }
                // Now it is consumed.
                drop(owed);
                if pace.is_due() {
                    pace.pause().await;
                }
                next = lane.inbox().try_next();
            }
        }
    }

    fn missed(&self, gap: &Gap) {
        let _ = unharmed(&self.hub, || self.object.missed(gap, &self.hub));
    }

    fn tell(&self, message: Message, methods: &mut Methods) {
        if !self.client.is_held() {
            return;
        }
        let Message { topic, from, body, .. } = message;
        let method = methods.called(&topic);
        // Kept for what comes of it later; most calls are done when they return.
        let asked_by = from.as_ref().filter(|_| methods.answers(&method)).cloned();
        let caller = |name| Caller { name, session: None };
        let Some(handled) = self.handle(method, &body, caller(from)) else { return };
        match handled {
            Handled::Done => {}
            Handled::Failed(Fault(refusal)) => {
                self.hub.counters.calls_unreadable.count();
                tracing::warn!(topic = &*topic, %refusal, "a call that can't be carried out");
            }
            // Sent without wanting the answer.
            Handled::Later(answering) => self.finish(answering, caller(asked_by)),
        }
    }

    /// Carries on with a call of which nobody wants the answer, within the bound of those that are
    /// under way.
    fn finish(&self, answering: Answering, by: Caller) {
        let Ok(turn) = Arc::clone(&self.answered).try_acquire_owned() else {
            self.hub.counters.requests_busy.count();
            return tracing::warn!("a call is left out: too many are answered at one time");
        };
        let answering = unharmed_until_done(&self.hub, by, answering);
        self.hub.runtime.spawn(async move {
            let _turn = turn;
            let _ = answering.await;
        });
    }

    /// Takes a call to its method. `None` if that panicked.
    fn handle(&self, method: Result<usize, Fault>, body: &Body, by: Caller) -> Option<Handled> {
        let method = match method {
            Ok(method) => method,
            Err(fault) => return Some(fault.into()),
        };
        let call = Incoming::new(self.object.description(), method, body, &self.client);
        unharmed(&self.hub, || by.sync_scope(|| self.object.handler.handle(call)))
    }

    async fn word(&self, lane: &Lane) {
        match lane.take() {
            Some(Pending::Asked(call)) => self.ask(*call).await,
            Some(Pending::Unheld(reason)) => self.object.unheld_in(lane, reason),
            None => {}
        }
    }

    /// Begins a call in its turn, and leaves the rest of it to a task of its own.
    async fn ask(&self, call: Call) {
        let Ok(turn) = Arc::clone(&self.answered).try_acquire_owned() else {
            return call.refuse_busy();
        };
        let Call { request, unanswered, mut cancelled } = call;
        if !self.client.is_held() {
            return;
        }
        let caller = Caller { name: request.from, session: request.session };
        let method = self.object.description().called(&request.topic);
        // Where the object panicked, the caller is told as `unanswered` is dropped.
        let handled = self.handle(method, &request.body, caller.clone());
        let Some(handled) = handled else { return };
        let answering = match handled {
            Handled::Done => return unanswered.give(Ok(Body::default())).await,
            Handled::Failed(Fault(refusal)) => return unanswered.give(Err(refusal)).await,
            Handled::Later(answering) => answering,
        };
        let mut answering = unharmed_until_done(&self.hub, caller, answering);
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut answering).poll(cx))).await;
        if let Poll::Ready(answer) = first {
            return give(unanswered, answer).await;
        }
        self.hub.runtime.spawn(async move {
            let _turn = turn;
            let answer = tokio::select! {
                biased;
                _ = &mut cancelled => return,
                answer = answering => answer,
            };
            give(unanswered, answer).await;
        });
    }
}

/// Gives an answer. Where there is none, dropping what is unanswered says so.
async fn give(unanswered: Unanswered, answer: Option<Result<Body, Fault>>) {
    if let Some(answer) = answer {
        unanswered.give(answer.map_err(|Fault(refusal)| refusal)).await;
    }
}

/// Runs something of the object's own. If that panics, it harms this one call: those that wait behind
/// it are made.
fn unharmed<T>(hub: &Hub, run: impl FnOnce() -> T) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(run));
    if done.is_err() {
        hub.counters.calls_panicked.count();
    }
    done.ok()
}

/// Runs a method to its answer, on behalf of who called it. `None` if it panicked.
fn unharmed_until_done(
    hub: &Arc<Hub>,
    by: Caller,
    answering: Answering,
) -> impl Future<Output = Option<Result<Body, Fault>>> + Send + Unpin + use<> {
    let (hub, mut answering) = (Arc::clone(hub), Box::pin(by.scope(answering)));
    poll_fn(move |cx| {
        let polled = unharmed(&hub, || answering.as_mut().poll(cx));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
}

/// Which methods of an interface are called.
struct Methods {
    description: &'static Description,
    /// The last call's topic and method: mostly the next one's too, and their topic is shared.
    last: Option<(Arc<str>, usize)>,
}

impl Methods {
    /// Whether a method has an answer.
    fn answers(&self, method: &Result<usize, Fault>) -> bool {
        method.as_ref().is_ok_and(|method| self.description.methods[*method].answers)
    }

    /// The place of the method that a topic calls.
    fn called(&mut self, topic: &Arc<str>) -> Result<usize, Fault> {
        match &self.last {
            Some((last, method)) if Arc::ptr_eq(last, topic) => Ok(*method),
            _ => {
                let method = self.description.called(topic)?;
                self.last = Some((Arc::clone(topic), method));
                Ok(method)
            }
        }
    }
}
