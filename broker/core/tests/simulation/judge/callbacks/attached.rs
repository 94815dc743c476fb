//! Attachments: subscriptions of an owner that others begin and end, each at one point of the order.

use std::collections::BTreeSet;

use super::super::truth::Place;
use super::super::{Arrival, Judge, Purpose, Stand, Sub, Wrong};
use super::{Callback, KINDS};
use crate::plan::TOPICS;

/// What was asked of an attachment, and isn't settled.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    /// Whether it is known to have been done.
    answered: bool,
    /// What of every topic was known to be taken when it was asked for.
    snapshot: [Place; TOPICS.len()],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Attach,
    Detach,
}

/// Who asked last for an attachment: it ends with that session at the latest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attacher {
    client: usize,
    /// What of every topic was known to be taken when it asked.
    snapshot: [Place; TOPICS.len()],
}

/// Numbers of subscriptions that nobody asked for begin here.
const ATTACHED: u64 = 1 << 40;

fn number_of(callback: usize, method: usize) -> u64 {
    ATTACHED + 2 * callback as u64 + method as u64
}

impl Callback {
    /// What may be asked of its attachment next: one at a time, so that it is known what holds.
    pub(crate) fn may_ask(&self) -> Option<Ask> {
        match (&self.asked, self.attached) {
            (None, [false, false]) => Some(Ask::Attach),
            (None, [true, true]) => Some(Ask::Detach),
            _ => None,
        }
    }

    fn settle(&mut self) {
        let Some(asked) = &self.asked else { return };
        if asked.answered && self.attached == [asked.ask == Ask::Attach; 2] {
            self.asked = None;
        }
    }
}

impl Judge {
    /// A client asks for an attachment, or for its end.
    pub(crate) fn asks(&mut self, client: usize, callback: usize, ask: Ask) {
        let snapshot = self.truth.snapshot();
        if ask == Ask::Attach {
            self.callbacks[callback].attacher = Some(Attacher { client, snapshot });
        }
        self.callbacks[callback].asked = Some(Asked { ask, answered: false, snapshot });
    }

    /// That was done, or refused.
    pub(in crate::judge) fn asked(&mut self, callback: usize, done: bool) {
        let callback = &mut self.callbacks[callback];
        match &mut callback.asked {
            Some(asked) if done => asked.answered = true,
            asked => *asked = None,
        }
        callback.settle();
    }

    /// Its owner is told that a callback is attached, or no longer.
    pub(in crate::judge) fn told_of_attachment(
        &mut self,
        client: usize,
        arrival: Arrival,
        ask: Ask,
        (token, topic): (&str, &str),
    ) -> Wrong {
        self.count(if ask == Ask::Attach { "attached" } else { "detached" });
        let lane = self.views[client].header(arrival).lane;
        let number = self.callback(token).ok_or("a callback that nobody offers")?;
        let attacher = self.callbacks[number].attacher.filter(|one| self.may_be_gone(one.client));
        let about = &mut self.callbacks[number];
        let kind = &KINDS[about.kind];
        let method = kind.of_lane(lane).filter(|_| about.owner == client && kind.topic == topic);
        let method = method.ok_or_else(|| format!("{token} at {topic} in lane {lane}"))?;
        let snapshot = about.asked.as_ref().filter(|asked| asked.ask == ask);
        let by_itself = attacher.filter(|_| ask == Ask::Detach).map(|one| one.snapshot);
        let snapshot = by_itself.or(snapshot.map(|asked| asked.snapshot));
        let was = std::mem::replace(&mut about.attached[method], ask == Ask::Attach);
        let (Some(snapshot), true) = (snapshot, was == (ask == Ask::Detach)) else {
            return Err(format!("callback {number} is told {ask:?} in lane {lane}, it was {was}"));
        };
        about.settle();
        match ask {
            Ask::Attach => self.begin_attached(client, (number, method), lane, snapshot),
            Ask::Detach => self.end_attached(client, (number, method), lane, snapshot),
        }
    }

    fn begin_attached(
        &mut self,
        client: usize,
        (callback, method): (usize, usize),
        lane: u8,
        snapshot: [Place; TOPICS.len()],
    ) -> Wrong {
        let kind = &KINDS[self.callbacks[callback].kind];
        let sub = Sub {
            filter: format!("{}.{}", kind.topic, kind.methods[method].0),
            purpose: Purpose::Attached,
            lane,
            stand: Stand::Begun,
            leaving: None,
            left: BTreeSet::new(),
            entered: true,
            ends: Default::default(),
            values: None,
            asked_at: self.clock,
            snapshot,
            present: BTreeSet::new(),
        };
        let (step, one_epoch) = (self.step, self.one_epoch);
        let view = &mut self.views[client];
        view.lanes.entry(lane).or_default().begin(&sub, step, one_epoch, None);
        view.subs.insert(number_of(callback, method), sub);
        Ok(())
    }

    fn end_attached(
        &mut self,
        client: usize,
        (callback, method): (usize, usize),
        lane: u8,
        snapshot: [Place; TOPICS.len()],
    ) -> Wrong {
        let number = number_of(callback, method);
        let mut sub = self.views[client].subs.remove(&number).ok_or("what ends was attached")?;
        sub.snapshot = snapshot;
        self.finish(client, lane, number, &mut sub)
    }

    /// Whether a callback is told to be attached.
    pub(crate) fn is_attached(&self, callback: usize) -> bool {
        self.callbacks[callback].attached.contains(&true)
    }

    /// What an owner publishes behind the end of its callback isn't for that any more.
    pub(in crate::judge) fn check_released(&self, client: usize, lane: u8, number: usize) -> Wrong {
        let link = self.views[client].link_since;
        let mut own = self.offered_by(client).filter(|(_, one)| one.is_released);
        let is_over = |(_, one): &(usize, &Callback)| {
            let (said, over) = one.released_behind;
            let here = KINDS[one.kind].of_lane(lane).is_some();
            here && over == link && number >= said && self.truth.records[number].by == client
        };
        match own.find(is_over) {
            Some((callback, _)) => {
                Err(format!("message {number} came to {callback}, which is over"))
            }
            None => Ok(()),
        }
    }

    /// The attachment of a callback that is over has ended, and nothing tells where.
    pub(super) fn end_attachment(&mut self, callback: usize) {
        let Callback { owner, kind, .. } = self.callbacks[callback];
        for (method, (_, lane)) in KINDS[kind].methods.iter().enumerate() {
            let view = &mut self.views[owner];
            if view.subs.remove(&number_of(callback, method)).is_some()
                && let Some(lane) = view.lanes.get_mut(lane)
            {
                lane.forget_all();
            }
        }
    }

    /// An attachment goes with who asked for it.
    pub(super) fn settle_attacher(&mut self, callback: usize) -> Wrong {
        let Callback { attacher, attached, .. } = &self.callbacks[callback];
        let is_attached = attached.contains(&true);
        if let Some(Attacher { client, .. }) = *attacher {
            if is_attached && self.views[client].ended {
                return Err(format!("{callback} is attached, and {client}, who did that, is gone"));
            }
            if !is_attached && self.may_be_gone(client) {
                (self.callbacks[callback].asked, self.callbacks[callback].attacher) = (None, None);
            }
        }
        Ok(())
    }

    /// What was done is told in each lane.
    pub(super) fn check_asked(&self, callback: usize) -> Wrong {
        match &self.callbacks[callback].asked {
            Some(asked) if asked.answered => {
                Err(format!("{:?} of {callback} was accepted and isn't told everywhere", asked.ask))
            }
            _ => Ok(()),
        }
    }
}
