//! Where callbacks are, and who holds them.
//!
//! A token is looked up here and nothing else: what is called, held and attached is kept in the shards.
//! Of holders it is known how many there are and in which shards; so the end of a callback costs a word
//! to each of these shards, however many hold it.

use std::sync::Arc;
use std::time::Duration;

use broker_delivery::TOPIC_BYTES_MAX;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{OwnerState, ReleasedReason};
use hashbrown::HashMap;

use super::gathering::Gathering;
use super::interest::ShardSet;
use super::{Inboxes, Sequencer, answer_to, calls::Call};
use crate::callback::Methods;
use crate::item::{Attachment, Owned, SentCall};
use crate::{
    Answer, Batch, CallbackCommand, CallbackId, CallbackItem, Item, SessionId, Span, Token,
};

/// The table of callbacks is made smaller when it has room for so many times of what is in it.
const ROOM_TIMES: usize = 8;

/// Where callbacks are, and who holds them and sessions.
#[derive(Debug, Default)]
pub(super) struct Callbacks {
    known: HashMap<CallbackId, Known>,
    /// The shards in which somebody holds a session.
    watched: HashMap<SessionId, ShardSet>,
    /// The shards in which a session attached callbacks, while it lives.
    attachers: HashMap<SessionId, ShardSet>,
}

#[derive(Debug)]
struct Known {
    to: Owned,
    methods: Arc<Methods>,
    /// How many sessions hold it.
    holders: u32,
    /// The shards in which one does, or did.
    shards: ShardSet,
}

/// Why a call, hold or attachment comes to nothing.
enum Unknown {
    Callback,
    Method,
}

impl Unknown {
    fn explained(self) -> (ErrorCode, String) {
        match self {
            Self::Callback => {
                (ErrorCode::UnknownCallback, "there is no such callback, or no longer".to_owned())
            }
            Self::Method => {
                (ErrorCode::UnknownMethod, "the callback has no method of that name".to_owned())
            }
        }
    }

    fn rejected(self, id: Option<u64>) -> Answer {
        let (code, message) = self.explained();
        Answer::Rejected { id: id.unwrap_or(0), code, message }
    }
}

impl Callbacks {
    fn find(&self, callback: CallbackId) -> Result<&Known, Unknown> {
        self.known.get(&callback).ok_or(Unknown::Callback)
    }

    fn method(&self, callback: CallbackId, name: &[u8]) -> Result<(Owned, u8), Unknown> {
        let known = self.find(callback)?;
        Ok((known.to, known.methods.find(name).ok_or(Unknown::Method)?))
    }

    /// The shards in which somebody may hold it.
    fn holding(&self, callback: CallbackId) -> ShardSet {
        let shards = match callback.session() {
            Some(session) => self.watched.get(&session).copied(),
            None => self.known.get(&callback).map(|known| known.shards),
        };
        shards.unwrap_or_default()
    }

    /// Forgets what is over. Returns the shards in which somebody may hold it.
    fn end(&mut self, callback: CallbackId) -> ShardSet {
        if let Some(session) = callback.session() {
            return self.watched.remove(&session).unwrap_or_default();
        }
        let ended = self.known.remove(&callback);
        if self.known.capacity() > ROOM_TIMES * self.known.len() {
            self.known.shrink_to(2 * self.known.len());
        }
        ended.map(|known| known.shards).unwrap_or_default()
    }
}

