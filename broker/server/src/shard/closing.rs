//! How connections end.

use std::future::Future as _;
use std::task::{Context, Poll};
use std::time::Duration;

use broker_core::{Ending, Flushed};
use broker_protocol::ErrorCode;
use transport_api::{CloseCode, CloseReason, LinkError};

use super::Shard;
use super::connection::{Connection, Farewell, Stage};

/// How long a closing word may take to leave, and the peer to take note.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The same for a peer that gave no sign of life: little is to be hoped for, and its place in the
/// count of connections is to be free soon.
const SILENT_CLOSE_TIMEOUT: Duration = Duration::from_millis(400);

impl Shard {
    /// A link is gone. Its session waits for its client, unless that said goodbye or broke the rules.
    pub(super) fn lose(&self, connection: &Connection, error: &LinkError) {
        match error {
            LinkError::Closed(reason) if reason.code == CloseCode::Normal => {
                self.drop_session(connection);
            }
            LinkError::Closed(_) | LinkError::Broken(_) => {
                self.rules.borrow_mut().lost(self.now(), connection.slot.get());
                self.remove(connection);
            }
            _ => self.drop_session(connection),
        }
    }

    /// A link is gone, and its session with it.
    pub(super) fn drop_session(&self, connection: &Connection) {
        self.rules.borrow_mut().gone(connection.slot.get());
        self.remove(connection);
    }

    /// A session has ended: its link is closed behind its closing word.
    pub(super) fn begin_to_close(&self, ending: Ending) {
        let Some(connection) = self.connection(ending.slot) else { return };
        tracing::debug!(slot = ending.slot, code = ending.code.name(), reason = %ending.reason,
            "session ended");
        let timeout = match ending.code {
            ErrorCode::IdleTimeout => SILENT_CLOSE_TIMEOUT,
            _ => CLOSE_TIMEOUT,
        };
        let reason = CloseReason::new(close_code(ending.code), ending.reason);
        let deadline = Box::pin(tokio::time::sleep(timeout));
        let farewell = Farewell { reason: Some(reason), deadline };
        *connection.stage.borrow_mut() = Stage::Closing(Box::new(farewell));
        connection.wake();
    }

    fn remove(&self, connection: &Connection) {
        self.connections.borrow_mut()[connection.slot.get() as usize] = None;
        self.work.notify_one();
    }
}

impl Connection {
    pub(super) fn poll_closing(&self, shard: &Shard, cx: &mut Context<'_>) {
        if self.poll_farewell(shard, cx).is_pending() && !self.is_out_of_time(cx) {
            return;
        }
        shard.rules.borrow_mut().forget(self.slot.get());
        shard.remove(self);
    }

    fn is_out_of_time(&self, cx: &mut Context<'_>) -> bool {
        match &mut *self.stage.borrow_mut() {
            Stage::Closing(farewell) => farewell.deadline.as_mut().poll(cx).is_ready(),
            Stage::Open => true,
        }
    }

    /// Sends the closing word, then closes the link. Ready when both are done or can't be.
    fn poll_farewell(&self, shard: &Shard, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Stage::Closing(farewell) = &mut *self.stage.borrow_mut() else {
                return Poll::Ready(());
            };
            let reason = &mut farewell.reason;
            if reason.is_none() {
                return self.link().poll_closed(cx);
            }
            if self.blocked.get() {
                match self.link().poll_writable(cx) {
                    Poll::Ready(Ok(())) => self.blocked.set(false),
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
                shard.rules.borrow_mut().writable(self.slot.get());
            }
            match self.flush(&mut shard.rules.borrow_mut()) {
                Ok(Flushed::Everything) => {
                    let reason = reason.take().expect("it was there just now");
                    self.link().close(reason);
                }
                Ok(Flushed::Blocked) => {}
                Err(_) => return Poll::Ready(()),
            }
        }
    }
}

/// What the transport is told of why a session ended.
fn close_code(code: ErrorCode) -> CloseCode {
    match code {
        ErrorCode::Closed => CloseCode::Normal,
        ErrorCode::ShuttingDown => CloseCode::GoingAway,
        ErrorCode::FrameTooLarge => CloseCode::TooLarge,
        ErrorCode::Internal => CloseCode::Internal,
        ErrorCode::SlowConsumer
        | ErrorCode::ControlOverrun
        | ErrorCode::TooManyConnections
        | ErrorCode::IdleTimeout
        | ErrorCode::TakenOver
        | ErrorCode::HandshakeTimeout => CloseCode::Refused,
        _ => CloseCode::Protocol,
    }
}
