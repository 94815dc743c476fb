//! Offering callbacks, and their ends.

use std::sync::Arc;

use broker_delivery::check_topic;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Accepted, BrokerFrame, Offer, OfferedMethod, Release, ReleasedReason,
};
use hashbrown::HashMap;

use crate::session::Offered;
use crate::shard::Shard;
use crate::shard::commands::Refusal;
use crate::shard::grants::Entrant;
use crate::shard::publish::shortened;
use crate::{CallbackCommand, CallbackId, Command, Methods, Owned, SessionId};

/// The longest name of a method, in bytes.
pub(super) const METHOD_BYTES_MAX: usize = 64;

/// What callbacks of this shard can be called by, each once, with the number of its callbacks.
#[derive(Debug, Default)]
pub(super) struct Tables {
    counts: HashMap<Arc<Methods>, u32>,
}

impl Tables {
    /// The table that is the same as this one.
    fn share(&mut self, methods: Methods) -> Arc<Methods> {
        if let Some((methods, count)) = self.counts.get_key_value_mut(&methods) {
            *count += 1;
            return methods.clone();
        }
        let methods = Arc::new(methods);
        self.counts.insert(methods.clone(), 1);
        methods
    }

    fn leave(&mut self, methods: &Arc<Methods>) {
        let Some(count) = self.counts.get_mut(methods) else { return };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(methods);
        }
    }
}

impl Shard {
    pub(in crate::shard) fn offer(&mut self, slot: u32, offer: Offer) {
        let id = offer.id;
        match self.try_offer(slot, offer) {
            Ok(callback) => self.accept_callback(slot, id, callback),
            Err(refusal) => self.reject(slot, id, refusal),
        }
    }

    /// Says that a command about a callback was carried out.
    pub(in crate::shard) fn accept_callback(&mut self, slot: u32, id: u64, callback: CallbackId) {
        let callback = Some(callback.to_string());
        let accepted = BrokerFrame::Accepted(Accepted { id, callback, ..Accepted::default() });
        self.note_answer(slot, id, &accepted);
        self.tell(slot, &accepted);
    }

    fn try_offer(&mut self, slot: u32, offer: Offer) -> Result<CallbackId, Refusal> {
        let most = self.config.limits.callbacks_max;
        let offered = self.sessions[slot as usize].roles().map_or(0, |roles| roles.offered.len());
        if offered >= most {
            let message = format!("the session offers {most} callbacks, and may offer no more");
            return Err(Refusal::new(ErrorCode::TooManyCallbacks, message));
        }
        if offer.interface.len() > self.config.limits.key_bytes_max {
            let message = format!("the name of an interface of {} bytes", offer.interface.len());
            return Err(Refusal::of("interface", ErrorCode::InvalidField, message));
        }
        let methods = self.methods_of(slot, offer.methods)?;
        let session = &self.sessions[slot as usize];
        let (owner, number) = (session.id, self.callbacks.seen);
        let token = CallbackId::mint(session.link.info.secret, owner, number);
        self.callbacks.seen += 1;
        self.callbacks.offered += 1;
        let methods = self.callbacks.tables.share(methods);
        let offered = Offered { token, methods: methods.clone(), use_: None };
        self.sessions[slot as usize].take_roles_on().offered.insert(number, offered);
        let offer = CallbackCommand::Offer { owner, number, callback: token, methods };
        self.outgoing.push(Command::Callback(offer));
        Ok(token)
    }

    /// Opens the lanes of all methods, or none.
    fn methods_of(&mut self, slot: u32, methods: Vec<OfferedMethod>) -> Result<Methods, Refusal> {
        methods.iter().try_for_each(|one| check_method(&one.method))?;
        let open = self.sessions[slot as usize].lanes.len();
        for OfferedMethod { lane, options, .. } in &methods {
            let lane = self.lane_for(slot, Some(*lane), options.as_ref(), Entrant::Provider);
            if let Err(refusal) = lane {
                self.sessions[slot as usize].lanes.truncate(open);
                return Err(refusal);
            }
        }
        let methods = methods.into_iter().map(|one| (one.method.into_boxed_str(), one.lane));
        Methods::new(methods.collect()).ok_or_else(|| {
            self.sessions[slot as usize].lanes.truncate(open);
            let message = "a callback has one method at least, and none of them twice";
            Refusal::of("methods", ErrorCode::InvalidField, message)
        })
    }

    /// A session releases a callback: its own, or one that it holds.
    pub(in crate::shard) fn release(&mut self, slot: u32, release: &Release) {
        let Some(callback) = CallbackId::parse(&release.callback) else { return };
        self.let_go(slot, callback, ReleasedReason::Released);
        if callback.session().is_none() {
            let session = self.sessions[slot as usize].id;
            let release = CallbackCommand::Release { session, callback };
            self.outgoing.push(Command::Callback(release));
        }
    }

    /// A callback is over, since its owner released it.
    pub(super) fn callback_over(&mut self, owner: SessionId, number: u64) {
        let Some(session) = self.find(owner) else { return };
        let Some(roles) = session.roles_mut() else { return };
        let Some(offered) = roles.offered.remove(&number) else { return };
        self.callback_ended(Owned { owner, number }, &offered);
        let message = "the callback was released before it answered";
        self.refuse_asked(owner.slot, number, message);
    }

    fn callback_ended(&mut self, callback: Owned, offered: &Offered) {
        self.callbacks.offered -= 1;
        self.callbacks.tables.leave(&offered.methods);
        self.detach_all(callback, offered);
    }

    /// A session ends: so do its callbacks, and somebody may hold the session itself.
    pub(in crate::shard) fn withdraw_callbacks(&mut self, slot: u32, reason: ReleasedReason) {
        let session = &mut self.sessions[slot as usize];
        let id = session.id;
        let Some(roles) = session.roles_mut() else { return };
        let watched = roles.watched.then(|| CallbackId::of_session(id));
        let offered = std::mem::take(&mut roles.offered);
        let over = |callback| Command::Callback(CallbackCommand::Over { callback, reason });
        for (number, offered) in offered.iter() {
            self.callback_ended(Owned { owner: id, number: *number }, offered);
            self.outgoing.push(over(offered.token));
        }
        watched.into_iter().for_each(|session| self.outgoing.push(over(session)));
        self.withdraw_holds(slot, reason);
    }
}

/// Checks the name of a method: one level of a topic.
fn check_method(name: &str) -> Result<(), Refusal> {
    let one_level = !name.contains(broker_delivery::TOKEN_SEPARATOR) && check_topic(name).is_ok();
    if one_level && name.len() <= METHOD_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "{:?} can't be the name of a method: one level of a topic, of at most {METHOD_BYTES_MAX} \
         bytes",
        shortened(name)
    );
    Err(Refusal::of("methods", ErrorCode::InvalidField, message))
}
