//! Standing wishes: the subscriptions and servings that the program holds, over all sessions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use broker_protocol::frame::LaneOptions;
use tokio::sync::{mpsc, oneshot};

use super::lanes::LaneChoice;
use super::{Hub, State, wake};
use crate::inbox::Inbox;
use crate::provider::Call;
use crate::{Ended, Granted, SubscribeError, Waits};

/// A wish's number in this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WishId(u64);

impl WishId {
    /// Stands where nothing was wished for: objects that are called.
    pub(crate) const NONE: Self = Self(0);
}

/// What is wished for.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Messages { group: Option<String>, presence: bool, replay: bool },
    Requests,
}

/// Where what comes is put.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Inbox(Arc<Inbox>),
    Provider(mpsc::Sender<Call>),
}

impl Target {
    pub(crate) fn end(self, ended: Ended) {
        if let Self::Inbox(inbox) = self {
            inbox.end(ended);
        }
    }

    fn end_now(self, ended: Ended) {
        if let Self::Inbox(inbox) = self {
            inbox.end_now(ended);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// To be made known as soon as there is a session.
    Waiting,
    /// The broker was asked.
    Asked,
    /// The broker knows it by this number.
    Begun(u64),
    /// Its end was asked for; until then the broker knows it by this number.
    Leaving(u64),
}

type Waiter = oneshot::Sender<Result<Granted, SubscribeError>>;

pub(super) struct Wish {
    pub(super) filter: Arc<str>,
    pub(super) kind: Kind,
    pub(super) choice: LaneChoice,
    pub(super) target: Target,
    pub(super) stage: Stage,
    /// Whether a change of its options is under way.
    pub(super) changing: bool,
    /// The lane that it leaves for another one, while that is under way.
    pub(super) moves_from: Option<u8>,
    /// Who waits for it to begin for the first time.
    pub(super) waiter: Option<Waiter>,
    /// When the session was lost in which it had begun.
    pub(super) lost_at: Option<SystemTime>,
    pub(super) attendance: Arc<Attendance>,
}

impl Wish {
    /// Whether it may hold something of a lane.
    pub(super) fn is_in(&self, lane: u8) -> bool {
        let stands = matches!(self.stage, Stage::Begun(_) | Stage::Leaving(_));
        stands && (self.choice.lane == lane || self.moves_from == Some(lane))
    }

    pub(super) fn into_target(self) -> Target {
        self.target
    }

    /// Tells whoever waits for the beginning, or else for what is delivered.
    pub(super) fn end(self, error: SubscribeError, ended: Ended) {
        match self.waiter {
            Some(waiter) => {
                let _ = waiter.send(Err(error));
            }
            None => self.target.end(ended),
        }
    }
}

/// Which messages of its lane a wish saw, counted over all connections. Only the connection's task
/// changes it.
#[derive(Debug, Default)]
pub(crate) struct Attendance {
    /// It began for the first time behind this one.
    pub(crate) since: OnceLock<u64>,
    /// The last one before its connection was lost.
    pub(crate) until: AtomicU64,
    /// It began in the present session behind this one.
    pub(crate) begun: AtomicU64,
}

/// A wish that has begun, as the connection's task knows it.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) wish: WishId,
    pub(crate) subscription: u64,
    pub(crate) filter: Arc<str>,
    pub(crate) lane: u8,
    /// Whether it gets what is addressed to it alone.
    pub(crate) grouped: bool,
    /// Of how many keys the order is to be kept, where its lane is unreliable.
    pub(crate) guarded_keys: Option<usize>,
    pub(crate) target: Target,
    pub(crate) attendance: Arc<Attendance>,
}

impl Hub {
    /// Makes a wish. The receiver learns when it begins.
    pub(crate) fn wish(
        &self,
        filter: &str,
        kind: Kind,
        options: LaneOptions,
        target: Target,
    ) -> Result<(WishId, oneshot::Receiver<Result<Granted, SubscribeError>>), SubscribeError> {
        let (waiter, begun) = oneshot::channel();
        let mut state = self.lock();
        if let Some(reason) = &state.closed {
            return Err(SubscribeError::Closed(reason.clone()));
        }
        let choice = state.lanes.choose(options, 0)?;
        let lane = choice.lane;
        let alone = self.alone_in(&state, lane);
        let wish = Wish {
            filter: Arc::from(filter),
            kind,
            choice,
            target,
            stage: Stage::Waiting,
            changing: false,
            moves_from: None,
            waiter: Some(waiter),
            lost_at: None,
            attendance: Arc::default(),
        };
        let id = state.take_wish_id();
        state.wishes.insert(id, wish);
        if state.is_connected() {
            let begin = self.begin_frame(&mut state, id);
            let (command, bytes) = begin.expect("the wish was inserted just now");
            state.push_for_session(Some(command), bytes);
        }
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        self.disown(alone, lane);
        Ok((id, begun))
    }

