//! Who holds what: each shard knows of its own sessions.
//!
//! What could be much (the holders of one callback, what one session holds) is worked off a slice in a
//! turn.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, Hold, OwnerState, Released, ReleasedReason};
use hashbrown::HashMap;

use super::Callbacks;
use super::calls::unknown_callback;
use crate::few::Few;
use crate::session::{LaneFrame, Stage, in_bincode};
use crate::shard::Shard;
use crate::shard::commands::Refusal;
use crate::{CallbackCommand, CallbackId, Command, Owned, SessionId, ShardId};

/// How many holders are told of an end, and holds given up, in one turn. It takes a fraction of a
/// millisecond.
const HOLDS_PER_TURN: usize = 1000;

/// For how many of these an attachment counts that is taken back.
const HOLDS_PER_ATTACHMENT: usize = 8;

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Holds {
    /// What sessions of this shard hold.
    by: BTreeSet<(CallbackId, SessionId)>,
    /// Whose owner is away, or back, while not all who hold it were told: in their order, each once.
    news: VecDeque<CallbackId>,
    told: HashMap<CallbackId, News>,
    /// What is over, while not all who hold it were told.
    releasing: VecDeque<(CallbackId, ReleasedReason)>,
    /// What sessions held that have ended.
    leaving: VecDeque<(SessionId, std::vec::IntoIter<CallbackId>, ReleasedReason)>,
    /// How many are still to be worked off in this turn.
    left: usize,
    /// Whether that is being done: what comes of it is done by the same loop.
    at_work: bool,
}

/// What is being told of an owner.
#[derive(Debug)]
struct News {
    state: OwnerState,
    /// Who was looked at last.
    told: Option<SessionId>,
}

impl Holds {
    pub(super) fn len(&self) -> usize {
        self.by.len()
    }

    fn are_settled(&self) -> bool {
        self.news.is_empty() && self.releasing.is_empty() && self.leaving.is_empty()
    }

    /// What is to be told of an owner to those who hold a callback, instead of what was.
    pub(super) fn tell(&mut self, callback: CallbackId, state: OwnerState) {
        if self.told.insert(callback, News { state, told: None }).is_none() {
            self.news.push_back(callback);
        }
    }

    /// The next one who holds something whose owner is away, or back.
    fn next_news(&mut self) -> Option<(CallbackId, SessionId, OwnerState)> {
        while let Some(callback) = self.news.front().copied() {
            let News { state, told } = self.told.get_mut(&callback)?;
            let last = (callback, SessionId::LAST);
            let from = match *told {
                Some(told) => Bound::Excluded((callback, told)),
                None => Bound::Included((callback, SessionId::FIRST)),
            };
            if let Some((_, holder)) = self.by.range((from, Bound::Included(last))).next() {
                *told = Some(*holder);
                return Some((callback, *holder, *state));
            }
            self.told.remove(&callback);
            self.news.pop_front();
        }
        None
    }

    /// The next one who holds something that is over.
    fn next_released(&mut self) -> Option<(CallbackId, SessionId, ReleasedReason)> {
        while let Some((callback, reason)) = self.releasing.front().copied() {
            let all = (callback, SessionId::FIRST)..=(callback, SessionId::LAST);
            if let Some(held) = self.by.range(all).next().copied() {
                self.by.remove(&held);
                return Some((callback, held.1, reason));
            }
            self.releasing.pop_front();
        }
        None
    }

    /// The next thing that a session held which has ended.
    fn next_left(&mut self) -> Option<(CallbackId, SessionId, ReleasedReason)> {
        while let Some((session, held, reason)) = self.leaving.front_mut() {
            if let Some(callback) = held.next() {
                return Some((callback, *session, *reason));
            }
            self.leaving.pop_front();
        }
        None
    }
}

impl Shard {
    pub(in crate::shard) fn hold(&mut self, slot: u32, hold: &Hold) {
        let id = hold.id;
        match self.try_hold(slot, hold) {
            Ok((callback, counts)) => {
                self.note_asked(slot, id);
                let holder = (self.sessions[slot as usize].id, id);
                let presence = hold.presence;
                let hold = CallbackCommand::Hold { holder, callback, counts, presence };
                self.outgoing.push(Command::Callback(hold));
            }
            Err(refusal) => self.reject(slot, id, refusal),
        }
    }

