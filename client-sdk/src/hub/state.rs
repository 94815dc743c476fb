//! What is behind the hub's lock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::SystemTime;

use tokio::sync::oneshot;

use super::anew::Anew;
use super::lanes::Lanes;
use super::open::OpenCommands;
use super::outgoing::Outgoing;
use super::session::Secret;
use super::wish::{Wish, WishId};
use crate::ClosedReason;
use crate::inbox::Inbox;
use crate::state::Session;

pub(crate) struct State {
    pub(super) session: Option<Session>,
    /// To go on with the session when its connection is lost.
    pub(super) secret: Option<Secret>,
    /// When the connection was lost.
    pub(super) lost_at: Option<SystemTime>,
    pub(super) closing: bool,
    pub(super) closed: Option<ClosedReason>,
    pub(super) next_id: u64,
    pub(super) next_wish: u64,
    pub(super) wishes: BTreeMap<WishId, Wish>,
    /// Wishes that are to be made known in a new session.
    pub(super) unannounced: VecDeque<WishId>,
    /// What is to be said in this session of what was held and attached in the one before.
    pub(super) anew: VecDeque<Anew>,
    pub(super) open: OpenCommands,
    pub(super) outgoing: Outgoing,
    pub(super) lanes: Lanes,
    /// Receivers of what is sent to this client by name.
    pub(super) direct: Vec<(WishId, Arc<Inbox>)>,
    /// Requests that this client is to answer; dropping the sender cancels one.
    pub(super) answering: HashMap<Arc<str>, oneshot::Sender<()>>,
    /// The connection's task, if it found nothing to send.
    pub(super) writer: Option<Waker>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            session: None,
            secret: None,
            lost_at: None,
            closing: false,
            closed: None,
            next_id: 1,
            next_wish: 1,
            wishes: BTreeMap::new(),
            unannounced: VecDeque::new(),
            anew: VecDeque::new(),
            open: OpenCommands::default(),
            outgoing: Outgoing::default(),
            lanes: Lanes::default(),
            direct: Vec::new(),
            answering: HashMap::new(),
            writer: None,
        }
    }

    pub(super) fn take_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    pub(super) fn is_connected(&self) -> bool {
        self.session.is_some()
    }

    /// Whether there is a session, or one that may go on.
    pub(super) fn has_session(&self) -> bool {
        self.session.is_some() || self.secret.is_some()
    }
}
