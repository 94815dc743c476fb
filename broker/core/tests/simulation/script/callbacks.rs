//! What clients say of callbacks, their own and others'.

use std::borrow::Cow;

use broker_protocol::frame::{Attach, ClientFrame, Detach, Offer, OfferedMethod, Release, Send};

use crate::judge::{Ask, Callback, Hold, KINDS, Kind, Pending, Target, options_of};
use crate::plan::KEYS;
use crate::random::Random;
use crate::world::World;

/// Among how many of the last callbacks one is chosen: some are over by then.
const RECENT: usize = 6;

/// What no callback can be called by.
const NO_METHOD: &str = "nope";

impl World {
    /// A client says something of callbacks.
    pub(super) fn act_on_callbacks(&mut self, client: usize) {
        match self.random.below(100) {
            _ if self.judge.callbacks.is_empty() => self.offer(client),
            0..20 => self.offer(client),
            20..48 => self.call_some(client),
            48..62 => self.hold_callback(client),
            62..66 => self.hold_session(client),
            66..75 => self.let_go(client),
            75..81 => self.release_own(client),
            81..95 => self.ask_about_attachment(client),
            _ => self.ask_callback(client),
        }
    }

    /// A callback of a kind of which there is none, or none that may still be called.
    fn offer(&mut self, client: usize) {
        let kind = self.random.below(KINDS.len());
        let offers = |pending: &Pending| matches!(pending, Pending::Offer(one) if *one == kind);
        let asked = self.judge.views[client].pending.values().any(offers);
        if asked || self.judge.offered_by(client).any(|(_, one)| one.kind == kind) {
            return;
        }
        let mut methods = Vec::new();
        for (place, (method, lane)) in KINDS[kind].methods.into_iter().enumerate() {
            let mut random = Random::of((client as u64) << 8 | u64::from(lane));
            let options = options_of(&mut random, place);
            let known = self.judge.views[client].lanes.entry(lane).or_default();
            if !std::mem::replace(&mut known.is_of_calls, true) {
                known.granted = options.clone();
            }
            methods.push(OfferedMethod { method: method.to_owned(), lane, options: Some(options) });
        }
        let id = self.next_id(client);
        self.judge.views[client].pending.insert(id, Pending::Offer(kind));
        let offer = Offer { id, interface: "thing".to_owned(), methods };
        self.command(client, id, &ClientFrame::Offer(offer));
    }

    /// One of the last callbacks, whoever offers it.
    fn any_callback(&mut self) -> Option<usize> {
        let count = self.judge.callbacks.len();
        (count > 0).then(|| count - 1 - self.random.below(count.min(RECENT)))
    }

    fn call_some(&mut self, client: usize) {
        let Some(callback) = self.any_callback() else { return };
        for _ in 0..self.random.between(1, 8).min(self.cut.at_once) {
            self.call(client, callback);
        }
    }

    fn call(&mut self, client: usize, callback: usize) {
        let method = self.random.below(2);
        let key = self.random.percent(50).then(|| *self.random.pick(&KEYS));
        let (kind, step) = (Kind::Call(callback, method), self.judge.step);
        let record = self.judge.truth.record(client, kind, key, step);
        self.judge.truth.records[record].of_hold =
            self.judge.hold_of(Target::Callback(callback), client);
        let id = self.random.percent(60).then(|| self.next_id(client));
        if let Some(id) = id {
            self.judge.views[client].pending.insert(id, Pending::Message(record));
        }
        let mut body = self.body(record);
        body.key = key.map(Cow::Borrowed);
        let about = &self.judge.callbacks[callback];
        let name = KINDS[about.kind].methods[method].0;
        let (to, method) = (Cow::Owned(about.token.clone()), Some(Cow::Borrowed(name)));
        let expires_in = self.lasting(record, 40);
        let send = Send { id, to, method, body, expires_in };
        self.say_maybe_again(client, id, &ClientFrame::Send(send));
    }

    fn ask_callback(&mut self, client: usize) {
        let Some(callback) = self.any_callback() else { return };
        let kind = self.judge.callbacks[callback].kind;
        let method = match self.random.percent(10) {
            true => NO_METHOD,
            false => self.random.pick(&KINDS[kind].methods).0,
        };
        let topic = self.judge.topic_of(callback, method);
        self.ask_on(client, topic);
    }