    /// Receives what is sent to this client by name.
    pub(crate) fn wish_direct(&self, inbox: Arc<Inbox>) -> Result<WishId, SubscribeError> {
        let mut state = self.lock();
        if let Some(reason) = &state.closed {
            return Err(SubscribeError::Closed(reason.clone()));
        }
        let id = state.take_wish_id();
        state.direct.push((id, inbox));
        self.directs.fetch_add(1, Ordering::Relaxed);
        Ok(id)
    }

    /// Ends a wish at once: nothing that waits is delivered.
    pub(crate) fn leave_now(&self, id: WishId) {
        if let Some(target) = self.take_wish(id) {
            target.end_now(Ended::Unsubscribed);
        }
    }

    /// Takes a wish away whose target has ended.
    pub(crate) fn take_wish(&self, id: WishId) -> Option<Target> {
        let mut state = self.lock();
        if let Some(target) = self.take_direct(&mut state, id) {
            return Some(target);
        }
        let wish = state.wishes.remove(&id)?;
        // What is only asked for yet is left when its answer comes.
        if let Stage::Begun(subscription) = wish.stage {
            self.queue_leave(&mut state, subscription, None);
        }
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        Some(wish.target)
    }

    fn take_direct(&self, state: &mut State, id: WishId) -> Option<Target> {
        let place = state.direct.iter().position(|(one, _)| *one == id)?;
        self.directs.fetch_sub(1, Ordering::Relaxed);
        Some(Target::Inbox(state.direct.remove(place).1))
    }

    /// What waits here for each subscription: its filter, its lane, and what it is.
    pub(crate) fn waiting(&self) -> Vec<(String, u8, Waits)> {
        let inboxes: Vec<_> = {
            let state = self.lock();
            let inboxes = state.wishes.values().filter_map(|wish| match &wish.target {
                Target::Inbox(inbox) => {
                    Some((wish.filter.to_string(), wish.choice.lane, inbox.clone()))
                }
                Target::Provider(_) => None,
            });
            inboxes.collect()
        };
        let waits =
            inboxes.into_iter().map(|(filter, lane, inbox)| (filter, lane, inbox.waiting()));
        waits.collect()
    }

    /// The lane of a wish, while it stands.
    pub(crate) fn lane(&self, id: WishId) -> Option<u8> {
        self.lock().wishes.get(&id).map(|wish| wish.choice.lane)
    }

    /// Ends a wish where the broker says: what comes until then is delivered.
    pub(crate) fn leave_in_order(&self, id: WishId) {
        let mut state = self.lock();
        let ended = match state.wishes.get_mut(&id) {
            Some(wish) => match wish.stage {
                Stage::Begun(subscription) => {
                    wish.stage = Stage::Leaving(subscription);
                    self.queue_leave(&mut state, subscription, Some(id));
                    None
                }
                Stage::Leaving(_) => None,
                Stage::Waiting | Stage::Asked => state.wishes.remove(&id).map(Wish::into_target),
            },
            None => self.take_direct(&mut state, id),
        };
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        if let Some(target) = ended {
            target.end(Ended::Unsubscribed);
        }
    }
}

impl State {
    fn take_wish_id(&mut self) -> WishId {
        let id = WishId(self.next_wish);
        self.next_wish += 1;
        id
    }

    /// The session is over: wishes wait for the next one. Returns those that were ending anyway.
    pub(super) fn interrupt_wishes(&mut self) -> Vec<Target> {
        let now = self.lost_at.take().unwrap_or_else(SystemTime::now);
        let leaving = self.wishes.extract_if(.., |_, wish| matches!(wish.stage, Stage::Leaving(_)));
        let ended = leaving.map(|(_, wish)| wish.target).collect();
        for wish in self.wishes.values_mut() {
            if matches!(wish.stage, Stage::Begun(_)) {
                wish.lost_at = Some(now);
            }
            (wish.stage, wish.changing, wish.moves_from) = (Stage::Waiting, false, None);
        }
        // Lanes that no wish needs are free again.
        self.lanes.keep_only(self.wishes.values().map(|wish| wish.choice.lane));
        ended
    }
}
