//! Whether the owners of callbacks are away: told to holders who asked.
//!
//! A holder is told what it doesn't know yet, and of what waits for it only the last.

use std::collections::VecDeque;

use broker_protocol::frame::{BrokerFrame, Owner, OwnerState};
use hashbrown::HashMap;

use crate::session::{LaneFrame, Minded, Roles, Stage, in_bincode};
use crate::shard::Shard;
use crate::{CallbackCommand, CallbackId, Command, Owned, SessionId};

/// What is to be said of sessions of this shard that are away, or back, in the order in which they came
/// to be so.
#[derive(Debug, Default)]
pub(super) struct Sayings {
    line: VecDeque<SessionId>,
    /// What is left to be said of each of them.
    left: HashMap<SessionId, (std::vec::IntoIter<CallbackId>, OwnerState)>,
}

impl Sayings {
    pub(super) fn are_settled(&self) -> bool {
        self.line.is_empty()
    }

    /// What was to be said of the session before is past.
    fn say(&mut self, session: SessionId, minded: Vec<CallbackId>, state: OwnerState) {
        if self.left.insert(session, (minded.into_iter(), state)).is_none() {
            self.line.push_back(session);
        }
    }

    pub(super) fn next(&mut self) -> Option<(CallbackId, OwnerState)> {
        while let Some(session) = self.line.front() {
            if let Some((minded, state)) = self.left.get_mut(session)
                && let Some(callback) = minded.next()
            {
                return Some((callback, *state));
            }
            self.left.remove(session);
            self.line.pop_front();
        }
        None
    }
}

impl Roles {
    /// It wants to know of the owner of something that it holds. While nothing is said, that is there; who
    /// asks again is told anew.
    pub(super) fn mind(&mut self, callback: CallbackId, asked_by: u64) {
        let asked_again = self.minds.contains_key(&callback);
        let known = if asked_again { None } else { Some(OwnerState::Back) };
        self.minds.insert(callback, Minded { asked_by, known });
    }

    /// What others mind: callbacks that are offered, and the session itself.
    fn minded(&self, session: SessionId) -> impl Iterator<Item = CallbackId> {
        let offered = self.offered.values();
        let offered = offered.filter(|one| one.use_.as_ref().is_some_and(|use_| use_.minded));
        let session = self.minded.then(|| CallbackId::of_session(session));
        offered.map(|one| one.token).chain(session)
    }
}

impl Shard {
    /// Somebody wants to know when the owner of a callback of this shard, or a session, is away.
    pub(super) fn minded(&mut self, callback: CallbackId, to: Owned) {
        let Some(session) = self.find(to.owner) else { return };
        let is_away = session.stage == Stage::Away;
        let Some(roles) = session.roles_mut() else { return };
        if callback.session().is_some() {
            roles.minded = true;
        } else if let Some(offered) = roles.offered.get_mut(&to.number) {
            offered.use_.get_or_insert_default().minded = true;
        } else {
            return;
        }
        if is_away {
            self.say_owner(callback, OwnerState::Away);
        }
    }

    /// A session has lost its link, or has one again: whoever minds is to be told.
    pub(in crate::shard) fn say_to_holders(&mut self, slot: u32, state: OwnerState) {
        let session = &self.sessions[slot as usize];
        let Some(roles) = session.roles() else { return };
        let (id, minded) = (session.id, roles.minded(session.id).collect::<Vec<_>>());
        if !minded.is_empty() {
            self.callbacks.sayings.say(id, minded, state);
            self.settle_some_holds();
        }
    }

    pub(super) fn say_owner(&mut self, callback: CallbackId, state: OwnerState) {
        self.outgoing.push(Command::Callback(CallbackCommand::Owner { callback, state }));
    }

    /// An owner is away, or back: whoever holds its callback and minds is told.
    pub(super) fn owner(&mut self, callback: CallbackId, state: OwnerState) {
        self.callbacks.holds.tell(callback, state);
        self.settle_some_holds();
    }

    pub(super) fn tell_owner(
        &mut self,
        callback: CallbackId,
        holder: SessionId,
        state: OwnerState,
    ) {
        let Some(session) = self.find(holder) else { return };
        let Some(minded) = session.roles_mut().and_then(|roles| roles.minds.get_mut(&callback))
        else {
            return;
        };
        if minded.known.replace(state) == Some(state) {
            return;
        }
        let hold = Some(minded.asked_by);
        let owner = Owner { callback: callback.to_string(), state, hold };
        let frame = in_bincode(&BrokerFrame::Owner(owner));
        if session.lanes[0].presences.note_held(callback, frame) {
            self.push_frame(holder.slot, 0, LaneFrame::Held(callback));
        }
    }
}
