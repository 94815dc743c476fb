//! The end of a client.

use std::task::Context;

use super::outgoing::Outgoing;
use super::{Hub, wake};
use crate::state::ConnectionState;
use crate::{ClosedReason, Ended, SubscribeError};

impl Hub {
    /// Asks the connection's task to end in good order.
    pub(crate) fn close(&self) {
        let writer = {
            let mut state = self.lock();
            state.closing = true;
            state.writer.take()
        };
        self.closing.send_replace(true);
        wake(writer);
    }

    /// Waits until the program asks to close.
    pub(crate) async fn until_closing(&self) {
        let asked = self.closing.subscribe().wait_for(|closing| *closing).await.map(|_| ());
        asked.expect("the sender lives as long as the hub");
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// Whether the program has asked to close; if not yet, the task is woken when it does.
    pub(crate) fn poll_closing(&self, cx: &Context<'_>) -> bool {
        let mut state = self.lock();
        if !state.closing {
            state.writer = Some(cx.waker().clone());
        }
        state.closing
    }

    /// Nothing comes any more: everybody is told.
    pub(crate) fn closed(&self, reason: ClosedReason) {
        let (open, wishes, direct, cancelled) = {
            let mut state = self.lock();
            state.closed = Some(reason.clone());
            self.set_payload_bytes_max(None);
            (state.session, state.secret) = (None, None);
            state.outgoing = Outgoing::default();
            let wishes = std::mem::take(&mut state.wishes);
            let direct = std::mem::take(&mut state.direct);
            (state.open.take_all(), wishes, direct, std::mem::take(&mut state.answering))
        };
        drop(cancelled);
        self.room.close();
        self.commands.close();
        open.into_iter().for_each(|open| open.closed(&reason));
        for wish in wishes.into_values() {
            wish.end(SubscribeError::Closed(reason.clone()), Ended::Closed(reason.clone()));
        }
        for (_, inbox) in direct {
            inbox.end(Ended::Closed(reason.clone()));
        }
        self.end_callbacks();
        self.tell(ConnectionState::Closed(reason));
    }

    /// Why the client is closed. Asked for only where a closed semaphore said that it is.
    pub(crate) fn closed_reason(&self) -> ClosedReason {
        self.lock().closed.clone().unwrap_or(ClosedReason::Asked)
    }
}
