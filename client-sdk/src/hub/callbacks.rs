//! Callbacks: those that this client offers, and those that it holds.
//!
//! A lock of its own, so that calls that come don't meet those that go.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use broker_protocol::frame::{ClientFrame, Hold, Offer, OfferedMethod, Owner, OwnerState, Release};
use tokio::sync::oneshot;

use super::anew::Anew;
use super::lanes::LANES_MAX;
use super::open::{Open, Opening};
use super::sets::Sets;
use super::{Failure, Hub, wake};
use crate::SubscribeError;
use crate::interface::{Holding, Minding, OfferedObject, ReleaseReason};

/// How long a callback that was handed on is held after the last handle to it was dropped here, so
/// that whoever it was handed to holds it by then.
const HANDED_ON: Duration = Duration::from_secs(5);

/// Callbacks by their tokens.
#[derive(Default)]
pub(crate) struct Callbacks {
    known: Mutex<Known>,
    /// How often objects began or ceased to be offered.
    changes: AtomicU64,
    /// How many objects are called in each lane.
    called_in: [AtomicUsize; LANES_MAX + 1],
    /// Whether objects were withdrawn that had been attached somewhere.
    has_withdrawn: AtomicBool,
}

#[derive(Default)]
pub(super) struct Known {
    offered: HashMap<Arc<str>, Arc<OfferedObject>>,
    held: HashMap<Arc<str>, Weak<Holding>>,
    withdrawn: Vec<Arc<str>>,
    pub(super) sets: Sets,
}

impl Callbacks {
    /// The object behind a token of this client's own.
    pub(crate) fn offered(&self, token: &str) -> Option<Arc<OfferedObject>> {
        self.lock().offered.get(token).cloned()
    }

    /// Grows whenever other objects are offered than before.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// How many objects are called in a lane.
    pub(crate) fn called_in(&self, lane: u8) -> usize {
        self.called_in.get(usize::from(lane)).map_or(0, |called| called.load(Ordering::Relaxed))
    }

    fn counters<'a>(&'a self, of: &'a OfferedObject) -> impl Iterator<Item = &'a AtomicUsize> {
        of.conflating().filter_map(|(lane, _)| self.called_in.get(usize::from(lane)))
    }

    fn uncount(&self, object: &OfferedObject) {
        self.counters(object).for_each(|called| {
            called.fetch_sub(1, Ordering::Relaxed);
        });
    }

    fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// All objects that are offered.
    pub(crate) fn all_offered(&self) -> Vec<Arc<OfferedObject>> {
        self.lock().offered.values().cloned().collect()
    }

    /// The tokens of those that were withdrawn, though attached somewhere.
    pub(crate) fn take_withdrawn(&self) -> Vec<Arc<str>> {
        if !self.has_withdrawn.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.has_withdrawn.store(false, Ordering::Release);
        std::mem::take(&mut self.lock().withdrawn)
    }

    fn held(&self, token: &str) -> Option<Arc<Holding>> {
        self.lock().held.get(token).and_then(Weak::upgrade)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The command that holds something, and asks where its owner is if that is to be known.
pub(super) fn hold(id: u64, token: &str, asked: Option<&Minding>) -> ClientFrame<'static> {
    asked.inspect(|asked| asked.ask_by(id));
    ClientFrame::Hold(Hold { id, callback: token.to_owned(), presence: asked.is_some() })
}

impl Hub {
    /// Holds a callback, or what else has such a token. The broker is told once, however many handles
    /// there are.
    pub(crate) fn hold(self: &Arc<Self>, token: &str) -> Arc<Holding> {
        let mut known = self.callbacks.lock();
        if let Some(held) = known.held.get(token).and_then(Weak::upgrade) {
            return held;
        }
        let token = Arc::from(token);
        let is_own = known.offered.contains_key(&token);
        let held = Arc::new(Holding::new(Arc::clone(&token), is_own, Arc::downgrade(self)));
        known.held.insert(Arc::clone(&token), Arc::downgrade(&held));
        // Said while it is locked: what is held and let go of at once on another thread is said in
        // the same order.
        if !is_own {
            self.say_hold(&token, None, Open::Hold(Arc::clone(&token)));
        }
        drop(known);
        held
    }

    /// Asks to be told where the client behind a callback is.
    pub(crate) fn ask_presence(&self, token: &str, asked: &Minding) {
        self.say_hold(token, Some(asked), Open::Minds);
    }

    fn say_hold(&self, token: &str, asked: Option<&Minding>, open: Open) {
        self.say_in_session(|id| hold(id, token, asked), Some(open));
    }

    /// Queues a command that means nothing without the session: without one nothing is said.
    pub(super) fn say_in_session(
        &self,
        command: impl FnOnce(u64) -> ClientFrame<'static>,
        open: Option<Open>,
    ) {
        let mut state = self.lock();
        if !state.has_session() {
            return;
        }
        let id = state.take_id();
        if let Some(open) = open {
            state.open.insert(id, open);
        }
        state.push_for_session(Some(id), self.encode(&command(id)));
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }

    /// The last handle was dropped. One that was handed on is held for a little longer.
    pub(crate) fn let_go(self: &Arc<Self>, token: Arc<str>, is_own: bool, handed_on: bool) {
        if handed_on {
            let hub = Arc::clone(self);
            self.runtime.spawn(async move {
                tokio::time::sleep(HANDED_ON).await;
                hub.let_go_now(&token, is_own);
            });
            return;
        }
        self.let_go_now(&token, is_own);
    }

