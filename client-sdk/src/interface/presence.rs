//! Whether the client behind a callback has its connection.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

/// Where the client behind a callback is, as the broker told.
///
/// A client whose connection is lost comes back by itself, and its callbacks live until its session
/// expires. That is told here: at once where the system tells the broker that a connection is gone (as
/// when a process is killed, over WebSocket), else when the client was silent for too long.
///
/// It keeps no handle: if all are dropped, there is nothing more to tell.
pub struct OwnerPresence(watch::Receiver<Whereabouts>);

/// What is known of a callback's client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whereabouts {
    Connected,
    Away,
    Over,
}

impl OwnerPresence {
    /// Whether its connection is lost. While this client's own is, it isn't known, and what was true
    /// before counts.
    pub fn is_away(&self) -> bool {
        *self.0.borrow() == Whereabouts::Away
    }

    /// Whether it is away, which is not to be told as a change.
    pub(super) fn begins_away(&mut self) -> bool {
        *self.0.borrow_and_update() == Whereabouts::Away
    }

    /// Waits until that has changed since this was told last, and says whether it is away now; `None`
    /// once the callback is over. Changes that nobody waited for are told as one, or undo each other.
    ///
    /// # Cancel safety
    /// Dropping the future misses nothing.
    pub async fn changed(&mut self) -> Option<bool> {
        if *self.0.borrow() == Whereabouts::Over {
            return None;
        }
        self.0.changed().await.ok()?;
        match *self.0.borrow_and_update() {
            Whereabouts::Connected => Some(false),
            Whereabouts::Away => Some(true),
            Whereabouts::Over => None,
        }
    }
}

impl fmt::Debug for OwnerPresence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerPresence").field("is_away", &self.is_away()).finish()
    }
}

/// What is told of one callback's client, once somebody asked.
#[derive(Default)]
pub(super) struct Told(OnceLock<Arc<Minding>>);

/// That the broker is asked where a callback's client is, and what it told.
#[derive(Debug)]
pub(crate) struct Minding {
    whereabouts: watch::Sender<Whereabouts>,
    /// The id of the command that asked last: what answers another is old.
    by: AtomicU64,
}

impl Minding {
    fn new() -> Arc<Self> {
        let whereabouts = watch::Sender::new(Whereabouts::Connected);
        Arc::new(Self { whereabouts, by: AtomicU64::new(0) })
    }

    /// The broker is asked by the command of that id, which isn't sent yet.
    pub(crate) fn ask_by(&self, id: u64) {
        self.by.store(id, Ordering::Relaxed);
    }
}

impl Told {
    /// What was asked, if somebody did.
    pub(super) fn asked(&self) -> Option<&Arc<Minding>> {
        self.0.get()
    }

    /// Somebody asks. Returns what is to be asked, if it is the first one.
    pub(super) fn ask(&self) -> Option<&Minding> {
        let first = self.0.set(Minding::new()).is_ok();
        self.0.get().map(|asked| &**asked).filter(|_| first)
    }

    pub(super) fn presence(&self) -> OwnerPresence {
        OwnerPresence(self.0.get_or_init(Minding::new).whereabouts.subscribe())
    }

    /// Whether a word of the broker that answers the command of that id is about this; an older broker
    /// doesn't say which.
    pub(super) fn is_answered_by(&self, id: Option<u64>) -> bool {
        let by = self.asked().map(|asked| asked.by.load(Ordering::Relaxed));
        id.is_none() || by == id
    }

    pub(super) fn set_away(&self, away: bool) {
        self.tell(if away { Whereabouts::Away } else { Whereabouts::Connected });
    }

    /// The callback is over.
    pub(super) fn end(&self) {
        self.tell(Whereabouts::Over);
    }

    /// What is over stays so.
    fn tell(&self, now: Whereabouts) {
        let Some(asked) = self.asked() else { return };
        asked.whereabouts.send_if_modified(|known| {
            let news = *known != now && *known != Whereabouts::Over;
            if news {
                *known = now;
            }
            news
        });
    }
}
