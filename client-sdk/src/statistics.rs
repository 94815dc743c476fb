//! What a client counts: how often each of its bounds was met, and what came of it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counted since the client was made; all over its connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Sessions that were opened.
    pub sessions: u64,
    /// Sessions that went on over another connection.
    pub resumed: u64,
    /// Messages received, before they went to the subscribers they are for.
    pub messages_received: u64,
    /// Messages of unreliable lanes that were left out, since a newer one of their key was there.
    pub messages_overtaken: u64,
    /// Times that a message found no room in the outgoing queue: it waited, or was refused.
    pub outgoing_full: u64,
    /// Publishes without acknowledgement, and calls without an answer, that the broker refused.
    pub publishes_refused: u64,
    /// Subscriptions that ended because their subscribers were too slow.
    pub subscribers_too_slow: u64,
    /// Direct messages for which there was no receiver.
    pub direct_unheard: u64,
    /// Calls of objects offered here that were left out on their way, other than for newer ones of their
    /// keys; counted by gaps.
    pub calls_missed: u64,
    /// Calls without an answer that came and couldn't be read.
    pub calls_unreadable: u64,
    /// Calls of objects offered here, and gaps told to them, in which the object panicked, or what a call
    /// held as it was dropped: once each. No other call is harmed. One that wants an answer fails, unless it
    /// was answered before.
    pub calls_panicked: u64,
    /// Calls without an answer that came for objects that weren't offered here any more, those for which a
    /// gap stands among them.
    pub calls_too_late: u64,
    /// Calls of callbacks without an answer that were left out, since there was no room for them.
    pub calls_left_out: u64,
    /// Requests for which a provider here had no room.
    pub requests_busy: u64,
    /// Notices of the connection that were left out because their callbacks were too slow.
    pub notices_left_out: u64,
}

/// One thing that is counted.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_all(&self, times: u64) {
        self.0.fetch_add(times, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sessions: Counter,
    pub(crate) resumed: Counter,
    pub(crate) messages_received: Counter,
    pub(crate) messages_overtaken: Counter,
    pub(crate) outgoing_full: Counter,
    pub(crate) publishes_refused: Counter,
    pub(crate) subscribers_too_slow: Counter,
    pub(crate) direct_unheard: Counter,
    pub(crate) calls_missed: Counter,
    pub(crate) calls_unreadable: Counter,
    pub(crate) calls_panicked: Counter,
    pub(crate) calls_too_late: Counter,
    pub(crate) calls_left_out: Counter,
    pub(crate) requests_busy: Counter,
    pub(crate) notices_left_out: Counter,
}

impl Counters {
    pub(crate) fn now(&self) -> Statistics {
        Statistics {
            sessions: self.sessions.now(),
            resumed: self.resumed.now(),
            messages_received: self.messages_received.now(),
            messages_overtaken: self.messages_overtaken.now(),
            outgoing_full: self.outgoing_full.now(),
            publishes_refused: self.publishes_refused.now(),
            subscribers_too_slow: self.subscribers_too_slow.now(),
            direct_unheard: self.direct_unheard.now(),
            calls_missed: self.calls_missed.now(),
            calls_unreadable: self.calls_unreadable.now(),
            calls_panicked: self.calls_panicked.now(),
            calls_too_late: self.calls_too_late.now(),
            calls_left_out: self.calls_left_out.now(),
            requests_busy: self.requests_busy.now(),
            notices_left_out: self.notices_left_out.now(),
        }
    }
}