impl Sequencer {
    pub(super) fn about_callbacks(
        &mut self,
        batch: &Batch,
        command: &CallbackCommand,
        out: &mut Gathering<'_, impl Inboxes>,
    ) {
        match command {
            CallbackCommand::Offer { owner, number, callback, methods } => {
                let to = Owned { owner: *owner, number: *number };
                let (methods, holders, shards) = (methods.clone(), 0, ShardSet::default());
                let known = Known { to, methods, holders, shards };
                self.callbacks.known.insert(*callback, known);
            }
            CallbackCommand::Send { from, callback, method, parts, expires_in } => {
                let call = (*callback, *method, *parts, out.expires(*expires_in));
                self.send_to_callback(batch, *from, call, out);
            }
            CallbackCommand::Request { from, token, callback, method, frame } => {
                let call = Call { asker: from.0, id: from.1 };
                self.ask_callback(batch, (*token, call), (*callback, *method, *frame), out);
            }
            CallbackCommand::Hold { holder, callback, counts, presence } => {
                self.hold(*holder, *callback, *counts, out);
                if *presence {
                    self.mind(*callback, out);
                }
            }
            CallbackCommand::Owner { callback, state } => self.owner(*callback, *state, out),
            CallbackCommand::Watched { target, holder, there } => {
                if *there {
                    self.callbacks.watched.entry(*target).or_default().add(holder.0.shard);
                }
                let callback = CallbackId::of_session(*target);
                tell_held(*holder, callback, *there, out);
            }
            CallbackCommand::LetGo { callback, reason } => self.let_go(*callback, *reason, out),
            CallbackCommand::Release { session, callback } => {
                if let Ok(known) = self.callbacks.find(*callback)
                    && known.to.owner == *session
                {
                    put(known.to.owner, CallbackItem::Over(known.to), out);
                    self.over(*callback, ReleasedReason::Released, out);
                }
            }
            CallbackCommand::Over { callback, reason } => self.over(*callback, *reason, out),
            CallbackCommand::Attach { from, callback, topic } => {
                self.attach(*from, *callback, batch.text(*topic), out);
            }
            CallbackCommand::Detach { from, callback, topic } => {
                self.detach(*from, *callback, batch.text(*topic), out);
            }
            CallbackCommand::Unwanted { shard, topic, methods } => {
                for (method, _) in methods.iter() {
                    self.interest.end(&filter_of(topic, method), *shard);
                }
            }
        }
    }

    fn send_to_callback(
        &self,
        batch: &Batch,
        from: (SessionId, Option<u64>),
        (callback, method, parts, expires): (CallbackId, Span, Span, Option<Duration>),
        out: &mut Gathering<'_, impl Inboxes>,
    ) {
        match self.callbacks.method(callback, batch.slice(method)) {
            Ok((to, method)) => {
                out.call(to.owner.shard, SentCall { to, method, parts, expires, from });
            }
            Err(unknown) => answer_to(from.0, unknown.rejected(from.1), out),
        }
    }

    fn ask_callback(
        &mut self,
        batch: &Batch,
        (token, call): (Token, Call),
        (callback, method, frame): (CallbackId, Span, Span),
        out: &mut impl Inboxes,
    ) {
        match self.callbacks.method(callback, batch.slice(method)) {
            Ok((to, method)) => {
                let (id, frame) = (call.id, batch.bytes(frame));
                self.calls.begin(token, call, to.owner);
                put(to.owner, CallbackItem::Request { to, method, token, id, frame }, out);
            }
            Err(unknown) => {
                let (code, message) = unknown.explained();
                let answer = Answer::RequestFailed { id: call.id, code, message };
                answer_to(call.asker, answer, out);
            }
        }
    }

    fn hold(
        &mut self,
        holder: (SessionId, u64),
        callback: CallbackId,
        counts: bool,
        out: &mut impl Inboxes,
    ) {
        let Some(target) = callback.session() else {
            let known = self.callbacks.known.get_mut(&callback);
            let there = known.is_some();
            if let Some(known) = known.filter(|_| counts) {
                known.holders += 1;
                known.shards.add(holder.0.shard);
            }
            return tell_held(holder, callback, there, out);
        };
        match self.callbacks.watched.get_mut(&target) {
            Some(shards) => {
                shards.add(holder.0.shard);
                tell_held(holder, callback, true, out);
            }
            // Who is there is known where it lives.
            None => put(target, CallbackItem::Watch { target, holder }, out),
        }
    }

