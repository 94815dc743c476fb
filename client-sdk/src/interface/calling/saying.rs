//! Calls without an answer, one by one or a run of them.

use std::ops::Range;
use std::sync::Arc;

use super::{Fault, Task, Unharmed, unharmed};
use crate::Message;
use crate::inbox::Run;
use crate::interface::Description;
use crate::interface::caller::Caller;
use crate::interface::incoming::{Answering, Handled, Incoming, Sent};
use crate::pace::Pace;

/// Which methods of an interface are called.
pub(super) struct Methods {
    description: &'static Description,
    /// The last call's topic and method: mostly the next one's too, and their topic is shared.
    last: Option<(Arc<str>, usize)>,
}

impl Methods {
    pub(super) fn new(description: &'static Description) -> Self {
        Self { description, last: None }
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

impl Task {
    pub(super) fn tell(&self, message: &Message, methods: &mut Methods) {
        let caller = Caller { name: message.from.clone(), session: None };
        let sent = Sent::of(&message.body);
        caller.sync_scope(|| self.say(&message.topic, &message.from, sent, methods));
    }

    /// Makes the calls of a run that nobody else claims, and no more of them in a row than the pace has
    /// it.
    pub(super) async fn tell_run(&self, run: &Run, methods: &mut Methods, pace: &mut Pace) {
        loop {
            let (most, mut made) = (pace.calls_left(), 0..0);
            pace.call(|| made = self.tell_some(run, most, methods));
            let calls = made.len();
            // Now they are consumed.
            run.finish(made);
            pace.pause_if_due(calls).await;
            if calls < most {
                return;
            }
        }
    }

    /// Makes so many calls of a run at most. Returns which.
    fn tell_some(&self, run: &Run, most: usize, methods: &mut Methods) -> Range<usize> {
        let caller = Caller { name: run.shared().from.clone(), session: None };
        caller.sync_scope(|| {
            let mut made = 0..0;
            while made.len() < most
                && let Some(place) = run.claim()
            {
                let first = if made.is_empty() { place } else { made.start };
                made = first..place + 1;
                let sent = Sent { content: run.content(place), payload: run.payload(place) };
                self.say(&run.shared().topic, &run.shared().from, sent, methods);
            }
            made
        })
    }

    fn say(
        &self,
        topic: &Arc<str>,
        from: &Option<Arc<str>>,
        sent: Sent<'_>,
        methods: &mut Methods,
    ) {
        if !self.client.is_held() {
            return;
        }
        let Some(handled) = self.handle(methods.called(topic), sent) else { return };
        match handled {
            Handled::Done => {}
            Handled::Failed(Fault(refusal)) => {
                self.hub.counters.calls_unreadable.count();
                tracing::warn!(topic = &**topic, %refusal, "a call that can't be carried out");
            }
            // Sent without wanting the answer.
            Handled::Later(answering) => {
                self.finish(answering, Caller { name: from.clone(), session: None });
            }
        }
    }

    /// Carries on with a call of which nobody wants the answer, within the bound of those that are
    /// under way.
    fn finish(&self, answering: Answering, by: Caller) {
        // Whatever becomes of it, what the object holds is dropped without harm to those behind.
        let answering = Unharmed::new(&self.hub, by, answering);
        let Ok(turn) = Arc::clone(&self.answered).try_acquire_owned() else {
            self.hub.counters.requests_busy.count();
            return tracing::warn!("a call is left out: too many are answered at one time");
        };
        self.hub.runtime.spawn(async move {
            let _turn = turn;
            let _ = answering.await;
        });
    }

    /// Takes a call to its method. `None` if that panicked.
    pub(super) fn handle(&self, method: Result<usize, Fault>, sent: Sent<'_>) -> Option<Handled> {
        let method = match method {
            Ok(method) => method,
            Err(fault) => return Some(fault.into()),
        };
        let call = Incoming::new(self.object.description(), method, sent, &self.client);
        unharmed(&self.hub, || self.object.handler.handle(call))
    }
}
