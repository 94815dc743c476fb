//! Commands that a client repeats, since their answers were lost with a link: they are carried out
//! once, and answered as they were.

use broker_delivery::lane::Item;
use broker_protocol::frame::{Accepted, BrokerFrame, ClientFrame};
use broker_protocol::{Codec, ErrorCode};
use bytes::{Bytes, BytesMut};

use super::Shard;
use super::commands::{Refusal, id_of};
use crate::session::{Given, PongTo, Session, Standpoint};

impl Shard {
    /// Whether a command was carried out before its client came back. It is answered again then.
    pub(super) fn is_repeated(&mut self, slot: u32, frame: &ClientFrame<'_>) -> bool {
        let session = &self.sessions[slot as usize];
        let (Some(past), Some(id)) = (session.past(), id_of(frame)) else { return false };
        if matches!(frame, ClientFrame::Publish(_)) && id > past.last_publish_id {
            return false;
        }
        if past.coming.binary_search(&id).is_ok() {
            return true;
        }
        let given = past.answers.find(id).cloned();
        let published = matches!(frame, ClientFrame::Publish(_));
        match given {
            Some(given) => self.give_again(slot, id, given),
            None if published && id <= past.acknowledged => {
                self.tell(slot, &BrokerFrame::Accepted(Accepted { id, ..Accepted::default() }));
            }
            // It is acknowledged by itself.
            None if published => {}
            None => return false,
        }
        true
    }

    fn give_again(&mut self, slot: u32, id: u64, given: Given) {
        match given {
            Given::Told(frame) => {
                self.tell_reply(slot, &frame);
            }
            Given::NotKept => {
                let message = "the command was carried out; its answer is no longer kept";
                self.reject(slot, id, Refusal::new(ErrorCode::AnswerLost, message));
            }
        }
    }

    /// Notes an answer, should it be lost with its link.
    pub(super) fn note_answer(&mut self, slot: u32, id: u64, frame: &BrokerFrame<'_>) {
        let mut encoded = BytesMut::new();
        Codec::Bincode.write_broker(frame, &mut encoded);
        self.note_given(slot, id, Given::Told(encoded.freeze()));
    }

    /// Notes a reply, which is encoded in bincode.
    pub(super) fn note_reply(&mut self, slot: u32, id: u64, frame: &[u8]) {
        self.note_given(slot, id, Given::Told(Bytes::copy_from_slice(frame)));
    }

    fn note_given(&mut self, slot: u32, id: u64, given: Given) {
        let most = self.config.limits.commands_open_max;
        let session = &mut self.sessions[slot as usize];
        if id != 0 && session.expiry > 0 {
            let recall = session.recall.get_or_insert_default();
            recall.answered(id);
            recall.answers.note(id, given, most);
        }
    }

    /// Notes that a command is asked of the sequencer, and its answer will come.
    pub(super) fn note_asked(&mut self, slot: u32, id: u64) {
        let session = &mut self.sessions[slot as usize];
        if session.expiry > 0 {
            session.recall.get_or_insert_default().ask(id);
        }
    }
}

impl Session {
    /// The answer to a command is in its lane.
    pub(super) fn told_in_lane(&mut self, id: u64) {
        if let Some(recall) = &mut self.recall {
            recall.answered(id);
        }
    }

    /// The client is pinged. A ping of the transport's own may overtake what waits as control.
    pub(super) fn note_ping(&mut self) {
        let behind_all = self.link.info.pings == PongTo::Frame || self.link.control.is_empty();
        if let Some(recall) = self.recall.as_mut().filter(|_| behind_all) {
            recall.ping();
        }
    }

    /// The ping was answered.
    pub(super) fn forget_answers(&mut self) {
        if let Some(recall) = &mut self.recall {
            recall.pong();
        }
        self.recall.take_if(|recall| recall.is_over());
    }

    /// The commands whose answers come without being given again, in order: those that are being
    /// carried out, and those whose answers wait in lanes.
    pub(super) fn answers_coming(&self) -> Vec<u64> {
        let asked = self.recall.iter().flat_map(|recall| recall.asked());
        let requests = self.dealings.iter().flat_map(|one| one.asked.iter()).map(|(id, _)| *id);
        let begin = self.standing.values().filter(|one| one.state == Standpoint::Asked);
        let begin = begin.map(|one| one.command);
        let items = self.lanes.iter().flat_map(|slot| slot.lane.items());
        let waiting = items.filter_map(|item| match item {
            Item::Frame(frame) => frame.answers(),
            _ => None,
        });
        let mut coming: Vec<u64> = asked.chain(requests).chain(begin).chain(waiting).collect();
        coming.sort_unstable();
        coming
    }
}
