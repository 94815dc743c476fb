//! What a new session is told first: what was held and attached in the one before.
//!
//! A few hundred at a time, as answers come, and in front of what waits: a call of a set that was made
//! meanwhile reaches those who were in it, and a service that holds a hundred thousand callbacks doesn't
//! queue as many frames at once.

use std::sync::Arc;

use broker_protocol::frame::{Attach, ClientFrame};
use bytes::BytesMut;

use super::Hub;
use super::callbacks::hold;
use super::open::Open;
use super::outgoing::{BEGINNING_MAX, PACKET_BYTES_MAX};
use super::state::State;
use crate::interface::{Members, Minding};

/// One word for a new session.
#[derive(Debug)]
pub(super) enum Anew {
    Hold { token: Arc<str>, asked: Option<Arc<Minding>> },
    Attach(Attached),
}

/// A callback that is in a set.
#[derive(Debug, Clone)]
pub(crate) struct Attached {
    pub(crate) set: u64,
    pub(crate) topic: Arc<str>,
    pub(crate) token: Arc<str>,
}

impl Hub {
    /// All that is to be said in a new session.
    pub(super) fn all_anew(&self) -> Vec<Anew> {
        let sets: Vec<Arc<Members>> = self.sets();
        let attached = sets.iter().flat_map(|members| members.attached()).map(Anew::Attach);
        self.held_anew().into_iter().chain(attached).collect()
    }

    /// Says some of it, as many as may be without an answer. Whether nothing of it is left.
    pub(super) fn say_anew(&self, state: &mut State, packet: &mut BytesMut) -> bool {
        while state.open.beginning() < BEGINNING_MAX
            && packet.len() < PACKET_BYTES_MAX
            && let Some(anew) = state.anew.pop_front()
        {
            let id = state.take_id();
            let (frame, open) = anew.into_command(id);
            let bytes = self.encode(&frame);
            state.open.insert(id, open);
            self.say_first(state, packet, (id, &bytes));
        }
        state.anew.is_empty()
    }
}

impl Anew {
    fn into_command(self, id: u64) -> (ClientFrame<'static>, Open) {
        match self {
            Self::Hold { token, asked } => (hold(id, &token, asked.as_deref()), Open::Hold(token)),
            Self::Attach(attached) => {
                let (topic, callback) = (attached.topic.to_string(), attached.token.to_string());
                (ClientFrame::Attach(Attach { id, topic, callback }), Open::Attach(attached))
            }
        }
    }
}
