//! Who holds what, and is told of its end; and whose callback nobody holds any more.

use broker_protocol::frame::{Accepted, Message, Released, ReleasedReason};

use super::super::data::number_in;
use super::super::truth::Record;
use super::super::{Arrival, Judge, Kind, Pending, View, Wrong};
use super::owners::Minds;
use super::{Callback, KINDS};

/// One time for which a session holds something.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) holder: usize,
    pub(crate) target: Target,
    /// Whether it is known to hold that, or that it doesn't.
    pub(super) accepted: bool,
    refused: bool,
    /// When it was asked for, and when that was refused.
    asked_at: u64,
    refused_at: u64,
    /// Whether it has let go of that, and how that may be told.
    pub(crate) let_go: Option<&'static [ReleasedReason]>,
    /// Whether it was told of the end.
    pub(super) told: bool,
    /// What it knows of where the owner is.
    pub(crate) minds: Minds,
}

/// What can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Callback(usize),
    /// The client whose session it is.
    Session(usize),
}

const RELEASED: &[ReleasedReason] = &[ReleasedReason::Released];
const ANY: &[ReleasedReason] = &[
    ReleasedReason::Released,
    ReleasedReason::Closed,
    ReleasedReason::TimedOut,
    ReleasedReason::Kicked,
];
const ENDED: &[ReleasedReason] = &[ReleasedReason::TimedOut, ReleasedReason::Kicked];
const LEFT: &[ReleasedReason] =
    &[ReleasedReason::Closed, ReleasedReason::TimedOut, ReleasedReason::Kicked];

impl Hold {
    pub(crate) fn new(holder: usize, target: Target, asked_at: u64) -> Self {
        let (accepted, refused, refused_at, told) = (false, false, 0, false);
        let (let_go, minds) = (None, Minds::default());
        Self { holder, target, accepted, refused, asked_at, refused_at, let_go, told, minds }
    }

    /// Whether it may last.
    pub(crate) fn is_open(&self) -> bool {
        !self.refused && !self.told && self.let_go.is_none()
    }
}

