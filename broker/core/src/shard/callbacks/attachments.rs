//! Callbacks that are subscribed to topics by those who call them.
//!
//! A call on such a topic is an ordinary message of it, and reaches the callback's lane by the same
//! route as everybody else's. Callbacks of one session share what they are attached to.

use std::sync::Arc;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Attach, Attached, BrokerFrame, Detach, Detached};

use super::calls::unknown_callback;
use crate::sequencer::filter_of;
use crate::session::{LaneFrame, Offered, Session};
use crate::shard::Shard;
use crate::shard::commands::Refusal;
use crate::shard::grants::Entrant;
use crate::shard::publish::check_open_topic;
use crate::shard::routes::Target;
use crate::{Answer, Attachment, CallbackCommand, CallbackId, Command, Methods, Owned};

/// The number of no subscription: what attachments subscribe a session to.
const ATTACHED: u64 = 0;

/// Which part of the control queue, beyond the bound, the frames of a lane may take until more may be
/// attached there: what is attached has to be detached again.
const NOT_FOR_DETACHING: u64 = 4;

impl Shard {
    pub(in crate::shard) fn attach_callback(&mut self, slot: u32, attach: &Attach) {
        let Attach { id, topic, callback } = attach;
        match check_attachment(topic, callback) {
            Ok(callback) => {
                let (from, topic) = self.attaching(slot, *id, topic);
                let attach = CallbackCommand::Attach { from, callback, topic };
                self.outgoing.push(Command::Callback(attach));
            }
            Err(refusal) => self.reject(slot, *id, refusal),
        }
    }

    pub(in crate::shard) fn detach_callback(&mut self, slot: u32, detach: &Detach) {
        let Detach { id, topic, callback } = detach;
        match check_attachment(topic, callback) {
            Ok(callback) => {
                let (from, topic) = self.attaching(slot, *id, topic);
                let detach = CallbackCommand::Detach { from, callback, topic };
                self.outgoing.push(Command::Callback(detach));
            }
            Err(refusal) => self.reject(slot, *id, refusal),
        }
    }

    fn attaching(
        &mut self,
        slot: u32,
        id: u64,
        topic: &str,
    ) -> ((crate::SessionId, u64), crate::Span) {
        self.note_asked(slot, id);
        ((self.sessions[slot as usize].id, id), self.outgoing.write_text(topic))
    }

    /// A callback of this shard is subscribed to a topic at this point of the order.
    pub(super) fn attachment_begins(&mut self, attachment: Attachment) {
        match self.try_attach(&attachment) {
            Ok(true) => {}
            Ok(false) => self.unwanted(&attachment.topic, &attachment.methods),
            Err(refusal) => {
                self.unwanted(&attachment.topic, &attachment.methods);
                let Refusal { code, message, .. } = refusal;
                let (session, id) = attachment.from;
                let answer = Answer::Rejected { id, code, message };
                return self.outgoing.push(Command::Answer { session, answer });
            }
        }
        self.accept_attachment(&attachment);
    }

    fn accept_attachment(&mut self, attachment: &Attachment) {
        let ((session, id), callback) = (attachment.from, attachment.id);
        let answer = Answer::Callback { id, callback };
        self.outgoing.push(Command::Answer { session, answer });
    }

    /// What the sequencer began for an attachment is wanted no longer.
    fn unwanted(&mut self, topic: &Arc<str>, methods: &Arc<Methods>) {
        let (shard, topic, methods) = (self.id, topic.clone(), methods.clone());
        let unwanted = CallbackCommand::Unwanted { shard, topic, methods };
        self.outgoing.push(Command::Callback(unwanted));
    }

    /// Returns whether it wasn't attached before.
    fn try_attach(&mut self, attachment: &Attachment) -> Result<bool, Refusal> {
        let Attachment { callback, topic, methods, id, from } = attachment;
        let Owned { owner, number } = callback;
        let session = self.find(*owner).ok_or_else(unknown_callback)?;
        let roles = session.roles().ok_or_else(unknown_callback)?;
        let offered = roles.offered.get(number).ok_or_else(unknown_callback)?;
        if offered.is_attached(topic) {
            self.note_attacher(*callback, topic, from.0)?;
            return Ok(false);
        }
        let slot = owner.slot;
        let frame =
            BrokerFrame::Attached(Attached { callback: id.to_string(), topic: topic.to_string() });
        let frame = LaneFrame::encode(&frame);
        self.check_attach(slot, topic, methods)?;
        self.tell_in_lanes(slot, methods, &frame);
        // Nobody is left to be subscribed if that was too much for it.
        let Some(session) = self.find(*owner) else { return Err(unknown_callback()) };
        let Some(roles) = session.roles_mut() else { return Err(unknown_callback()) };
        roles.attached += methods.len();
        self.note_attacher(*callback, topic, from.0)?;
        for (method, lane) in methods.iter() {
            self.begin_attached(slot, &filter_of(topic, method), lane);
        }
        Ok(true)
    }

    fn check_attach(&mut self, slot: u32, topic: &str, methods: &Methods) -> Result<(), Refusal> {
        let session = &self.sessions[slot as usize];
        let most = self.config.limits.subscriptions_max;
        if session.wishes() + methods.len() > most {
            let message = format!(
                "the callback's session may have {most} subscriptions, attachments times methods \
                 included"
            );
            return Err(Refusal::new(ErrorCode::TooManySubscriptions, message));
        }
        let more = self.config.limits.control_bytes_max as u64 / NOT_FOR_DETACHING;
        let is_full = |place: usize| {
            let lane = &session.lanes[place].lane;
            lane.bytes() > lane.options().bound.bytes + more
        };
        if session.places_of(methods).into_iter().any(is_full) {
            let message = "a lane of the callback has more waiting than it may";
            return Err(Refusal::new(ErrorCode::Busy, message));
        }
        for (method, lane) in methods.iter() {
            let filter = filter_of(topic, method);
            let lane = self.lane_for(slot, Some(lane), None, Entrant::Subscription(&filter));
            lane.map_err(|refusal| Refusal { field: None, ..refusal })?;
        }
        Ok(())
    }

