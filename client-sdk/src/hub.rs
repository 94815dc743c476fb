//! Where the handles and the connection's task meet: standing wishes, open commands, and what is to
//! be sent.
//!
//! One lock, held for short pieces of plain work. No user code runs and nobody is woken under it.

mod answer;
mod change;
mod lanes;
mod open;
mod outgoing;
mod provide;
mod wish;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use broker_protocol::frame::ClientFrame;
use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::config::Config;
use crate::inbox::Inbox;
use crate::notices::Notices;
use crate::state::{ConnectionState, Session};
use crate::statistics::Counters;
use crate::{ClosedReason, Ended, Refused, SubscribeError};

pub(crate) use answer::{GUARDED_KEYS, RouteChange};
pub(crate) use change::Relocation;
pub(crate) use open::{Answer, Failure, Open};
pub(crate) use outgoing::{Gathered, Lifetime};
pub(crate) use wish::{Attendance, Kind, Route, Target, WishId};

use lanes::Lanes;
use open::OpenCommands;
use outgoing::Outgoing;
use wish::Wish;

/// Where the handles and the connection's task meet.
pub(crate) struct Hub {
    pub(crate) config: Config,
    /// Where callbacks run.
    pub(crate) runtime: Handle,
    /// Room in the outgoing queue, in bytes.
    pub(crate) room: Semaphore,
    pub(crate) counters: Counters,
    /// Commands that may still be open.
    pub(crate) commands: Semaphore,
    connection: watch::Sender<ConnectionState>,
    closing: watch::Sender<bool>,
    notices: Notices,
    state: Mutex<State>,
}

pub(crate) struct State {
    session: Option<Session>,
    closing: bool,
    closed: Option<ClosedReason>,
    next_id: u64,
    next_wish: u64,
    wishes: BTreeMap<WishId, Wish>,
    /// Wishes that are to be made known in a new session.
    unannounced: VecDeque<WishId>,
    open: OpenCommands,
    outgoing: Outgoing,
    lanes: Lanes,
    /// Receivers of what is sent to this client by name.
    direct: Vec<(WishId, Arc<Inbox>)>,
    /// Requests that this client is to answer; dropping the sender cancels one.
    answering: HashMap<Arc<str>, oneshot::Sender<()>>,
    /// The connection's task, if it found nothing to send.
    writer: Option<Waker>,
}

impl Hub {
    pub(crate) fn new(config: Config, runtime: Handle, notices: Notices) -> Self {
        let state = State {
            session: None,
            closing: false,
            closed: None,
            next_id: 1,
            next_wish: 1,
            wishes: BTreeMap::new(),
            unannounced: VecDeque::new(),
            open: OpenCommands::default(),
            outgoing: Outgoing::default(),
            lanes: Lanes::default(),
            direct: Vec::new(),
            answering: HashMap::new(),
            writer: None,
        };
        Self {
            runtime,
            counters: Counters::default(),
            room: Semaphore::new(config.outgoing_bytes_max),
            commands: Semaphore::new(Config::COMMANDS_OPEN_MAX),
            connection: watch::Sender::new(ConnectionState::Connecting),
            closing: watch::Sender::new(false),
            notices,
            config,
            state: Mutex::new(state),
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

    /// A session is open: all wishes are to be made known in it.
    pub(crate) fn connected(&self, session: Session) {
        {
            let mut state = self.lock();
            state.session = Some(session.clone());
            state.unannounced = state.wishes.keys().copied().collect();
        }
        self.counters.sessions.count();
        self.tell(ConnectionState::Connected(session));
    }

    /// The session is over. Commands that were sent fail: nobody knows their outcome.
    pub(crate) fn disconnected(&self) {
        let (failed, ended, cancelled, room) = {
            let mut state = self.lock();
            state.session = None;
            state.unannounced.clear();
            let cancelled = std::mem::take(&mut state.answering);
            let (failed, ended) = (state.open.fail_sent(), state.interrupt_wishes());
            (failed, ended, cancelled, state.outgoing.forget_connection())
        };
        drop(cancelled);
        self.room.add_permits(room);
        failed.into_iter().for_each(Open::disconnected);
        ended.into_iter().for_each(|target| target.end(Ended::Unsubscribed));
    }

    /// Asks the connection's task to end in good order.
    pub(crate) fn close(&self) {
        let writer = {
            let mut state = self.lock();
            state.closing = true;
            state.writer.take()
        };
        self.closing.send_replace(true);
        wake(writer);
    }

    /// Waits until the program asks to close.
    pub(crate) async fn until_closing(&self) {
        let asked = self.closing.subscribe().wait_for(|closing| *closing).await.map(|_| ());
        asked.expect("the sender lives as long as the hub");
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// Whether the program has asked to close; if not yet, the task is woken when it does.
    pub(crate) fn poll_closing(&self, cx: &Context<'_>) -> bool {
        let mut state = self.lock();
        if !state.closing {
            state.writer = Some(cx.waker().clone());
        }
        state.closing
    }

    /// Nothing comes any more: everybody is told.
    pub(crate) fn closed(&self, reason: ClosedReason) {
        let (open, wishes, direct, cancelled) = {
            let mut state = self.lock();
            state.closed = Some(reason.clone());
            state.session = None;
            state.outgoing = Outgoing::default();
            let wishes = std::mem::take(&mut state.wishes);
            let direct = std::mem::take(&mut state.direct);
            (state.open.take_all(), wishes, direct, std::mem::take(&mut state.answering))
        };
        drop(cancelled);
        self.room.close();
        self.commands.close();
        open.into_iter().for_each(|open| open.closed(&reason));
        for wish in wishes.into_values() {
            wish.end(SubscribeError::Closed(reason.clone()), Ended::Closed(reason.clone()));
        }
        for (_, inbox) in direct {
            inbox.end(Ended::Closed(reason.clone()));
        }
        self.tell(ConnectionState::Closed(reason));
    }

    /// Why the client is closed. Asked for only where a closed semaphore said that it is.
    pub(crate) fn closed_reason(&self) -> ClosedReason {
        self.lock().closed.clone().unwrap_or(ClosedReason::Asked)
    }

    /// What the broker of the session allows; `None` while there is no session.
    pub(crate) fn payload_bytes_max(&self) -> Option<u64> {
        let state = self.lock();
        state.session.as_ref().map(|session| session.limits.payload_bytes_max)
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

impl State {
    fn take_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    fn is_connected(&self) -> bool {
        self.session.is_some()
    }
}