    /// The owner of a callback, or a session, is to say when it is away, and back: first, if it is now.
    fn mind(&self, callback: CallbackId, out: &mut impl Inboxes) {
        let owned = |owner| Owned { owner, number: 0 };
        let known = || self.callbacks.known.get(&callback).map(|known| known.to);
        if let Some(to) = callback.session().map(owned).or_else(known) {
            put(to.owner, CallbackItem::Minded { callback, to }, out);
        }
    }

    /// The owner of a callback, or a session, is away, or back.
    fn owner(&self, callback: CallbackId, state: OwnerState, out: &mut impl Inboxes) {
        for shard in self.callbacks.holding(callback).iter() {
            out.put(shard, Item::Callback(CallbackItem::Owner { callback, state }));
        }
    }

    fn let_go(&mut self, callback: CallbackId, reason: ReleasedReason, out: &mut impl Inboxes) {
        let Some(known) = self.callbacks.known.get_mut(&callback) else { return };
        known.holders = known.holders.saturating_sub(1);
        if known.holders == 0 {
            put(known.to.owner, CallbackItem::Unheld { callback: known.to, reason }, out);
        }
    }

    fn over(&mut self, callback: CallbackId, reason: ReleasedReason, out: &mut impl Inboxes) {
        for shard in self.callbacks.end(callback).iter() {
            out.put(shard, Item::Callback(CallbackItem::Released { callback, reason }));
        }
    }

    fn attach(
        &mut self,
        from: (SessionId, u64),
        callback: CallbackId,
        topic: &str,
        out: &mut impl Inboxes,
    ) {
        let known = match self.callbacks.find(callback) {
            Ok(known) => known,
            Err(unknown) => return answer_to(from.0, unknown.rejected(Some(from.1)), out),
        };
        if topic.len() + 1 + known.methods.longest() > TOPIC_BYTES_MAX {
            let message = format!("{topic:?} leaves no room for the names of the methods");
            let (id, code) = (from.1, ErrorCode::InvalidTopic);
            return answer_to(from.0, Answer::Rejected { id, code, message }, out);
        }
        for (method, _) in known.methods.iter() {
            self.interest.begin(&filter_of(topic, method), known.to.owner.shard);
        }
        let (owner, attachment) = (known.to.owner, known.attachment(from, callback, topic));
        self.callbacks.attachers.entry(from.0).or_default().add(owner.shard);
        put(owner, CallbackItem::Attach(attachment), out);
    }

    fn detach(
        &mut self,
        from: (SessionId, u64),
        callback: CallbackId,
        topic: &str,
        out: &mut impl Inboxes,
    ) {
        match self.callbacks.find(callback) {
            Ok(known) => {
                let attachment = known.attachment(from, callback, topic);
                put(known.to.owner, CallbackItem::Detach(attachment), out);
            }
            Err(unknown) => answer_to(from.0, unknown.rejected(Some(from.1)), out),
        }
    }
}

impl Sequencer {
    /// A session has ended: what it attached is detached where the callbacks are.
    pub(super) fn attacher_gone(&mut self, session: SessionId, out: &mut impl Inboxes) {
        for shard in self.callbacks.attachers.remove(&session).unwrap_or_default().iter() {
            out.put(shard, Item::Callback(CallbackItem::AttacherGone(session)));
        }
    }
}

impl Known {
    fn attachment(&self, from: (SessionId, u64), id: CallbackId, topic: &str) -> Attachment {
        let (callback, topic, methods) = (self.to, Arc::from(topic), self.methods.clone());
        Attachment { callback, topic, methods, from, id }
    }
}

fn tell_held(holder: (SessionId, u64), callback: CallbackId, there: bool, out: &mut impl Inboxes) {
    put(holder.0, CallbackItem::Held { holder, callback, there }, out);
}

/// Tells the shard of a session.
fn put(session: SessionId, item: CallbackItem, out: &mut impl Inboxes) {
    out.put(session.shard, Item::Callback(item));
}

/// The topic on which a callback is called that is attached to `topic`.
pub(crate) fn filter_of(topic: &str, method: &str) -> String {
    [topic, ".", method].concat()
}
