//! Code of the object's own: if it panics, it harms that one call, and is counted.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::Body;
use crate::hub::Hub;
use crate::interface::caller::Caller;
use crate::interface::fault::Fault;
use crate::interface::incoming::Answering;

/// Runs something of the object's own. Calls that wait behind it are made whatever becomes of it.
pub(super) fn unharmed<T>(hub: &Hub, run: impl FnOnce() -> T) -> Option<T> {
    let done = caught(run);
    if done.is_none() {
        hub.counters.calls_panicked.count();
    }
    done
}

fn caught<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).map_err(forget).ok()
}

/// What it panicked with may panic as well where it is dropped. What that panics with is left alone.
fn forget(what: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(what))) {
        std::mem::forget(again);
    }
}

/// A method on its way to its answer, on behalf of who called it. `None` if it panicked. What it holds may
/// panic too, where it is dropped before it has answered.
pub(super) struct Unharmed {
    hub: Arc<Hub>,
    answering: Option<Answering>,
}

impl Unharmed {
    pub(super) fn new(hub: &Arc<Hub>, by: Caller, answering: Answering) -> Self {
        Self { hub: Arc::clone(hub), answering: Some(Box::pin(by.scope(answering))) }
    }

    /// Nobody wants its answer any more, nor that it goes on.
    fn let_go(&mut self) {
        let Self { hub, answering } = self;
        if let Some(answering) = answering.take() {
            unharmed(hub, || drop(answering));
        }
    }
}

impl Future for Unharmed {
    type Output = Option<Result<Body, Fault>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { hub, answering } = &mut *self;
        let Some(method) = answering else { return Poll::Ready(None) };
        let polled = unharmed(hub, || method.as_mut().poll(cx));
        match polled {
            Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(answer)) => {
                self.let_go();
                Poll::Ready(Some(answer))
            }
            None => {
                // It is counted already.
                let answering = self.answering.take();
                let _ = caught(|| drop(answering));
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for Unharmed {
    fn drop(&mut self) {
        self.let_go();
    }
}
