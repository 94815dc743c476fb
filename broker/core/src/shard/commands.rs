//! What each frame of an open session does.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Accepted, BrokerFrame, ClientFrame, Disconnect, LaneLag, Ping, Pong, Reconnect, Rejected,
};

use super::Shard;
use super::publish::shortened;
use crate::session::{LaneSlot, Stage};
use crate::{Answer, Now};

/// Which part of the control queue replies leave free: a quarter.
const NOT_FOR_REPLIES: usize = 4;

/// Why a command is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    pub(super) field: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None }
    }

    pub(super) fn of(field: &'static str, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: Some(field) }
    }

    /// Something of the protocol that this version doesn't serve yet.
    pub(super) fn unsupported(field: &'static str) -> Self {
        let message = format!("`{field}` is not served by this version");
        Self::of(field, ErrorCode::Unsupported, message)
    }
}

impl Shard {
    pub(super) fn carry_out(&mut self, now: Now, slot: u32, frame: &mut ClientFrame<'_>) {
        if id_of(frame) == Some(0) {
            let message = "ids start at 1; 0 stands in answers to commands without one";
            return self.reject(slot, 0, Refusal::of("id", ErrorCode::InvalidId, message));
        }
        if self.sessions[slot as usize].past().is_some() && self.is_repeated(slot, frame) {
            return;
        }
        match frame {
            ClientFrame::Publish(publish) => self.publish(slot, publish),
            ClientFrame::Send(send) => self.send(slot, send),
            ClientFrame::Subscribe(subscribe) => self.subscribe(slot, std::mem::take(subscribe)),
            ClientFrame::Serve(serve) => self.serve(slot, serve),
            ClientFrame::Update(update) => self.update(slot, update),
            ClientFrame::Move(moving) => self.move_to_lane(slot, moving),
            ClientFrame::Unsubscribe(unsubscribe) => self.unsubscribe(slot, unsubscribe),
            ClientFrame::Request(request) => self.request(now, slot, request),
            ClientFrame::Reply(reply) => self.reply(slot, reply),
            ClientFrame::Cancel(cancel) => self.cancel(slot, cancel.id),
            ClientFrame::Offer(offer) => self.offer(slot, std::mem::take(offer)),
            ClientFrame::Hold(hold) => self.hold(slot, hold),
            ClientFrame::Release(release) => self.release(slot, release),
            ClientFrame::Attach(attach) => self.attach_callback(slot, attach),
            ClientFrame::Detach(detach) => self.detach_callback(slot, detach),
            ClientFrame::Ping(ping) => self.pong(now, slot, ping),
            ClientFrame::Pong(pong) => self.carry_out_pong(now, slot, pong),
            ClientFrame::Consumed(consumed) => self.consumed(now, slot, consumed),
            ClientFrame::Disconnect(disconnect) => self.disconnect(slot, disconnect),
            other => self.refuse_unsupported(slot, other),
        }
    }

    /// Frames of the protocol that belong to parts which this version doesn't serve.
    fn refuse_unsupported(&mut self, slot: u32, frame: &ClientFrame<'_>) {
        let (id, name) = match frame {
            ClientFrame::Authenticate(_) => (0, "authenticate"),
            _ => return,
        };
        self.reject(slot, id, Refusal::unsupported(name));
    }

    pub(super) fn carry_out_pong(&mut self, now: Now, slot: u32, pong: &Pong) {
        match pong.mark {
            Some(mark) => self.returned(now, slot, mark),
            None => self.ponged(slot),
        }
    }

    /// A ping without a mark was answered: where lanes share the link, what was sent in front of it
    /// has arrived.
    pub(super) fn ponged(&mut self, slot: u32) {
        let Self { sessions, log, .. } = self;
        let Some(session) = sessions.get_mut(slot as usize) else { return };
        // A client may answer the newest of several alone: then nothing is known.
        let answered = session.link.pings_open == 1;
        session.link.pings_open = session.link.pings_open.saturating_sub(1);
        if answered {
            session.forget_answers();
        }
        if answered && !session.link.info.separate_lanes {
            for lane_slot in &mut session.lanes {
                // It wasn't more than were sent.
                let _ = lane_slot.lane.consumed(lane_slot.frames_before_ping(), log);
            }
        }
    }

    fn pong(&mut self, now: Now, slot: u32, ping: &Ping) {
        let session = &self.sessions[slot as usize];
        let lag = session.lanes.iter().map(|slot| self.lag_of(now, slot)).collect();
        self.tell(slot, &BrokerFrame::Pong(Pong { mark: ping.mark, lag }));
    }