impl Judge {
    /// How the end of a session may be told.
    fn end_of(&self, client: usize) -> &'static [ReleasedReason] {
        if self.views[client].leaves { LEFT } else { ENDED }
    }

    pub(in crate::judge) fn holds(&mut self, hold: usize, accepted: &Accepted) -> Wrong {
        self.holds[hold].accepted = true;
        let token = match self.holds[hold].target {
            Target::Callback(callback) => Some(self.callbacks[callback].token.clone()),
            Target::Session(client) => self.views[client].session.clone(),
        };
        match accepted.callback == token {
            true => Ok(()),
            false => Err(format!("{accepted:?} is about {token:?}")),
        }
    }

    pub(in crate::judge) fn holds_not(&mut self, hold: usize, is_full: bool) -> Wrong {
        let Hold { holder, target, accepted, asked_at, .. } = self.holds[hold];
        let asks = |one: &Pending| matches!(one, Pending::Hold(one) if *one == hold);
        let again = self.views[holder].pending.values().any(asks);
        // Asked for again, it lasts until it is told to be over.
        (self.holds[hold].refused, self.holds[hold].refused_at) = (!accepted && !again, self.step);
        if is_full {
            // Who comes back may learn first what was answered last.
            let since = if self.views[holder].resumes { asked_at } else { u64::MAX };
            let its = self.holds.iter().enumerate().filter(|(_, one)| one.holder == holder);
            let others = its.filter(|(number, _)| *number != hold);
            let counted = others.filter(|(_, one)| !one.refused || one.refused_at >= since);
            let most = counted.count() + 1;
            let may = most > self.holds_max;
            return if may { Ok(()) } else { Err(format!("{most} holds are too many")) };
        }
        match target {
            Target::Callback(callback) => self.unknown_callback(callback),
            Target::Session(client) if self.may_be_gone(client) => Ok(()),
            Target::Session(client) => Err(format!("session {client} is there, and unknown")),
        }
    }

    /// A session lets go of something, of its own.
    pub(crate) fn lets_go(&mut self, hold: usize) {
        // Behind a goodbye nothing is heard.
        let leaves = self.views[self.holds[hold].holder].leaves;
        self.holds[hold].let_go = Some(if leaves { ANY } else { RELEASED });
    }

    /// A session is gone, and holds nothing.
    pub(in crate::judge) fn lets_go_of_all(&mut self, client: usize) {
        let reasons = self.end_of(client);
        for hold in self.holds.iter_mut().filter(|hold| hold.holder == client) {
            // That it let go may have got lost.
            hold.let_go = Some(if hold.let_go.is_some() { ANY } else { reasons });
        }
    }

    pub(in crate::judge) fn released(
        &mut self,
        client: usize,
        arrival: Arrival,
        released: &Released,
    ) -> Wrong {
        let lane = self.views[client].header(arrival).lane;
        match self.callback(&released.callback) {
            Some(callback) if self.callbacks[callback].owner == client => {
                self.count("unheld");
                self.unheld(callback, lane, released.reason)
            }
            _ if lane != 0 => Err(format!("{released:?} in lane {lane}")),
            Some(callback) => self.told_of_end(client, Target::Callback(callback), released),
            None => {
                let target = self.target(&released.callback);
                let target = target.ok_or("the end of what nobody knows")?;
                self.told_of_end(client, target, released)
            }
        }
    }

    /// What can be held by this name.
    pub(super) fn target(&self, token: &str) -> Option<Target> {
        let is_it = |view: &View| view.session.as_deref() == Some(token) && !view.is_ghost;
        let session = || self.views.iter().position(is_it).map(Target::Session);
        self.callback(token).map(Target::Callback).or_else(session)
    }

    /// Who holds something is told once that it is over, if it is.
    fn told_of_end(&mut self, client: usize, target: Target, released: &Released) -> Wrong {
        self.count("ends");
        let reasons = match target {
            Target::Callback(one) if self.callbacks[one].is_released => RELEASED,
            Target::Callback(one) => self.end_of(self.callbacks[one].owner),
            Target::Session(one) => self.end_of(one),
        };
        let is_over = match target {
            Target::Callback(one) => self.may_be_over(one),
            Target::Session(one) => self.may_be_gone(one),
        };
        let gone = match target {
            Target::Callback(one) => self.may_be_gone(self.callbacks[one].owner),
            Target::Session(_) => true,
        };
        let reason = released.reason;
        let fits = reasons.contains(&reason) || (gone && LEFT.contains(&reason));
        if !is_over || !fits {
            return Err(format!("{released:?}, and it is over: {is_over}"));
        }
        let its = |hold: &&mut Hold| hold.holder == client && hold.target == target && !hold.told;
        // Who holds it again may have been told of that.
        let found = self.holds.iter_mut().rev().filter(its).find(|hold| !hold.refused);
        found.ok_or("the end of what isn't held, or once more")?.told = true;
        Ok(())
    }

    /// The owner is told in a lane that nobody holds a callback any more.
    fn unheld(&mut self, callback: usize, lane: u8, reason: ReleasedReason) -> Wrong {
        let kind = &KINDS[self.callbacks[callback].kind];
        let method = kind.of_lane(lane).ok_or_else(|| format!("released in lane {lane}"))?;
        let ended = self.holds.iter().filter(|hold| hold.target == Target::Callback(callback));
        let ended: Vec<_> = ended.filter_map(|hold| hold.let_go).collect();
        let told = &mut self.callbacks[callback].unheld[method];
        *told = (told.0 + 1, Vec::new());
        if told.0 > ended.len() as u64 {
            return Err(format!("callback {callback} was let go of {} times", ended.len()));
        }
        match ended.iter().any(|reasons| reasons.contains(&reason)) {
            true => Ok(()),
            false => Err(format!("nobody let go of callback {callback} with {reason:?}")),
        }
    }

    /// By which of its holds a session holds something, if it does.
    pub(crate) fn hold_of(&self, target: Target, client: usize) -> Option<usize> {
        let mut holds = self.holds.iter();
        holds.position(|hold| hold.holder == client && hold.target == target && hold.is_open())
    }

    /// Whether a message is the last call of somebody who has let go of a callback since, as all have:
    /// so that is told behind it.
    pub(crate) fn ends_a_hold(&self, client: usize, message: &Message<'_>) -> bool {
        let Some((callback, method)) = self.method(&message.topic) else { return false };
        let Ok(number) = number_in(&message.body) else { return false };
        let (records, kind) = (&self.truth.records, Kind::Call(callback, method));
        let by_holder = |record: &Record| record.kind == kind && record.of_hold.is_some();
        let is_last = records.get(number).is_some_and(by_holder)
            && !records[number + 1..].iter().any(by_holder);
        let Callback { is_released, owner, .. } = self.callbacks[callback];
        let there = !is_released && owner == client && self.views[owner].is_live();
        is_last && there && self.is_unheld(callback)
    }

    /// A call came: of who held the callback when it called.
    pub(super) fn called_by_holder(&mut self, callback: usize, method: usize, number: usize) {
        let hold = self.truth.records[number].of_hold;
        self.callbacks[callback].unheld[method].1.extend(hold);
    }

    /// What a session let go of, and doesn't hold again.
    pub(crate) fn let_go_by(&self, client: usize) -> Vec<Target> {
        let its = self.holds.iter().filter(|hold| hold.holder == client);
        let gone = its.filter(|hold| hold.let_go.is_some() && !hold.told && !hold.refused);
        let gone = gone.map(|hold| hold.target);
        gone.filter(|target| self.hold_of(*target, client).is_none()).collect()
    }

    /// Whether nobody holds a callback that somebody held, for certain.
    fn is_unheld(&self, callback: usize) -> bool {
        let target = Target::Callback(callback);
        let mut of_it = self.holds.iter().filter(|hold| hold.target == target && !hold.refused);
        let was_held = of_it.clone().any(|hold| hold.accepted);
        was_held && of_it.all(|hold| hold.let_go.is_some())
    }

    /// Behind the last call of who held it that is told, in each lane.
    pub(super) fn check_unheld(&self, callback: usize) -> Wrong {
        if !self.is_unheld(callback) {
            return Ok(());
        }
        let Callback { unheld, owner, .. } = &self.callbacks[callback];
        let was_held = |hold: &usize| !self.holds[*hold].refused;
        let wrong = |(told, calls): &&(u64, Vec<usize>)| *told == 0 || calls.iter().any(was_held);
        match unheld.iter().find(wrong) {
            Some((0, _)) => Err(format!("{owner} isn't told that nobody holds {callback}")),
            Some(_) => Err(format!("a call of who let go of {callback} came behind that")),
            None => Ok(()),
        }
    }

    /// Who holds what is over was told.
    pub(super) fn check_holders(&self) -> Wrong {
        for hold in self.holds.iter().filter(|hold| hold.accepted && hold.is_open()) {
            let is_over = match hold.target {
                Target::Callback(callback) => {
                    let Callback { is_over, owner, .. } = self.callbacks[callback];
                    is_over || self.views[owner].ended
                }
                Target::Session(client) => self.views[client].ended,
            };
            if is_over && self.views[hold.holder].is_live() {
                return Err(format!("{} isn't told that {:?} is over", hold.holder, hold.target));
            }
        }
        Ok(())
    }
}
