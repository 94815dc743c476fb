//! Callbacks as those see them who offer them and who hold them.
//!
//! A call is one message on a topic of its own; an attachment is a subscription of its owner that others
//! begin and end. What is told of the end of a callback, or of its last holder, is held against who held it.

mod attached;
mod called;
mod held;
mod owners;

use broker_protocol::frame::{Accepted, Keep, LaneOptions, Overflow};

use super::{Judge, Kind, Pending, View, Wrong};
use crate::random::Random;
pub(crate) use attached::Ask;
use attached::{Asked, Attacher};
pub(super) use called::Called;
pub(crate) use held::{Hold, Target};

/// What callbacks of one kind can be called by, with the lanes of those methods, which are for this kind
/// alone; and the topic that they are attached to, where such names are the last tokens of topics.
#[derive(Debug)]
pub(crate) struct CallbackKind {
    pub(crate) methods: [(&'static str, u8); 2],
    pub(crate) topic: &'static str,
}

/// The lanes of the first methods keep all, those of the others conflate.
pub(crate) const KINDS: [CallbackKind; 2] = [
    CallbackKind { methods: [("b", 11), ("c", 12)], topic: "a" },
    CallbackKind { methods: [("x", 13), ("y", 14)], topic: "b" },
];

/// The first lane in which calls come.
pub(crate) const OF_CALLS: u8 = 11;

/// A callback.
#[derive(Debug)]
pub(crate) struct Callback {
    pub(crate) token: String,
    pub(crate) owner: usize,
    pub(crate) kind: usize,
    /// Whether its owner has said that it is over, and whether that has settled.
    pub(crate) is_released: bool,
    pub(crate) is_over: bool,
    /// In which step that was so first.
    over_at: u64,
    /// What was said before its owner said so, and over which link.
    released_behind: (usize, u64),
    /// What was asked of its attachment, and in which of its lanes it is told to be attached.
    pub(crate) asked: Option<Asked>,
    attacher: Option<Attacher>,
    pub(crate) attached: [bool; 2],
    /// In each lane: how often it was told that nobody holds it, and the holds of whose calls came since.
    unheld: [(u64, Vec<usize>); 2],
}

impl CallbackKind {
    /// The place of the method whose lane this is.
    fn of_lane(&self, lane: u8) -> Option<usize> {
        self.methods.iter().position(|(_, one)| *one == lane)
    }
}

/// With which options a client opens the lane of a method: always the same.
pub(crate) fn options_of(random: &mut Random, method: usize) -> LaneOptions {
    let paced = random.percent(30);
    match method {
        0 => LaneOptions {
            keep: Some(Keep::All),
            overflow: Some(*random.pick(&[Overflow::Disconnect, Overflow::DropOldest])),
            ..LaneOptions::default()
        },
        _ => LaneOptions {
            keep: Some(Keep::Latest(random.between(1, 3) as u32)),
            min_interval: paced.then_some(50),
            ..LaneOptions::default()
        },
    }
}

/// The token and the method that a topic names, if it is one of calls.
pub(crate) fn called(topic: &str) -> Option<(&str, &str)> {
    topic.strip_prefix("$to.")?.split_once('.')
}

impl Judge {
    /// The callback that an owner offered, whoever that is.
    pub(crate) fn callback(&self, token: &str) -> Option<usize> {
        self.callbacks.iter().position(|callback| callback.token == token)
    }

    /// The callback and the method of calls on a topic.
    pub(super) fn method(&self, topic: &str) -> Option<(usize, usize)> {
        let (token, name) = called(topic)?;
        let callback = self.callback(token)?;
        let kind = &KINDS[self.callbacks[callback].kind];
        Some((callback, kind.methods.iter().position(|(method, _)| *method == name)?))
    }

    /// The topic on which a method of a callback is called.
    pub(crate) fn topic_of(&self, callback: usize, method: &str) -> String {
        format!("$to.{}.{method}", self.callbacks[callback].token)
    }

    /// Whether a session may be gone.
    fn may_be_gone(&self, client: usize) -> bool {
        let view = &self.views[client];
        view.ended || view.leaves || !view.connected
    }

    /// Whether a callback may be over.
    fn may_be_over(&self, callback: usize) -> bool {
        let Callback { owner, is_released, .. } = self.callbacks[callback];
        is_released || self.may_be_gone(owner)
    }

    /// Those that a session offers and that aren't over for certain.
    pub(crate) fn offered_by(&self, client: usize) -> impl Iterator<Item = (usize, &Callback)> {
        let callbacks = self.callbacks.iter().enumerate();
        callbacks.filter(move |(_, callback)| callback.owner == client && !callback.is_over)
    }

    /// A callback is there.
    pub(super) fn offered(&mut self, client: usize, kind: usize, accepted: &Accepted) -> Wrong {
        self.count("callbacks");
        let token = accepted.callback.clone().ok_or("an offer without a token")?;
        if self.callback(&token).is_some() {
            return Err(format!("the token {token} was given twice"));
        }
        let there = self.offered_by(client).filter(|(_, one)| !one.is_released);
        if there.count() >= self.callbacks_max {
            return Err(format!("more than {} callbacks", self.callbacks_max));
        }
        self.callbacks.push(Callback {
            token,
            owner: client,
            kind,
            is_released: false,
            is_over: false,
            over_at: u64::MAX,
            released_behind: (usize::MAX, 0),
            asked: None,
            attacher: None,
            attached: [false; 2],
            unheld: Default::default(),
        });
        Ok(())
    }

    /// An offer was refused for want of room.
    pub(super) fn offers_too_much(&self, client: usize) -> Wrong {
        let View { pending, lost_offers, .. } = &self.views[client];
        let asked = pending.values().filter(|one| matches!(one, Pending::Offer(_))).count();
        match self.offered_by(client).count() + asked + lost_offers >= self.callbacks_max {
            true => Ok(()),
            false => Err("there is room for a callback".to_owned()),
        }
    }

    /// The answer to what names a callback names it too.
    pub(super) fn repeats(&self, callback: usize, accepted: &Accepted) -> Wrong {
        let token = &self.callbacks[callback].token;
        match accepted.callback.as_ref() == Some(token) {
            true => Ok(()),
            false => Err(format!("{accepted:?} is about {token}")),
        }
    }

    /// A call was accepted: of a callback that wasn't over for certain when it was said.
    pub(super) fn accepts_call(&self, record: usize) -> Wrong {
        let Kind::Call(callback, _) = self.truth.records[record].kind else { return Ok(()) };
        match self.truth.records[record].step > self.callbacks[callback].over_at {
            true => Err(format!("call {record} was accepted, and callback {callback} is over")),
            false => Ok(()),
        }
    }

    /// What isn't known any more, or never was.
    pub(super) fn unknown_callback(&self, callback: usize) -> Wrong {
        match self.may_be_over(callback) {
            true => Ok(()),
            false => Err(format!("callback {callback} is there, and said to be unknown")),
        }
    }

    /// An owner says that a callback is over.
    pub(crate) fn releases(&mut self, callback: usize) {
        let said = self.truth.records.len();
        let released = &mut self.callbacks[callback];
        released.is_released = true;
        released.released_behind = (said, self.views[released.owner].link_since);
    }

    /// Nothing of callbacks is under way.
    pub(super) fn callbacks_at_rest(&mut self) -> Wrong {
        for callback in 0..self.callbacks.len() {
            let Callback { owner, is_released, .. } = self.callbacks[callback];
            if !self.views[owner].is_live() || self.callbacks[callback].is_over {
                continue;
            }
            if is_released {
                (self.callbacks[callback].is_over, self.callbacks[callback].over_at) =
                    (true, self.step);
                self.end_attachment(callback);
                continue;
            }
            self.settle_attacher(callback)?;
            self.check_asked(callback)?;
            self.check_unheld(callback)?;
        }
        self.check_holders()?;
        self.check_owners()
    }

    /// How many calls of a method were said, and how many of these are known to be in its lane.
    fn calls_of(&self, callback: usize, method: usize) -> (u64, u64) {
        let kind = Kind::Call(callback, method);
        let calls = self.truth.records.iter().filter(|record| record.kind == kind);
        let (mut said, mut taken) = (0, 0);
        for record in calls {
            said += u64::from(!record.refused);
            taken += u64::from(record.acked);
        }
        (said, taken)
    }
}
