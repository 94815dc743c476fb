//! The task that calls an object with what comes in one of its lanes, in order.

mod saying;
mod unharmed;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::Semaphore;

use super::caller::Caller;
use super::fault::Fault;
use super::incoming::{Handled, Sent};
use super::object::{Lane, OfferedObject, Pending};
use crate::client::WeakClient;
use crate::hub::Hub;
use crate::inbox::{Arrived, Held};
use crate::pace::Pace;
use crate::provider::{Call, Unanswered};
use crate::{Body, Event, Gap};
use saying::Methods;
use unharmed::{Unharmed, unharmed};

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
        let mut methods = Methods::new(object.description());
        while let Some(first) = poll_fn(|cx| lane.inbox().poll_take(cx)).await {
            pace.begin();
            let mut next = Some(first);
            while let Some(taken) = next {
                match taken {
                    Arrived::Run(run) => self.tell_run(&run, &mut methods, &mut pace).await,
                    Arrived::Event(Held { event: Event::Ended(_), .. }) => return,
                    Arrived::Event(Held { event, owed, .. }) => {
                        self.take(event, lane, &mut methods, &pace).await;
                        // Now it is consumed.
                        drop(owed);
                        pace.pause_if_due(1).await;
                    }
                }
                next = lane.inbox().try_take();
            }
        }
    }

    async fn take(&self, event: Event, lane: &Lane, methods: &mut Methods, pace: &Pace) {
        match event {
            Event::Message(message) => pace.call(|| self.tell(&message, methods)),
            Event::Gap(gap) => pace.call(|| self.missed(&gap)),
            Event::CaughtUp => self.word(lane).await,
            _ => {}
        }
    }

    fn missed(&self, gap: &Gap) {
        let _ = unharmed(&self.hub, || self.object.missed(gap, &self.hub));
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
        let sent = Sent::of(&request.body);
        let handled = caller.clone().sync_scope(|| self.handle(method, sent));
        let Some(handled) = handled else { return };
        let answering = match handled {
            Handled::Done => return unanswered.give(Ok(Body::default())).await,
            Handled::Failed(Fault(refusal)) => return unanswered.give(Err(refusal)).await,
            Handled::Later(answering) => answering,
        };
        let mut answering = Unharmed::new(&self.hub, caller, answering);
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
