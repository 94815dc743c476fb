//! That something is over: told once, with the first reason, to all who wait for it.

use tokio::sync::watch;

use super::holding::ReleaseReason;

/// That something will be over.
#[derive(Debug)]
pub(super) struct Ending(watch::Sender<Option<ReleaseReason>>);

/// Waits for it, without keeping what is waited for.
#[derive(Debug)]
pub(super) struct Awaited(watch::Receiver<Option<ReleaseReason>>);

impl Ending {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Why it is over, if it is.
    pub(super) fn reason(&self) -> Option<ReleaseReason> {
        *self.0.borrow()
    }

    /// It is over. The first reason holds.
    pub(super) fn end(&self, reason: ReleaseReason) {
        self.0.send_if_modified(|over| {
            let first = over.is_none();
            *over = over.or(Some(reason));
            first
        });
    }

    pub(super) fn awaited(&self) -> Awaited {
        Awaited(self.0.subscribe())
    }
}

impl Awaited {
    /// Waits until it is over; `None` if it was dropped before.
    pub(super) async fn reason(mut self) -> Option<ReleaseReason> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|over| *over)
    }
}
