//! A caller that waits for the answer to its command.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::hub::{Answer, Failure, Hub};

/// A command whose answer is waited for. Dropping it says that nobody waits any more.
pub(crate) struct OpenCall<'a> {
    hub: &'a Hub,
    id: u64,
    /// Whether giving up is told to the broker.
    is_request: bool,
    answer: oneshot::Receiver<Result<Answer, Failure>>,
}

impl<'a> OpenCall<'a> {
    /// Queues a command. The room must have been taken.
    pub(crate) fn ask(hub: &'a Arc<Hub>, room: usize, frame: impl FnOnce(u64) -> Bytes) -> Self {
        let (id, answer) = hub.push_command(room, frame);
        Self { hub, id, is_request: false, answer }
    }

    /// Makes giving up cancel it at the broker.
    pub(crate) fn cancelled_on_drop(mut self) -> Self {
        self.is_request = true;
        self
    }

    /// Waits for the answer.
    pub(crate) async fn answer(mut self) -> Result<Answer, Failure> {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Closed(self.hub.closed_reason())),
        }
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.hub.give_up(self.id, self.is_request);
    }
}
