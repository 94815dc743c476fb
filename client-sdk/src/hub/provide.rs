//! Requests that this client is to answer.

use std::borrow::Cow;
use std::sync::Arc;

use broker_protocol::frame::{ClientFrame, Outcome, Reply};
use tokio::sync::oneshot;

use super::{Hub, wake};

impl Hub {
    /// Notes a request that is to be answered. The receiver learns when nobody waits any more.
    pub(crate) fn called(&self, token: &Arc<str>) -> oneshot::Receiver<()> {
        let (cancel, cancelled) = oneshot::channel();
        self.lock().answering.insert(Arc::clone(token), cancel);
        cancelled
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn call_cancelled(&self, token: &str) {
        let cancel = self.lock().answering.remove(token);
        drop(cancel);
    }

    /// Answers a request, unless nobody waits for it any more. The room must have been taken; it is
    /// given back when the answer is on its way.
    pub(crate) fn answer(&self, token: &Arc<str>, outcome: Outcome<'_>, room: usize) {
        let to = Cow::Borrowed(&**token);
        let bytes = self.encode(&ClientFrame::Reply(Reply { to, outcome }));
        let mut state = self.lock();
        let cancel = state.answering.remove(token);
        let wanted = cancel.is_some() && state.has_session();
        if wanted {
            state.push_reply(bytes, room);
        }
        let writer = state.writer.take();
        drop(state);
        drop(cancel);
        if !wanted {
            self.room.add_permits(room);
        }
        wake(writer);
    }
}