    fn try_hold(&mut self, slot: u32, hold: &Hold) -> Result<(CallbackId, bool), Refusal> {
        let (shards, most) = (self.config.shards, self.config.limits.holds_max);
        let exists = |id: SessionId| id.shard.0 < shards;
        let callback = CallbackId::parse(&hold.callback);
        let callback = callback.filter(|callback| callback.session().is_none_or(exists));
        let callback = callback.ok_or_else(unknown_callback)?;
        let roles = self.sessions[slot as usize].roles_mut();
        if let Some(roles) = roles
            && roles.holds.contains_key(&callback)
        {
            if hold.presence {
                roles.mind(callback, hold.id);
            }
            return Ok((callback, false));
        }
        let holds = self.sessions[slot as usize].roles().map(|roles| &roles.holds);
        if holds.map_or(0, Few::len) >= most {
            let message = format!("the session holds {most} callbacks, and may hold no more");
            return Err(Refusal::new(ErrorCode::TooManyCallbacks, message));
        }
        let roles = self.sessions[slot as usize].take_roles_on();
        roles.holds.insert(callback, hold.id);
        if hold.presence {
            roles.mind(callback, hold.id);
        }
        Ok((callback, true))
    }

    /// Whether a session of this shard is there that somebody wants to hold.
    pub(super) fn watch(&mut self, target: SessionId, holder: (SessionId, u64)) {
        let found = self.find(target).filter(|session| session.stage != Stage::Connecting);
        let there = found.is_some();
        if let Some(session) = found {
            session.take_roles_on().watched = true;
        }
        let watched = CallbackCommand::Watched { target, holder, there };
        self.outgoing.push(Command::Callback(watched));
    }

    /// What a session wished to hold is there, or isn't.
    pub(super) fn held(&mut self, holder: (SessionId, u64), callback: CallbackId, there: bool) {
        let (holder, id) = holder;
        let Some(session) = self.find(holder) else { return };
        // It may have let go of it by now, or asked again.
        if let Some(roles) = session.roles_mut()
            && roles.holds.get(&callback) == Some(&id)
        {
            if there {
                roles.holds.insert(callback, 0);
                self.callbacks.holds.by.insert((callback, holder));
            } else {
                roles.let_go(callback);
            }
        }
        match there {
            true => self.accept_callback(holder.slot, id, callback),
            false => self.reject(holder.slot, id, unknown_callback()),
        }
    }

    /// A session holds something no longer, if it did.
    pub(super) fn let_go(&mut self, slot: u32, callback: CallbackId, reason: ReleasedReason) {
        let session = &mut self.sessions[slot as usize];
        let holder = session.id;
        let Some(roles) = session.roles_mut() else { return };
        let asked_by = roles.minds.get(&callback).map(|minded| minded.asked_by);
        if roles.let_go(callback) {
            // A word of its owner that waits is about a hold that is over.
            session.lanes[0].presences.void_held(callback, asked_by);
            self.tell_let_go(callback, holder, reason);
        }
    }

    fn tell_let_go(&mut self, callback: CallbackId, holder: SessionId, reason: ReleasedReason) {
        self.callbacks.holds.by.remove(&(callback, holder));
        if callback.session().is_none() {
            let let_go = CallbackCommand::LetGo { callback, reason };
            self.outgoing.push(Command::Callback(let_go));
        }
    }

    /// A session ends, and holds nothing any more.
    pub(super) fn withdraw_holds(&mut self, slot: u32, reason: ReleasedReason) {
        let session = &mut self.sessions[slot as usize];
        let id = session.id;
        let Some(roles) = session.roles_mut() else { return };
        let held: Vec<CallbackId> = roles.holds.keys().copied().collect();
        if !held.is_empty() {
            (roles.holds, roles.minds) = (Few::new(), Few::new());
            self.callbacks.holds.leaving.push_back((id, held.into_iter(), reason));
            self.settle_some_holds();
        }
    }

