//! Commands that a client repeats, since their answers were lost with a link: they are carried out
//! once, and answered as they were.

use broker_protocol::frame::{Accepted, BrokerFrame, ClientFrame};
use broker_protocol::{Codec, ErrorCode};
use bytes::{Bytes, BytesMut};

use super::Shard;
use super::commands::{Refusal, id_of};
use crate::session::{Given, Standpoint, Subscription};

impl Shard {
    /// Whether a command was carried out before its client came back. It is answered again then.
    pub(super) fn is_repeated(&mut self, slot: u32, frame: &ClientFrame<'_>) -> bool {
        let session = &self.sessions[slot as usize];
        let (Some(past), Some(id)) = (session.past(), id_of(frame)) else { return false };
        if matches!(frame, ClientFrame::Publish(_)) && id > past.last_publish_id {
            return false;
        }
        let given = past.answers.find(id).cloned();
        match frame {
            ClientFrame::Publish(_) => {
                let published = given.is_none() && id <= past.acknowledged;
                let published = published.then(|| Accepted { id, ..Accepted::default() });
                match published {
                    Some(accepted) => self.tell(slot, &BrokerFrame::Accepted(accepted)),
                    None => self.give_again(slot, id, given),
                }
                true
            }
            ClientFrame::Subscribe(_) | ClientFrame::Serve(_) if given.is_none() => {
                self.stands_already(slot, id)
            }
            _ if given.is_some() => {
                self.give_again(slot, id, given);
                true
            }
            _ => false,
        }
    }

    /// Whether a subscription was made by this command. Its answer comes in its lane, unless the lane
    /// lost it.
    fn stands_already(&mut self, slot: u32, command: u64) -> bool {
        let session = &self.sessions[slot as usize];
        let Some(past) = session.past() else { return false };
        let from = past.begun_by.partition_point(|(by, _)| *by < command);
        let by_it = past.begun_by[from..].iter().take_while(|(by, _)| *by == command);
        let lost =
            |one: &Subscription| one.state == Standpoint::Begun && past.cut.contains(&one.lane);
        let mut standing =
            by_it.filter_map(|(_, number)| Some((*number, lost(session.standing.get(number)?))));
        let Some((number, lost)) = standing.next() else { return false };
        if lost {
            self.tell_begun(slot, number);
        }
        true
    }

    fn give_again(&mut self, slot: u32, id: u64, given: Option<Given>) {
        match given {
            // It comes by itself.
            None | Some(Given::Elsewhere) => {}
            Some(Given::Told(frame)) => {
                self.tell_reply(slot, &frame);
            }
            Some(Given::NotKept) => {
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

    pub(super) fn note_given(&mut self, slot: u32, id: u64, given: Given) {
        let most = self.config.limits.commands_open_max;
        let session = &mut self.sessions[slot as usize];
        if id != 0 && session.expiry > 0 {
            session.recall.get_or_insert_default().answers.note(id, given, most);
        }
    }
}
