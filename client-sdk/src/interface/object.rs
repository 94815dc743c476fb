//! An object that is offered, on the side of its calls: what waits for it, lane by lane.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use broker_protocol::frame::{Keep, LaneOptions};

use super::Description;
use super::ending::{Awaited, Ending};
use super::holding::ReleaseReason;
use super::incoming::Handler;
use crate::hub::{Hub, guarded_keys};
use crate::inbox::{Bound, Inbox, Rules};
use crate::provider::Call;
use crate::{Ended, Event, Gap};

/// Calls with an answer, and other words, that wait in one lane at most; beyond, callers are told
/// `busy`.
const PENDING_MAX: usize = 1024;

/// How gaps are told.
pub(super) type TellGap = Box<dyn Fn(&Gap) + Send + Sync>;

/// An object that is offered.
pub(crate) struct OfferedObject {
    description: &'static Description,
    pub(super) handler: Arc<dyn Handler>,
    token: OnceLock<Arc<str>>,
    lanes: OnceLock<BTreeMap<u8, Lane>>,
    bound: Bound,
    pub(super) tell_gap: Option<TellGap>,
    unheld: Ending,
    attached: AtomicBool,
}

/// What waits in one lane.
#[derive(Debug)]
pub(crate) struct Lane {
    methods: Vec<&'static str>,
    inbox: Arc<Inbox>,
    guarded_keys: Option<usize>,
    conflates: bool,
    /// What isn't a message: for each there is an event `CaughtUp` in the inbox, in its place.
    pending: Mutex<VecDeque<Pending>>,
    /// How often it was said here that nobody holds the object.
    unheld: AtomicU64,
}

/// Something in the order of a lane that isn't a message.
#[derive(Debug)]
pub(super) enum Pending {
    /// A call with an answer.
    Asked(Box<Call>),
    /// Nobody holds the object any more.
    Unheld(ReleaseReason),
}

impl OfferedObject {
    pub(super) fn new(
        description: &'static Description,
        handler: Arc<dyn Handler>,
        bound: Bound,
        tell_gap: Option<TellGap>,
    ) -> Self {
        let (token, lanes, unheld) = (OnceLock::new(), OnceLock::new(), Ending::new());
        let attached = AtomicBool::new(false);
        Self { description, handler, token, lanes, bound, tell_gap, unheld, attached }
    }