    /// Something is over: whoever holds it is told.
    pub(super) fn released(&mut self, callback: CallbackId, reason: ReleasedReason) {
        self.callbacks.holds.releasing.push_back((callback, reason));
        self.settle_some_holds();
    }

    /// Works off what is left for this turn.
    pub(in crate::shard) fn settle_holds(&mut self) {
        self.callbacks.holds.left = HOLDS_PER_TURN;
        self.settle_some_holds();
    }

    /// Whether there is more of that than was worked off.
    pub(in crate::shard) fn has_holds_to_settle(&self) -> bool {
        let Callbacks { holds, attachers, sayings, .. } = &self.callbacks;
        !(holds.are_settled() && attachers.are_settled() && sayings.are_settled())
    }

    pub(super) fn settle_some_holds(&mut self) {
        if !std::mem::replace(&mut self.callbacks.holds.at_work, true) {
            self.work_off_holds();
            self.callbacks.holds.at_work = false;
        }
    }

    fn work_off_holds(&mut self) {
        while self.callbacks.holds.left > 0 && self.has_holds_to_settle() {
            self.callbacks.holds.left -= 1;
            if let Some((callback, holder, reason)) = self.callbacks.holds.next_released() {
                self.tell_released(callback, holder, reason);
            } else if let Some((callback, holder, reason)) = self.callbacks.holds.next_left() {
                self.tell_let_go(callback, holder, reason);
            } else if let Some((callback, holder, state)) = self.callbacks.holds.next_news() {
                self.tell_owner(callback, holder, state);
            } else if let Some((callback, state)) = self.callbacks.sayings.next() {
                self.say_owner(callback, state);
            } else if let Some(asked) = self.callbacks.attachers.next_left() {
                let holds = &mut self.callbacks.holds;
                holds.left = holds.left.saturating_sub(HOLDS_PER_ATTACHMENT - 1);
                self.detach_left(asked);
            }
        }
    }

    fn tell_released(&mut self, callback: CallbackId, holder: SessionId, reason: ReleasedReason) {
        let Some(session) = self.find(holder) else { return };
        if let Some(roles) = session.roles_mut() {
            roles.let_go(callback);
        }
        let released = Released { callback: callback.to_string(), reason };
        let frame = in_bincode(&BrokerFrame::Released(released));
        let lane = &mut self.sessions[holder.slot as usize].lanes[0];
        if !lane.presences.note_held_over(callback, &frame) {
            self.push_frame(holder.slot, 0, LaneFrame::Encoded(frame));
        }
    }

    /// Nobody holds a callback any more: that is told behind its last call.
    pub(super) fn unheld(&mut self, callback: Owned, reason: ReleasedReason) {
        let Owned { owner, number } = callback;
        let Some(session) = self.find(owner) else { return };
        let Some(offered) = session.roles().and_then(|roles| roles.offered.get(&number)) else {
            return;
        };
        let callback = offered.token.to_string();
        let methods = offered.methods.clone();
        let frame = in_bincode(&BrokerFrame::Released(Released { callback, reason }));
        for lane in session.places_of(&methods) {
            self.push_unheld(owner.slot, lane, (number, frame.clone()));
        }
    }

    /// Tells again in a lane what came while it was being told.
    pub(in crate::shard) fn tell_unheld_again(&mut self, slot: u32, lane: usize) {
        for again in self.sessions[slot as usize].lanes[lane].presences.take_unheld_again() {
            self.push_unheld(slot, lane, again);
        }
    }

    fn push_unheld(&mut self, slot: u32, lane: usize, (number, frame): (u64, bytes::Bytes)) {
        // Its lanes may have been too full for the one before.
        if self.sessions[slot as usize].stage == Stage::Ending {
            return;
        }
        if self.sessions[slot as usize].lanes[lane].presences.note_unheld(number, frame) {
            self.push_frame(slot, lane, LaneFrame::Unheld(number));
        }
    }
}

impl SessionId {
    pub(super) const FIRST: Self = Self { shard: ShardId(0), slot: 0, generation: 0 };
    const LAST: Self = Self { shard: ShardId(u16::MAX), slot: u32::MAX, generation: u64::MAX };
}