    /// Puts a frame into each lane of these methods.
    fn tell_in_lanes(&mut self, slot: u32, methods: &Methods, frame: &LaneFrame) {
        let LaneFrame::Encoded(frame) = frame else { return };
        for lane in self.sessions[slot as usize].places_of(methods) {
            if self.find_in(slot) {
                self.push_frame(slot, lane, LaneFrame::Encoded(frame.clone()));
            }
        }
    }

    fn begin_attached(&mut self, slot: u32, filter: &str, lane: u8) {
        let session = &mut self.sessions[slot as usize];
        let Some(place) = session.place_of(lane) else { return };
        let filter: Arc<str> = Arc::from(filter);
        let roles = session.take_roles_on();
        let count = roles.subscribed.get_or_default((filter.clone(), place));
        *count += 1;
        if *count == 1 {
            let target = Target { slot, lane: place as u32, subscription: ATTACHED };
            self.matcher.insert(&filter, target);
        }
    }

    fn end_attached(&mut self, slot: u32, filter: &str, lane: u8) {
        let session = &mut self.sessions[slot as usize];
        let Some(place) = session.place_of(lane) else { return };
        let Some(roles) = session.roles_mut() else { return };
        let key: (Arc<str>, usize) = (Arc::from(filter), place);
        let Some(count) = roles.subscribed.get_mut(&key) else { return };
        *count -= 1;
        if *count == 0 {
            roles.subscribed.remove(&key);
            let target = Target { slot, lane: place as u32, subscription: ATTACHED };
            self.matcher.remove(filter, &target);
        }
    }

    /// That ends at this point of the order.
    pub(super) fn attachment_ends(&mut self, attachment: &Attachment) {
        let Attachment { callback, topic, methods, id, .. } = attachment;
        let Owned { owner, number } = callback;
        let roles = self.find(*owner).and_then(|session| session.roles_mut());
        let Some(offered) = roles.and_then(|roles| roles.offered.get_mut(number)) else {
            let Refusal { code, message, .. } = unknown_callback();
            let (session, id) = attachment.from;
            let answer = Answer::Rejected { id, code, message };
            return self.outgoing.push(Command::Answer { session, answer });
        };
        let use_ = offered.use_.as_mut();
        if let Some(attachers) = use_.and_then(|use_| use_.topics.remove(topic)) {
            self.callbacks.attachers.forget(attachers, *callback, topic);
            self.attachment_over(owner.slot, *id, topic, methods);
        }
        self.accept_attachment(attachment);
    }

    /// Something is attached no longer, which its owner is told.
    pub(super) fn attachment_over(
        &mut self,
        slot: u32,
        callback: CallbackId,
        topic: &Arc<str>,
        methods: &Arc<Methods>,
    ) {
        self.end_attachment(slot, topic, methods);
        let (callback, topic) = (callback.to_string(), topic.to_string());
        let frame = BrokerFrame::Detached(Detached { callback, topic });
        self.tell_in_lanes(slot, methods, &LaneFrame::encode(&frame));
    }

    fn end_attachment(&mut self, slot: u32, topic: &Arc<str>, methods: &Arc<Methods>) {
        if let Some(roles) = self.sessions[slot as usize].roles_mut() {
            roles.attached -= methods.len();
        }
        for (method, lane) in methods.iter() {
            self.end_attached(slot, &filter_of(topic, method), lane);
        }
        self.unwanted(topic, methods);
    }

    /// A callback is over, and attached nowhere any more.
    pub(super) fn detach_all(&mut self, callback: Owned, offered: &Offered) {
        for (topic, attachers) in offered.use_.iter().flat_map(|use_| use_.topics.iter()) {
            self.callbacks.attachers.forget(attachers.clone(), callback, topic);
            self.end_attachment(callback.owner.slot, topic, &offered.methods);
        }
    }

    /// Whether the session in a slot hasn't ended.
    fn find_in(&self, slot: u32) -> bool {
        self.sessions[slot as usize].stage != crate::session::Stage::Ending
    }
}

impl Offered {
    fn is_attached(&self, topic: &Arc<str>) -> bool {
        self.use_.as_ref().is_some_and(|use_| use_.topics.contains_key(topic))
    }
}

impl Session {
    /// How many subscriptions it has, with those of attachments.
    pub(in crate::shard) fn wishes(&self) -> usize {
        self.standing.len() + self.roles().map_or(0, |roles| roles.attached)
    }

    fn place_of(&self, lane: u8) -> Option<usize> {
        self.lanes.iter().position(|one| one.number == lane)
    }

    /// The places of the lanes of these methods, each once.
    pub(super) fn places_of(&self, methods: &Methods) -> Vec<usize> {
        methods.lanes().filter_map(|lane| self.place_of(lane)).collect()
    }
}

fn check_attachment(topic: &str, callback: &str) -> Result<CallbackId, Refusal> {
    check_open_topic(topic)?;
    CallbackId::parse_token(callback).ok_or_else(unknown_callback)
}
