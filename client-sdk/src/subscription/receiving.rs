//! The end of a subscription's inbox from which it is served.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::hub::{Hub, WishId};
use crate::inbox::{Arrived, Held, Inbox};

/// The reading end of an inbox. If it goes away first, as by a panic in a callback, the wish ends.
#[derive(Debug)]
pub(crate) struct Receiving {
    hub: Arc<Hub>,
    wish: WishId,
    pub(super) inbox: Arc<Inbox>,
}

impl Receiving {
    pub(crate) fn new(hub: &Arc<Hub>, wish: WishId, inbox: Arc<Inbox>) -> Self {
        Self { hub: Arc::clone(hub), wish, inbox }
    }

    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Held>> {
        self.inbox.poll_next(cx)
    }

    pub(crate) fn try_take(&self) -> Option<Arrived> {
        self.inbox.try_take()
    }

    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<Arrived>> {
        self.inbox.poll_take(cx)
    }

    /// How many messages wait together at most.
    pub(crate) fn messages_max(&self) -> usize {
        self.inbox.messages_max()
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.hub.leave_now(self.wish);
    }
}
