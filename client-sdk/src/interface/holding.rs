//! That this client holds a callback: once, however many handles there are.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use broker_protocol::frame::ReleasedReason;

use super::ending::{Awaited, Ending};
use super::presence::{Minding, OwnerPresence, Told};
use crate::hub::Hub;

/// Why a callback is over, or why nobody holds it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReleaseReason {
    /// It was let go of: its client dropped the guard; or who held it, the last handle.
    Released,
    /// That client ended in good order.
    Closed,
    /// That client was lost, or fell silent, and didn't come back in time.
    TimedOut,
    /// The broker ended that client's session.
    Kicked,
    /// Nobody can tell: the client that offered it lost its session, or this one is closed; or it was over
    /// before it was held here, or while this client had no session.
    Lost,
}

impl From<ReleasedReason> for ReleaseReason {
    fn from(reason: ReleasedReason) -> Self {
        match reason {
            ReleasedReason::Released => Self::Released,
            ReleasedReason::Closed => Self::Closed,
            ReleasedReason::TimedOut => Self::TimedOut,
            _ => Self::Kicked,
        }
    }
}

impl fmt::Display for ReleaseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Released => "released",
            Self::Closed => "closed",
            Self::TimedOut => "timed out",
            Self::Kicked => "kicked",
            Self::Lost => "lost",
        })
    }
}

/// That this client holds a callback, or wants to know of a session's end.
pub(crate) struct Holding {
    token: Arc<str>,
    /// Whether this client offers it itself: then the broker needn't be told.
    is_own: bool,
    over: Ending,
    presence: Told,
    handed_on: AtomicBool,
    hub: Weak<Hub>,
}

impl Holding {
    pub(crate) fn new(token: Arc<str>, is_own: bool, hub: Weak<Hub>) -> Self {
        let (over, presence, handed_on) = (Ending::new(), Told::default(), AtomicBool::new(false));
        Self { token, is_own, over, presence, handed_on, hub }
    }

    pub(crate) fn token(&self) -> &Arc<str> {
        &self.token
    }

    pub(crate) fn is_own(&self) -> bool {
        self.is_own
    }

    pub(crate) fn is_over(&self) -> bool {
        self.reason().is_some()
    }

    pub(super) fn reason(&self) -> Option<ReleaseReason> {
        self.over.reason()
    }

    pub(super) fn awaited(&self) -> Awaited {
        self.over.awaited()
    }

    /// The first reason holds.
    pub(crate) fn end(&self, reason: ReleaseReason) {
        self.over.end(reason);
        self.presence.end();
    }

    /// What the broker is to tell of where its client is, if it is to.
    pub(crate) fn asked_presence(&self) -> Option<Arc<Minding>> {
        self.presence.asked().cloned()
    }

    /// Where its client is: the broker is asked, the first time.
    pub(super) fn presence(&self) -> OwnerPresence {
        if let Some(asked) = self.presence.ask() {
            if self.is_over() {
                self.presence.end();
            } else if let Some(hub) = self.hub.upgrade().filter(|_| !self.is_own) {
                hub.ask_presence(&self.token, asked);
            }
        }
        self.presence.presence()
    }

    /// The broker told where its client is, as the command of that id asked. What answers another was on
    /// its way when this was let go of before.
    pub(crate) fn told_away(&self, away: bool, asked_by: Option<u64>) {
        if self.presence.is_answered_by(asked_by) {
            self.presence.set_away(away);
        }
    }

    /// Nothing is known of where its client is: who is away is told anew.
    pub(crate) fn forget_away(&self) {
        self.presence.set_away(false);
    }

    /// It was written into a call to somebody else.
    pub(super) fn hand_on(&self) {
        self.handed_on.store(true, Ordering::Relaxed);
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let Some(hub) = self.hub.upgrade() else { return };
        // What is over needs no further word, and what only this client knows goes at once.
        let handed_on = self.handed_on.load(Ordering::Relaxed) && !self.is_over() && !self.is_own;
        hub.let_go(Arc::clone(&self.token), self.is_own || self.is_over(), handed_on);
    }
}

impl fmt::Debug for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holding").field("over", &self.reason()).finish_non_exhaustive()
    }
}
