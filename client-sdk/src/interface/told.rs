//! What became of a call without an answer.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::error::CallError;
use crate::hub::{Hub, Lifetime};
use crate::publication::{room_for, try_room_for};

/// What became of a call without an answer: nobody has to look.
///
/// The call never waits. If there was room in the outgoing queue, it is on its way. If there was none,
/// it is here: awaiting this waits for room, so that a service which calls faster than its link
/// carries is paced; dropping it leaves the call out, which is counted
/// ([`Statistics::calls_left_out`](crate::Statistics)).
///
/// On its way it may still find no room where the callback is, if its method keeps all. That is told by
/// [`ClientBuilder::on_refused`](crate::ClientBuilder::on_refused), and counted
/// ([`Statistics::publishes_refused`](crate::Statistics)).
#[derive(Debug)]
pub struct Told(State);

#[derive(Debug)]
enum State {
    Queued,
    Full { hub: Arc<Hub>, frame: Bytes, size: usize },
    Failed(CallError),
}

impl Told {
    /// Queues a frame, if there is room.
    pub(super) fn send(hub: &Arc<Hub>, frame: &[u8]) -> Self {
        let size = frame.len();
        Self(match try_room_for(hub, size) {
            Ok(room) => {
                hub.append(frame, room);
                State::Queued
            }
            Err(crate::PublishError::Closed(reason)) => State::Failed(CallError::Closed(reason)),
            Err(_) => {
                let frame = Bytes::copy_from_slice(frame);
                State::Full { hub: Arc::clone(hub), frame, size }
            }
        })
    }

    pub(super) fn failed(error: CallError) -> Self {
        Self(State::Failed(error))
    }

    /// Whether the call is on its way.
    pub fn is_queued(&self) -> bool {
        matches!(self.0, State::Queued)
    }

    /// Whether the call is on its way, and if not, why.
    ///
    /// # Errors
    /// [`CallError::Released`] if the callback is over, [`CallError::Full`], and what can't be
    /// written or sent.
    pub fn ok(mut self) -> Result<(), CallError> {
        match std::mem::replace(&mut self.0, State::Queued) {
            State::Queued => Ok(()),
            full @ State::Full { .. } => {
                self.0 = full;
                Err(CallError::Full)
            }
            State::Failed(error) => Err(error),
        }
    }
}

impl IntoFuture for Told {
    type Output = Result<(), CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            match std::mem::replace(&mut self.0, State::Queued) {
                State::Queued => Ok(()),
                State::Failed(error) => Err(error),
                State::Full { hub, frame, size } => {
                    let closed = || CallError::Closed(hub.closed_reason());
                    let room = room_for(&hub, size).await.ok_or_else(closed)?;
                    hub.push(frame, room, Lifetime::Client);
                    Ok(())
                }
            }
        })
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let State::Full { hub, .. } = &self.0 {
            hub.counters.calls_left_out.count();
        }
    }
}
