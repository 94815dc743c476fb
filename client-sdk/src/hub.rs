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
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::SystemTime;

use broker_protocol::frame::{ClientFrame, Connected, Resume};
use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::config::Config;
use crate::connection::Routes;
use crate::credit::Credit;
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
use wish::{Stage, Wish};

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
    connection: watch::Sender<ConnectionState>,
    closing: watch::Sender<bool>,
    notices: Notices,
    /// What is known of the subscriptions, between two connections.
    routes: Mutex<Routes>,
    state: Mutex<State>,
}

/// What proves a session to be this client's.
#[derive(Clone)]
struct Secret {
    session: String,
    secret: String,
}

impl Secret {
    /// Without a secret there is nothing to go on with.
    fn of(connected: &Connected) -> Option<Self> {
        let Connected { session, secret, .. } = connected;
        let there = !session.is_empty() && !secret.is_empty();
        there.then(|| Self { session: session.clone(), secret: secret.clone() })
    }
}

/// What is over with a session, to be told once nothing is locked.
#[derive(Default)]
struct Over {
    failed: Vec<Open>,
    ended: Vec<Target>,
    cancelled: HashMap<Arc<str>, oneshot::Sender<()>>,
    room: usize,
}

pub(crate) struct State {
    session: Option<Session>,
    /// To go on with the session when its connection is lost.
    secret: Option<Secret>,
    /// When the connection was lost.
    lost_at: Option<SystemTime>,
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
            secret: None,
            lost_at: None,
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
            credit: Arc::new(Credit::new()),
            directs: AtomicUsize::new(0),
            room: Semaphore::new(config.outgoing_bytes_max),
            commands: Semaphore::new(Config::COMMANDS_OPEN_MAX),
            connection: watch::Sender::new(ConnectionState::Connecting),
            closing: watch::Sender::new(false),
            notices,
            config,
            routes: Mutex::default(),
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

    /// A session is open. If it is a new one, what meant the one before it is over, and all wishes are
    /// to be made known; if the one before goes on, only what it doesn't know is.
    pub(crate) fn connected(&self, connected: Connected) {
        let receive_window = connected.receive_window;
        let secret = Secret::of(&connected);
        match connected.resumed {
            true => self.credit.resumed(&connected.lanes),
            false => self.credit.new_session(),
        }
        self.credit.connected(receive_window);
        let session = Session::from(connected);
        let over = {
            let mut state = self.lock();
            let over = match session.resumed {
                true => state.go_on(),
                false => state.start_over(),
            };
            (state.session, state.secret) = (Some(session.clone()), secret);
            let wishes = state.wishes.iter().filter(|(_, wish)| wish.stage == Stage::Waiting);
            state.unannounced = wishes.map(|(id, _)| *id).collect();
            over
        };
        self.finish(over);
        match session.resumed {
            true => self.counters.resumed.count(),
            false => self.counters.sessions.count(),
        }
        self.tell(ConnectionState::Connected(session));
    }

    /// The connection is lost. Where the session may go on over another one, everything waits for
    /// that. Otherwise commands that were sent fail: nobody knows their outcome.
    pub(crate) fn disconnected(&self) {
        let over = {
            let mut state = self.lock();
            state.session = None;
            state.lost_at = Some(SystemTime::now());
            state.unannounced.clear();
            match state.secret {
                Some(_) => Over::default(),
                None => state.start_over(),
            }
        };
        self.finish(over);
    }

    fn finish(&self, over: Over) {
        drop(over.cancelled);
        self.room.add_permits(over.room);
        over.failed.into_iter().for_each(Open::disconnected);
        over.ended.into_iter().for_each(|target| target.end(Ended::Unsubscribed));
    }

    /// The session to go on with, and how much of each lane was received.
    pub(crate) fn resume(&self) -> Option<Resume> {
        let secret = self.lock().secret.clone();
        let Secret { session, secret } = secret?;
        Some(Resume { session, secret, lanes: self.credit.positions() })
    }

    /// Takes what is known of the subscriptions, for a connection that begins.
    pub(crate) fn take_routes(&self) -> Routes {
        std::mem::take(&mut self.routes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts it back, for the next one.
    pub(crate) fn put_routes(&self, routes: Routes) {
        *self.routes.lock().unwrap_or_else(PoisonError::into_inner) = routes;
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
            (state.session, state.secret) = (None, None);
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

    /// Whether there is a session, or one that may go on.
    fn has_session(&self) -> bool {
        self.session.is_some() || self.secret.is_some()
    }

    /// The session goes on: what wasn't answered is said again, in front of what wasn't said.
    fn go_on(&mut self) -> Over {
        let Self { open, outgoing, .. } = self;
        let failed = open.fail_unkept();
        outgoing.repeat(open.unanswered(), |id| open.was_sent(id));
        self.lost_at = None;
        Over { failed, ..Over::default() }
    }

    /// The session is over: wishes wait for the next one, and what was sent is lost.
    fn start_over(&mut self) -> Over {
        self.secret = None;
        Over {
            cancelled: std::mem::take(&mut self.answering),
            failed: self.open.fail_sent(),
            ended: self.interrupt_wishes(),
            room: self.outgoing.forget_connection(),
        }
    }
}