    fn let_go_now(&self, token: &Arc<str>, is_own: bool) {
        let mut known = self.callbacks.lock();
        // It may be held anew by now.
        if known.held.get(token).is_some_and(|held| held.strong_count() > 0) {
            return;
        }
        let was_held = known.held.remove(token).is_some();
        if was_held && !is_own {
            self.say_release(token);
        }
        drop(known);
    }

    fn say_release(&self, token: &str) {
        let callback = token.to_owned();
        let bytes = self.encode(&ClientFrame::Release(Release { callback }));
        self.push(bytes, 0, super::Lifetime::Session);
    }

    /// What is held here, to be said in a new session.
    pub(super) fn held_anew(&self) -> Vec<Anew> {
        let held: Vec<Arc<Holding>> =
            self.callbacks.lock().held.values().filter_map(Weak::upgrade).collect();
        let others = held.into_iter().filter(|held| !held.is_own() && !held.is_over());
        let anew = others.map(|held| {
            held.forget_away();
            Anew::Hold { token: Arc::clone(held.token()), asked: held.asked_presence() }
        });
        anew.collect()
    }

    /// The broker says that the client behind a callback is away, or back.
    pub(crate) fn owner_is(&self, owner: &Owner) {
        if let Some(held) = self.callbacks.held(&owner.callback) {
            held.told_away(owner.state == OwnerState::Away, owner.hold);
        }
    }

    /// Offers an object. What is received says when the broker knows it.
    pub(crate) fn offer(
        &self,
        object: &Arc<OfferedObject>,
    ) -> Result<oneshot::Receiver<Result<(), Failure>>, SubscribeError> {
        let (waiter, opened) = oneshot::channel();
        let mut state = self.lock();
        if let Some(reason) = state.closed.clone() {
            return Err(SubscribeError::Closed(reason));
        }
        let mut methods = Vec::new();
        let mut lanes = Vec::new();
        for method in object.description().methods {
            let choice = state.lanes.choose(method.lane.options(), 0)?;
            let (lane, options) = (choice.lane, choice.options);
            methods.push(OfferedMethod { method: method.name.to_owned(), lane, options });
            lanes.push(lane);
        }
        object.set_lanes(&lanes);
        let alone: Vec<_> = lanes.iter().map(|lane| self.alone_in(&state, *lane)).collect();
        let id = state.take_id();
        let interface = object.description().name.to_owned();
        let bytes = self.encode(&ClientFrame::Offer(Offer { id, interface, methods }));
        state.open.insert(id, Open::Offer(Opening { object: Arc::clone(object), waiter }));
        let lanes_once: BTreeSet<u8> = lanes.iter().copied().collect();
        let awaited = lanes_once.into_iter().map(|lane| self.credit.comes_to_share(lane));
        state.open.comes_to_share(id, awaited);
        state.push_for_session(Some(id), bytes);
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        alone.into_iter().zip(lanes).for_each(|(alone, lane)| self.disown(alone, lane));
        Ok(opened)
    }

    /// The broker knows an object: from here on it may be called.
    pub(super) fn offer_accepted(&self, opening: Opening, token: Option<&str>) {
        let Opening { object, waiter } = opening;
        let Some(token) = token else { return };
        let token: Arc<str> = Arc::from(token);
        object.set_token(&token);
        // What is consumed of a lane that conflates is told sooner.
        object.conflating().for_each(|(lane, does)| self.credit.set_conflates(lane, does));
        self.callbacks.counters(&object).for_each(|called| {
            called.fetch_add(1, Ordering::Relaxed);
        });
        self.callbacks.lock().offered.insert(Arc::clone(&token), Arc::clone(&object));
        self.callbacks.note_change();
        if waiter.send(Ok(())).is_err() {
            // It was given up meanwhile.
            self.withdraw(&object);
        }
    }

    /// Ends an offer.
    pub(crate) fn withdraw(&self, object: &OfferedObject) {
        let Some(token) = object.token() else { return };
        let mut known = self.callbacks.lock();
        let was_there = known.offered.remove(token).is_some();
        self.callbacks.note_change();
        if was_there {
            self.callbacks.uncount(object);
        }
        if was_there && object.was_attached() {
            known.withdrawn.push(Arc::clone(token));
            self.callbacks.has_withdrawn.store(true, Ordering::Release);
        }
        drop(known);
        object.end();
        self.end_held(token, ReleaseReason::Released);
        if was_there {
            self.say_release(token);
        }
    }

    /// The broker says that a callback is over, to who holds it; nothing was told to who offers it.
    pub(crate) fn end_held(&self, token: &str, reason: ReleaseReason) {
        if let Some(held) = self.callbacks.held(token) {
            held.end(reason);
        }
    }

    /// The session is over, and with it what it offered.
    pub(super) fn end_offers(&self, reason: ReleaseReason) {
        let offered = std::mem::take(&mut self.callbacks.lock().offered);
        self.callbacks.note_change();
        for (token, object) in offered {
            self.callbacks.uncount(&object);
            object.unheld_for_good(reason);
            object.end();
            self.end_held(&token, reason);
        }
    }

    /// The client is closed: nothing can be held any more.
    pub(super) fn end_callbacks(&self) {
        self.end_offers(ReleaseReason::Lost);
        let held: Vec<_> = {
            let mut known = self.callbacks.lock();
            std::mem::take(&mut known.held)
                .into_values()
                .filter_map(|held| held.upgrade())
                .collect()
        };
        held.iter().for_each(|held| held.end(ReleaseReason::Lost));
    }
}