    fn hold_callback(&mut self, client: usize) {
        let Some(callback) = self.any_callback() else { return };
        let Callback { owner, token, .. } = &self.judge.callbacks[callback];
        if *owner != client {
            let token = token.clone();
            self.hold(client, Target::Callback(callback), token);
        }
    }

    fn hold_session(&mut self, client: usize) {
        let other = self.random.below(self.judge.views.len());
        let view = &self.judge.views[other];
        let session = view.session.clone().filter(|_| !view.is_ghost && other != client);
        if let Some(session) = session {
            self.hold(client, Target::Session(other), session);
        }
    }

    /// Holding twice is holding once.
    fn hold(&mut self, client: usize, target: Target, callback: String) {
        let id = self.next_id(client);
        let hold = self.judge.hold_of(target, client).unwrap_or_else(|| {
            self.judge.holds.push(Hold::new(client, target, self.judge.step));
            self.judge.holds.len() - 1
        });
        self.judge.views[client].pending.insert(id, Pending::Hold(hold));
        let presence = self.random.percent(60);
        if presence {
            self.judge.holds[hold].minds.ask(id);
        }
        let hold = broker_protocol::frame::Hold { id, callback, presence };
        self.command(client, id, &ClientFrame::Hold(hold));
    }

    fn let_go(&mut self, client: usize) {
        let holds = self.judge.holds.iter().enumerate();
        let its = holds.filter(|(_, hold)| hold.holder == client && hold.is_open());
        let its: Vec<usize> = its.map(|(hold, _)| hold).collect();
        if its.is_empty() {
            return;
        }
        let hold = *self.random.pick(&its);
        let target = self.judge.holds[hold].target;
        // Mostly with a last word.
        if let Target::Callback(callback) = target
            && self.random.percent(60)
        {
            self.call(client, callback);
        }
        self.judge.lets_go(hold);
        self.say_released(client, target);
    }

    fn say_released(&mut self, client: usize, target: Target) {
        let callback = match target {
            Target::Callback(callback) => Some(self.judge.callbacks[callback].token.clone()),
            Target::Session(session) => self.judge.views[session].session.clone(),
        };
        if let Some(callback) = callback {
            self.say(client, &ClientFrame::Release(Release { callback }));
        }
    }

    fn release_own(&mut self, client: usize) {
        let own = self.judge.offered_by(client).filter(|(_, one)| !one.is_released);
        let own: Vec<usize> = own.map(|(callback, _)| callback).collect();
        if own.is_empty() {
            return;
        }
        let callback = *self.random.pick(&own);
        let attached = own.into_iter().find(|one| self.judge.is_attached(*one));
        let callback = attached.unwrap_or(callback);
        self.judge.releases(callback);
        // What survives is seen later.
        let goes_on = self.steps_taken() < (self.plan.steps * (self.plan.rests - 1)) as u64;
        if !self.tamper.loses_release(client, attached.is_some() && goes_on) {
            self.say_released(client, Target::Callback(callback));
        }
    }

    /// Says again what has no answer: the last link may have lost it.
    pub(crate) fn repeat_releases(&mut self, client: usize) {
        if self.tamper.has_lost_release(client) {
            return;
        }
        let own = self.judge.offered_by(client).filter(|(_, one)| one.is_released);
        let own = own.map(|(callback, _)| Target::Callback(callback));
        let others = self.judge.let_go_by(client);
        for target in own.chain(others).collect::<Vec<_>>() {
            self.say_released(client, target);
        }
    }

    /// Anybody may have a callback attached and detached.
    fn ask_about_attachment(&mut self, client: usize) {
        let Some(callback) = self.any_callback() else { return };
        let about = &self.judge.callbacks[callback];
        let Some(ask) = about.may_ask() else { return };
        let (topic, callback_token) = (KINDS[about.kind].topic.to_owned(), about.token.clone());
        let id = self.next_id(client);
        self.judge.asks(client, callback, ask);
        self.judge.views[client].pending.insert(id, Pending::Attachment(callback));
        let frame = match ask {
            Ask::Attach => ClientFrame::Attach(Attach { id, topic, callback: callback_token }),
            Ask::Detach => ClientFrame::Detach(Detach { id, topic, callback: callback_token }),
        };
        self.command(client, id, &frame);
    }
}
