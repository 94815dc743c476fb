//! That something is over: told once, with the first reason, to all who wait for it.

use std::sync::OnceLock;

use tokio::sync::watch;

use super::holding::ReleaseReason;

/// That something will be over.
#[derive(Debug)]
pub(super) struct Ending {
    /// Set before it is told: looked at for each call, without a lock.
    over: OnceLock<ReleaseReason>,
    told: watch::Sender<Option<ReleaseReason>>,
}

/// Waits for it, without keeping what is waited for.
#[derive(Debug)]
pub(super) struct Awaited(watch::Receiver<Option<ReleaseReason>>);

impl Ending {
    pub(super) fn new() -> Self {
        Self { over: OnceLock::new(), told: watch::Sender::new(None) }
    }

    /// Why it is over, if it is.
    pub(super) fn reason(&self) -> Option<ReleaseReason> {
        self.over.get().copied()
    }

    /// It is over. The first reason holds.
    pub(super) fn end(&self, reason: ReleaseReason) {
        if self.over.set(reason).is_ok() {
            self.told.send_replace(Some(reason));
        }
    }

    pub(super) fn awaited(&self) -> Awaited {
        Awaited(self.told.subscribe())
    }
}

impl Awaited {
    /// Waits until it is over; `None` if it was dropped before.
    pub(super) async fn reason(mut self) -> Option<ReleaseReason> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|over| *over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_is_told_to_those_who_wait_and_to_those_who_ask_later() {
        let ending = Ending::new();
        let before = ending.awaited();
        assert_eq!(ending.reason(), None);
        ending.end(ReleaseReason::Kicked);
        ending.end(ReleaseReason::Lost);
        assert_eq!(ending.reason(), Some(ReleaseReason::Kicked));
        for awaited in [before, ending.awaited()] {
            assert_eq!(awaited.reason().await, Some(ReleaseReason::Kicked));
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_what_never_ends_is_told_that_it_is_gone() {
        let ending = Ending::new();
        let awaited = ending.awaited();
        drop(ending);
        assert_eq!(awaited.reason().await, None);
    }
}