    fn lag_of(&self, now: Now, slot: &LaneSlot) -> LaneLag {
        let oldest = slot.lane.oldest().map(|entry| self.log.time(entry));
        LaneLag {
            lane: slot.number,
            messages: u64::from(slot.lane.messages()),
            bytes: slot.lane.bytes(),
            age: oldest.map_or(0, |time| now.wall.saturating_sub(time)),
        }
    }

    fn disconnect(&mut self, slot: u32, disconnect: &Disconnect) {
        let reason = format!("the client said goodbye: {}", shortened(&disconnect.reason));
        if disconnect.keep_session && self.stays(slot) {
            self.part(slot, ErrorCode::Closed, reason, Reconnect::Later(0));
            return self.bury_beyond_limit();
        }
        self.end(slot, ErrorCode::Closed, reason, Reconnect::Never);
    }

    /// Puts a frame into the control queue.
    pub(super) fn tell(&mut self, slot: u32, frame: &BrokerFrame<'_>) {
        if self.sessions[slot as usize].stage == Stage::Away {
            return;
        }
        let link = &mut self.sessions[slot as usize].link;
        link.control.push(link.info.codec, frame);
        self.control_grew(slot);
    }

    /// Puts a reply that is encoded in bincode into the control queue. Returns whether there was
    /// room: replies are large, and leave a part of the queue to smaller control.
    pub(super) fn tell_reply(&mut self, slot: u32, frame: &[u8]) -> bool {
        if self.sessions[slot as usize].stage == Stage::Away {
            return true;
        }
        let most = self.config.limits.control_bytes_max;
        let link = &mut self.sessions[slot as usize].link;
        let room = link.control.push_within(most - most / NOT_FOR_REPLIES, link.info.codec, frame);
        if room {
            self.control_grew(slot);
        }
        room
    }

    fn control_grew(&mut self, slot: u32) {
        let bytes = self.sessions[slot as usize].link.control.bytes().len();
        if bytes > self.config.limits.control_bytes_max {
            return self.end_overrun(slot);
        }
        if !self.sessions[slot as usize].link.blocked {
            self.mark_dirty(slot);
        }
    }

    fn accept(&mut self, slot: u32, id: u64) {
        let accepted = BrokerFrame::Accepted(Accepted { id, ..Accepted::default() });
        self.note_answer(slot, id, &accepted);
        self.tell(slot, &accepted);
    }

    /// A publish was accepted. What was is known by one number, since their ids grow.
    fn published(&mut self, slot: u32, id: u64) {
        let session = &mut self.sessions[slot as usize];
        if session.expiry > 0 {
            session.recall.get_or_insert_default().acknowledged = id;
        }
        self.tell(slot, &BrokerFrame::Accepted(Accepted { id, ..Accepted::default() }));
    }

    pub(super) fn reject(&mut self, slot: u32, id: u64, refusal: Refusal) {
        let Refusal { code, message, field } = refusal;
        self.statistics.rejected += 1;
        let field = field.map(str::to_owned);
        let rejected = BrokerFrame::Rejected(Rejected { id, code, message, field });
        self.note_answer(slot, id, &rejected);
        self.tell(slot, &rejected);
    }

    pub(super) fn answer(&mut self, slot: u32, answer: Answer) {
        match answer {
            Answer::Published { id } => self.published(slot, id),
            Answer::Accepted { id } => self.accept(slot, id),
            Answer::Callback { id, callback } => self.accept_callback(slot, id, callback),
            Answer::Rejected { id, code, message } => {
                self.reject(slot, id, Refusal::new(code, message));
            }
            Answer::RequestFailed { id, code, message } => {
                self.request_failed(slot, id, Refusal::new(code, message));
            }
        }
    }
}

/// The id that a command's answer repeats, if it has one. That of `cancel` names a request.
pub(super) fn id_of(frame: &ClientFrame<'_>) -> Option<u64> {
    match frame {
        ClientFrame::Publish(publish) => publish.id,
        ClientFrame::Send(send) => send.id,
        ClientFrame::Subscribe(subscribe) => Some(subscribe.id),
        ClientFrame::Serve(serve) => Some(serve.id),
        ClientFrame::Unsubscribe(unsubscribe) => Some(unsubscribe.id),
        ClientFrame::Request(request) => Some(request.id),
        ClientFrame::Update(update) => Some(update.id),
        ClientFrame::Move(moved) => Some(moved.id),
        ClientFrame::Offer(offer) => Some(offer.id),
        ClientFrame::Hold(hold) => Some(hold.id),
        ClientFrame::Attach(attach) => Some(attach.id),
        ClientFrame::Detach(detach) => Some(detach.id),
        _ => None,
    }
}
