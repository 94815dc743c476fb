//! Where the handles and the connection's task meet: standing wishes, open commands, and what is to
//! be sent.
//!
//! One lock, held for short pieces of plain work. No user code runs and nobody is woken under it.

mod anew;
mod answer;
mod callbacks;
mod change;
mod closing;
mod lanes;
mod open;
mod outgoing;
mod provide;
mod session;
mod sets;
mod sharing;
mod state;
mod wish;

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use broker_protocol::frame::ClientFrame;
use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::config::Config;
use crate::connection::Routes;
use crate::credit::Credit;
use crate::inbox::Inbox;
use crate::notices::Notices;
use crate::state::ConnectionState;
use crate::statistics::Counters;
use crate::{ClosedReason, Refused};

pub(crate) use anew::Attached;
pub(crate) use answer::{GUARDED_KEYS, RouteChange, guarded_keys};
pub(crate) use change::Relocation;
pub(crate) use open::{Answer, Failure, Open};
pub(crate) use outgoing::{Gathered, Lifetime};
pub(crate) use wish::{Attendance, Kind, Route, Target, WishId};

use callbacks::Callbacks;
use state::State;

/// Where the handles and the connection's task meet.
pub(crate) struct Hub {
    pub(crate) config: Config,
    /// Where callbacks run.
    pub(crate) runtime: Handle,
    /// Room in the outgoing queue, in bytes.
    pub(crate) room: Semaphore,
    pub(crate) counters: Counters,
    /// What of each lane was received and is done with.
    pub(crate) credit: Arc<Credit>,
    /// How many receivers there are of what is sent to this client by name.
    pub(crate) directs: AtomicUsize,
    /// Commands that may still be open.
    pub(crate) commands: Semaphore,
    /// What a payload may have where there is a session, in bytes; above all otherwise.
    payload_bytes_max: AtomicU64,
    /// Callbacks that are offered and held here.
    pub(crate) callbacks: Callbacks,
    connection: watch::Sender<ConnectionState>,
    closing: watch::Sender<bool>,
    notices: Notices,
    /// What is known of the subscriptions, between two connections.
    routes: Mutex<Routes>,
    state: Mutex<State>,
}

impl Hub {
    pub(crate) fn new(config: Config, runtime: Handle, notices: Notices) -> Self {
        Self {
            runtime,
            counters: Counters::default(),
            credit: Arc::new(Credit::new()),
            directs: AtomicUsize::new(0),
            room: Semaphore::new(config.outgoing_bytes_max),
            commands: Semaphore::new(Config::COMMANDS_OPEN_MAX),
            payload_bytes_max: AtomicU64::new(u64::MAX),
            callbacks: Callbacks::default(),
            connection: watch::Sender::new(ConnectionState::Connecting),
            closing: watch::Sender::new(false),
            notices,
            config,
            routes: Mutex::default(),
            state: Mutex::new(State::new()),
        }
    }

    /// Tells that the broker refused a publish that nobody waits for.
    pub(crate) fn tell_refused(&self, refused: Refused) {
        self.counters.publishes_refused.count();
        if !self.notices.refused(refused) {
            self.counters.notices_left_out.count();
        }
    }

    /// How the client stands, now and later.
    pub(crate) fn watch(&self) -> watch::Receiver<ConnectionState> {
        self.connection.subscribe()
    }

    /// Tells how the client stands.
    pub(crate) fn tell(&self, state: ConnectionState) {
        self.connection.send_replace(state.clone());
        if !self.notices.state(state) {
            self.counters.notices_left_out.count();
        }
    }

    /// Waits until there is a session.
    pub(crate) async fn until_connected(&self) -> Result<(), ClosedReason> {
        let mut watch = self.watch();
        loop {
            match &*watch.borrow_and_update() {
                ConnectionState::Connected(_) => return Ok(()),
                ConnectionState::Closed(reason) => return Err(reason.clone()),
                _ => {}
            }
            watch.changed().await.expect("the sender lives as long as the hub");
        }
    }

    /// Takes what is known of the subscriptions, for a connection that begins.
    pub(crate) fn take_routes(&self) -> Routes {
        std::mem::take(&mut self.routes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts it back, for the next one.
    pub(crate) fn put_routes(&self, routes: Routes) {
        *self.routes.lock().unwrap_or_else(PoisonError::into_inner) = routes;
    }

    /// What the broker of the session allows; `None` while there is no session.
    pub(crate) fn payload_bytes_max(&self) -> Option<u64> {
        let most = self.payload_bytes_max.load(Ordering::Relaxed);
        Some(most).filter(|most| *most < u64::MAX)
    }

    fn set_payload_bytes_max(&self, most: Option<u64>) {
        self.payload_bytes_max.store(most.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Receivers of what is sent to this client by name.
    pub(crate) fn direct(&self) -> Vec<(WishId, Arc<Inbox>)> {
        self.lock().direct.clone()
    }

    pub(crate) fn encode(&self, frame: &ClientFrame<'_>) -> Bytes {
        let mut out = BytesMut::new();
        self.config.codec.write_client(frame, &mut out);
        out.freeze()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("connection", &*self.connection.borrow())
            .finish_non_exhaustive()
    }
}

fn wake(writer: Option<Waker>) {
    if let Some(writer) = writer {
        writer.wake();
    }
}