    pub(crate) fn description(&self) -> &'static Description {
        self.description
    }

    pub(crate) fn token(&self) -> Option<&Arc<str>> {
        self.token.get()
    }

    pub(crate) fn set_token(&self, token: &Arc<str>) {
        let _ = self.token.set(Arc::clone(token));
    }

    /// Sets the lane of each method.
    pub(crate) fn set_lanes(&self, lanes: &[u8]) {
        let mut by_lane: BTreeMap<u8, Lane> = BTreeMap::new();
        for (method, lane) in self.description.methods.iter().zip(lanes) {
            let options = method.lane.options();
            let lane = by_lane.entry(*lane).or_insert_with(|| Lane::new(self.bound, &options));
            lane.methods.push(method.name);
        }
        let _ = self.lanes.set(by_lane);
    }

    pub(super) fn lanes(&self) -> impl Iterator<Item = (u8, &Lane)> {
        self.lanes.get().into_iter().flatten().map(|(number, lane)| (*number, lane))
    }

    /// Whether each of its lanes conflates.
    pub(crate) fn conflating(&self) -> impl Iterator<Item = (u8, bool)> {
        self.lanes().map(|(number, lane)| (number, lane.conflates))
    }

    /// What waits in a lane, if a method is called there.
    pub(crate) fn inbox(&self, lane: u8) -> Option<&Arc<Inbox>> {
        self.lanes.get()?.get(&lane).map(|lane| &lane.inbox)
    }

    /// Of how many keys the order is to be kept in a lane that is unreliable.
    pub(crate) fn guarded_keys(&self, lane: u8) -> Option<usize> {
        self.lanes.get().and_then(|lanes| lanes.get(&lane))?.guarded_keys
    }

    /// The methods that are called in a lane.
    pub(crate) fn methods(&self, lane: u8) -> &[&'static str] {
        self.lanes.get().and_then(|lanes| lanes.get(&lane)).map_or(&[], |lane| &lane.methods)
    }

    /// Notes that it was attached to a topic.
    pub(crate) fn note_attached(&self) {
        self.attached.store(true, Ordering::Release);
    }

    /// Whether it was ever attached to a topic.
    pub(crate) fn was_attached(&self) -> bool {
        self.attached.load(Ordering::Acquire)
    }

    /// Puts a call with an answer into its lane. Without room it comes back.
    pub(crate) fn ask(&self, method: &str, call: Box<Call>) -> Result<(), Box<Call>> {
        let lane = self.lanes().find(|(_, lane)| lane.methods.contains(&method));
        // One without a method waits anywhere: it is refused in its turn.
        let Some((_, lane)) = lane.or_else(|| self.lanes().next()) else { return Err(call) };
        lane.put(Pending::Asked(call)).map_err(|pending| match pending {
            Pending::Asked(call) => call,
            Pending::Unheld(_) => unreachable!("what was put comes back"),
        })
    }

    /// It is said in a lane that nobody holds the object any more.
    pub(crate) fn say_unheld(&self, lane: u8, reason: ReleaseReason) {
        let lane = self.lanes.get().and_then(|lanes| lanes.get(&lane));
        if let Some(lane) = lane {
            let _ = lane.put(Pending::Unheld(reason));
        }
    }

    /// All calls in that lane are done that came before nobody held it. Once that is so in all of its
    /// lanes, it is told.
    pub(super) fn unheld_in(&self, lane: &Lane, reason: ReleaseReason) {
        let before = self.times_unheld();
        lane.unheld.fetch_add(1, Ordering::AcqRel);
        if self.times_unheld() > before {
            self.unheld_for_good(reason);
        }
    }

    fn times_unheld(&self) -> u64 {
        self.lanes().map(|(_, lane)| lane.unheld.load(Ordering::Acquire)).min().unwrap_or(0)
    }

    pub(crate) fn unheld_for_good(&self, reason: ReleaseReason) {
        self.unheld.end(reason);
    }

    pub(super) fn unheld(&self) -> Awaited {
        self.unheld.awaited()
    }

    /// Nothing is called any more: what waits is dropped, and who asked is told.
    pub(crate) fn end(&self) {
        for (_, lane) in self.lanes() {
            lane.inbox.end_now(Ended::Unsubscribed);
            let pending = std::mem::take(&mut *lane.lock());
            drop(pending);
        }
    }

    /// Where a gap is told.
    pub(super) fn missed(&self, gap: &Gap, hub: &Hub) {
        if !gap.reason.is_conflated() {
            hub.counters.calls_missed.count();
        }
        match &self.tell_gap {
            Some(tell) => tell(gap),
            None => tracing::debug!(interface = self.description.name, ?gap, "calls were left out"),
        }
    }
}

impl Lane {
    fn new(bound: Bound, options: &LaneOptions) -> Self {
        let inbox = Arc::new(Inbox::new(bound, Rules::granted(options).dropping()));
        let guarded_keys = guarded_keys(options);
        let conflates = !matches!(options.keep, None | Some(Keep::All));
        Self {
            methods: Vec::new(),
            inbox,
            guarded_keys,
            conflates,
            pending: Mutex::default(),
            unheld: AtomicU64::new(0),
        }
    }

    pub(super) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    fn put(&self, word: Pending) -> Result<(), Pending> {
        let mut pending = self.lock();
        let has_room = pending.len() < PENDING_MAX || matches!(word, Pending::Unheld(_));
        if !has_room {
            return Err(word);
        }
        pending.push_back(word);
        drop(pending);
        let mut woken = crate::inbox::Woken::default();
        self.inbox.push(Event::CaughtUp, &mut woken);
        Ok(())
    }

    /// What one `CaughtUp` in the inbox stands for.
    pub(super) fn take(&self) -> Option<Pending> {
        self.lock().pop_front()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OfferedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfferedObject")
            .field("interface", &self.description.name)
            .finish_non_exhaustive()
    }
}
